import { RE2JS, RE2JSException } from 're2js';
import { BridgeError } from '../contract/errors.ts';
import type { PromConfig } from './config.ts';

/** Whether a sample is wanted, by the name of its family and its own. */
export type NameFilter = (family: string, sample: string) => boolean;

/** Names that a target makes up all the time would fill the memory of answers without end. */
const maxKnown = 10_000;

/**
 * `metric_name_filter` and `metric_name_filter_ignore`: Go's regular expressions, in linear time, anywhere in the name of
 * the family or of the sample: DataKit looks at the family alone, so that a pattern such as `_bucket$` never finds a
 * histogram. Throws BRIDGE_CONFIG.
 */
export function nameFilter(config: Pick<PromConfig, 'metric_name_filter' | 'metric_name_filter_ignore'>): NameFilter {
  const wanted = config.metric_name_filter.map((pattern) => compiled('metric_name_filter', pattern));
  const ignored = config.metric_name_filter_ignore.map((pattern) => compiled('metric_name_filter_ignore', pattern));
  if (wanted.length + ignored.length === 0) {
    return () => true;
  }
  const known = new Map<string, boolean>();
  return (family, sample) => {
    const key = family === sample ? sample : `${family} ${sample}`;
    let answer = known.get(key);
    if (answer === undefined) {
      const found = (expression: RE2JS): boolean =>
        expression.matcher(family).find() || (family !== sample && expression.matcher(sample).find());
      answer = !ignored.some(found) && (wanted.length === 0 || wanted.some(found));
      if (known.size >= maxKnown) {
        known.clear();
      }
      known.set(key, answer);
    }
    return answer;
  };
}

/** `ignore_tag_kv_match`: whether a label is to be left out because of its value. Throws BRIDGE_CONFIG. */
export function labelFilter(config: PromConfig): (name: string, value: string) => boolean {
  const byName = new Map(
    Object.entries(config.ignore_tag_kv_match).map(([name, patterns]) => [
      name,
      patterns.map((pattern) => compiled(`ignore_tag_kv_match.${name}`, pattern)),
    ]),
  );
  return (name, value) => byName.get(name)?.some((expression) => expression.matcher(value).find()) === true;
}

function compiled(key: string, pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern);
  } catch (cause) {
    if (cause instanceof RE2JSException) {
      throw new BridgeError('BRIDGE_CONFIG', `${key}: "${pattern}" is not a regular expression: ${cause.message}`, {
        cause,
      });
    }
    throw cause;
  }
}
