import type { PromConfig } from './config.ts';

/** What the settings leave out of a page, in words. `where`: the annotation or table that holds them. */
export function leftOutBy(config: PromConfig, where: string): readonly string[] {
  const types = config.metric_types.map((type) => type.toLowerCase());
  const lines: string[] = [];
  if (types.length > 0 && !types.includes('histogram')) {
    lines.push(`no histograms, so no latencies: metric_types of ${where} has ${types.join(', ')} only`);
  }
  if (config.metric_name_filter.length > 0) {
    lines.push(`only what metric_name_filter of ${where} names`);
  }
  if (config.metric_name_filter_ignore.length > 0) {
    lines.push(`not what metric_name_filter_ignore of ${where} names`);
  }
  return lines;
}
