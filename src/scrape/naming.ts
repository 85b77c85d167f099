import { compareBytes } from '../codec/metric-frame/metric-frame.ts';
import type { PageSeries } from '../codec/prometheus-text/prometheus-text.ts';
import { BridgeError } from '../contract/errors.ts';
import type { Series } from '../model/metric.ts';
import type { PromConfig } from './config.ts';
import { LeftOutBook } from './left-out.ts';
import { labelFilter, type NameFilter } from './name-filter.ts';

export type Pair = readonly [name: string, value: string];

/** The report series of a scrape, in the order of their values (prometheus/prometheus, scrape/scrape.go). */
export const reportNames = [
  'up',
  'scrape_duration_seconds',
  'scrape_samples_scraped',
  'scrape_samples_post_metric_relabeling',
  'scrape_series_added',
] as const;

export interface NamingOptions {
  readonly config: PromConfig;
  /** Value of the `instance` label. Empty: none. */
  readonly instance: string;
  /** Labels of the pod behind the target. They only fill gaps. */
  readonly discovered?: readonly Pair[];
  readonly wantedName: NameFilter;
  /** Whether a series is wanted, by all that the page says of it. Default: every one. */
  readonly wantedSeries?: (series: PageSeries) => boolean;
}

/**
 * What the series of a target are called: DataKit's split of the name into measurement and field, and its labels. The
 * page's own labels win, then `tags`, then those of its pod, then `instance` and `job` (interfaces.md, "Metric naming").
 * Without `honor_labels`, `tags`, `job` and `instance` win, and what stood on the page is kept as `exported_NAME`.
 */
export class Naming {
  readonly report: readonly Series[];
  readonly leftOut = new LeftOutBook();
  readonly #config: PromConfig;
  readonly #order = new LabelOrder();
  readonly #added: readonly Pair[];
  readonly #ignored: ReadonlySet<string>;
  readonly #renamed: readonly (readonly [from: string, to: string])[];
  readonly #types: ReadonlySet<string>;
  readonly #wantedName: NameFilter;
  /** The settings behind it. */
  readonly #nameRule: string;
  readonly #wantedSeries: (series: PageSeries) => boolean;
  readonly #unwantedLabel: (name: string, value: string) => boolean;
  /** Labels that win over the page's own. */
  readonly #forced: ReadonlySet<string>;

  constructor({ config, instance, discovered = [], wantedName, wantedSeries }: NamingOptions) {
    this.#config = config;
    this.#added = addedLabels(config, instance, discovered);
    const weak = new Set(discovered.map(([name]) => name).filter((name) => !(name in config.tags)));
    this.#forced = new Set(
      config.honor_labels ? [] : this.#added.map(([name]) => name).filter((name) => !weak.has(name)),
    );
    this.#unwantedLabel = labelFilter(config);
    this.#ignored = new Set(config.tags_ignore);
    this.#renamed = Object.entries(config.tags_rename?.mapping ?? {});
    this.#types = new Set(config.metric_types.map((type) => type.toLowerCase()));
    this.#wantedName = wantedName;
    const nameRules = ['metric_name_filter', 'metric_name_filter_ignore'] as const;
    this.#nameRule = nameRules.filter((rule) => config[rule].length > 0).join(' or ');
    this.#wantedSeries = wantedSeries ?? (() => true);
    const labels = sorted([...this.#added]);
    this.report = reportNames.map((name) => ({ name, labels, type: 'gauge', measurement: 'collector', field: name }));
  }

  /**
   * Undefined where the series is filtered out, or stands where a report series stands. Throws BRIDGE_DECODE where its
   * labels are past a limit: the page fails.
   */
  place(series: PageSeries): Series | undefined {
    const rule = this.#ruleAgainst(series);
    if (rule !== undefined) {
      this.leftOut.note(rule, series);
      return undefined;
    }
    const labels = this.#labels(series.labels);
    if (this.report.some((one) => one.name === series.name && samePairs(one.labels, labels))) {
      return undefined;
    }
    checkLimits(series.name, labels, this.#config);
    return {
      name: series.name,
      labels,
      type: series.type,
      ...(series.help !== undefined && { help: series.help }),
      ...(series.unit !== undefined && { unit: series.unit }),
      ...splitOf(series, this.#config),
    };
  }

  /** The setting that leaves a series out. */
  #ruleAgainst(series: PageSeries): string | undefined {
    const type = series.type === 'unknown' ? 'untyped' : series.type;
    if (this.#types.size > 0 && !this.#types.has(type) && !this.#types.has(series.type)) {
      return 'metric_types';
    }
    if (!this.#wantedName(series.family, series.name)) {
      return this.#nameRule;
    }
    const dropsSeries = this.#config.ignore_tag_kv_match_drops === 'series';
    if (dropsSeries && series.labels.some(([name, value]) => this.#unwantedLabel(name, value))) {
      return 'ignore_tag_kv_match';
    }
    return this.#wantedSeries(series) ? undefined : 'the input itself';
  }

  #labels(own: readonly Pair[]): readonly Pair[] {
    const labels = own.filter(
      ([name, value]) => value !== '' && !this.#ignored.has(name) && !this.#unwantedLabel(name, value),
    );
    for (const [from, to] of this.#renamed) {
      this.#rename(labels, from, to);
    }
    if (this.#forced.size > 0) {
      setAside(labels, this.#forced);
    }
    for (const pair of this.#added) {
      if (!labels.some(([name]) => name === pair[0]) && !this.#keptOff(pair[0], own)) {
        labels.push(pair);
      }
    }
    return this.#order.sorted(labels);
  }

  /** An empty `instance` or `job` on the page means none at all, as Pushgateway writes it for groups without an instance. */
  #keptOff(name: string, own: readonly Pair[]): boolean {
    const { honor_labels: honored, tags } = this.#config;
    const byUs = (name === 'instance' || name === 'job') && !Object.hasOwn(tags, name);
    return byUs && honored && own.some((pair) => pair[0] === name && pair[1] === '');
  }

  #rename(labels: Pair[], from: string, to: string): void {
    const at = labels.findIndex(([name]) => name === from);
    const pair = labels[at];
    if (pair === undefined || from === to) {
      return;
    }
    const taken = labels.findIndex(([name]) => name === to);
    if (taken < 0) {
      labels[at] = [to, pair[1]];
    } else if (this.#config.tags_rename?.overwrite_exist_tags === true) {
      labels[taken] = [to, pair[1]];
      labels.splice(at, 1);
    }
  }
}

function addedLabels(config: PromConfig, instance: string, discovered: readonly Pair[]): readonly Pair[] {
  const added = new Map(Object.entries(config.tags));
  const own: Pair[] = config.disable_instance_tag ? [] : [['instance', instance]];
  for (const [name, value] of [...discovered, ['job', config.source] as const, ...own]) {
    if (!added.has(name)) {
      added.set(name, value);
    }
  }
  return [...added].filter(([, value]) => value !== '');
}

/** Prometheus' rule for labels of the page whose names are taken (scrape/scrape.go): short names first, until free. */
function setAside(labels: Pair[], forced: ReadonlySet<string>): void {
  const taken = labels.filter(([name]) => forced.has(name)).sort(([a], [b]) => a.length - b.length);
  for (const pair of taken) {
    let name = pair[0];
    do {
      name = `exported_${name}`;
    } while (forced.has(name) || labels.some(([other]) => other === name));
    labels[labels.indexOf(pair)] = [name, pair[1]];
  }
}

function checkLimits(series: string, labels: readonly Pair[], config: PromConfig): void {
  const { label_limit: count, label_name_length_limit: nameBytes, label_value_length_limit: valueBytes } = config;
  if (count + nameBytes + valueBytes === 0) {
    return;
  }
  // The name counts as a label, as in Prometheus.
  if (count > 0 && labels.length + 1 > count) {
    throw new BridgeError(
      'BRIDGE_DECODE',
      `${series} has ${labels.length + 1} labels, more than label_limit = ${count}`,
    );
  }
  const all: readonly Pair[] = [['__name__', series], ...labels];
  const longName = nameBytes > 0 ? all.find(([name]) => Buffer.byteLength(name) > nameBytes) : undefined;
  const longValue = valueBytes > 0 ? all.find(([, value]) => Buffer.byteLength(value) > valueBytes) : undefined;
  const long = longName ?? longValue;
  if (long !== undefined) {
    const what = longName === undefined ? 'value' : 'name';
    throw new BridgeError(
      'BRIDGE_DECODE',
      `${series}: the ${what} of label ${long[0]} is longer than label_${what}_length_limit allows`,
    );
  }
}

/** Sorts as it did last time where the names are the same: lines of one page mostly have the same labels in the same order. */
class LabelOrder {
  #names: readonly string[] = [];
  /** By place: where the label that belongs there stood. */
  #from: readonly number[] = [];

  sorted(labels: readonly Pair[]): readonly Pair[] {
    if (!this.#isKnown(labels)) {
      this.#names = labels.map(([name]) => name);
      this.#from = labels.map((_, i) => i).sort((a, b) => compareBytes(labels[a]?.[0] ?? '', labels[b]?.[0] ?? ''));
    }
    return this.#from.map((i) => labels[i] ?? none);
  }

  #isKnown(labels: readonly Pair[]): boolean {
    const names = this.#names;
    if (labels.length !== names.length) {
      return false;
    }
    for (let i = 0; i < labels.length; i++) {
      if (labels[i]?.[0] !== names[i]) {
        return false;
      }
    }
    return true;
  }
}

const none: Pair = ['', ''];

function sorted(labels: Pair[]): readonly Pair[] {
  return labels.sort(([a], [b]) => compareBytes(a, b));
}

function samePairs(a: readonly Pair[], b: readonly Pair[]): boolean {
  return a.length === b.length && a.every(([name, value], i) => name === b[i]?.[0] && value === b[i]?.[1]);
}

/** Histograms and summaries are split by the name of the family; what follows it is the end of the field. */
function splitOf({ name, family, type }: PageSeries, config: PromConfig): { measurement: string; field: string } {
  const whole = type === 'histogram' || type === 'summary';
  const base = whole && name.startsWith(family) ? family : name;
  const { measurement, field } = splitName(base, config);
  return {
    measurement: config.measurement_prefix + (measurement === '' ? 'prom' : measurement),
    field: field + name.slice(base.length),
  };
}

function splitName(name: string, config: PromConfig): { measurement: string; field: string } {
  for (const rule of config.measurements) {
    if (rule.prefix !== '' && name.startsWith(rule.prefix)) {
      const measurement = rule.name === '' ? rule.prefix.replace(/_+$/, '') : rule.name;
      return { measurement, field: name.slice(rule.prefix.length) };
    }
  }
  if (config.measurement_name !== '') {
    return { measurement: config.measurement_name, field: name };
  }
  return splitAtUnderscore(name, config);
}

/** DataKit gives up on a name of which only its last character is no `_`, single letters among them. */
function splitAtUnderscore(name: string, config: PromConfig): { measurement: string; field: string } {
  const from = name.search(/[^_]/);
  if (from < 0 || from === name.length - 1) {
    return { measurement: 'unknown', field: 'unknown' };
  }
  const bare = name.slice(from);
  const at = bare.indexOf('_');
  if (at < 0 || at === bare.length - 1) {
    const both = at < 0 ? bare : bare.slice(0, at);
    return { measurement: both, field: both };
  }
  return { measurement: bare.slice(0, at), field: config.keep_exist_metric_name ? bare : bare.slice(at + 1) };
}
