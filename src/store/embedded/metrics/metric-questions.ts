import { BridgeError } from '../../../contract/errors.ts';
import type { Answer, Question, SeriesQuery, TimeRange } from '../../../contract/store.ts';
import { PromqlError } from '../../../promql/errors.ts';
import { compareLabels, inByteOrder, type Labels, labelKey, labelValue, metricName } from '../../../promql/labels.ts';
import { parse } from '../../../promql/parse.ts';
import { evaluateInstant, evaluateRange, type QueryResult } from '../../../promql/promql.ts';
import { resultBytes } from '../../../promql/result-json.ts';
import type { Matcher, SampleSource } from '../../../promql/source.ts';
import type { Slice } from '../slice.ts';
import { catalogue, metadata } from './catalogue.ts';
import type { MetricPartition } from './partition.ts';
import { matchingSeries } from './series-match.ts';
import { maxSamples, StoreSource } from './store-source.ts';
import { JointSource, type VirtualSeries } from './virtual-series.ts';

export type MetricQuestion = Extract<Question, { readonly kind: `prom.${string}` | 'metrics.catalogue' }>;

export function isMetricQuestion(question: Question): question is MetricQuestion {
  return question.kind.startsWith('prom.') || question.kind === 'metrics.catalogue';
}

export interface StoredMetrics {
  readonly partitions: readonly MetricPartition[];
  /** Series that are worked out from other signals. */
  readonly virtual?: VirtualSeries | undefined;
}

/** Puts questions to the partitions, oldest first, and gives the bytes of the answer. */
export async function answerMetrics(stored: StoredMetrics, question: MetricQuestion, slice: Slice): Promise<Answer> {
  try {
    return await new Asking(stored, slice).answer(question);
  } catch (error) {
    throw error instanceof PromqlError ? asBridgeError(error) : error;
  }
}

function asBridgeError(error: PromqlError): BridgeError {
  const code = error.fault === 'syntax' ? 'BRIDGE_DECODE' : 'BRIDGE_UNSUPPORTED';
  return new BridgeError(code, error.message, { cause: error });
}

class Asking {
  readonly #partitions: readonly MetricPartition[];
  readonly #virtual: VirtualSeries | undefined;
  readonly #slice: Slice;

  constructor({ partitions, virtual }: StoredMetrics, slice: Slice) {
    this.#partitions = partitions;
    this.#virtual = virtual;
    this.#slice = slice;
  }

  async answer(question: MetricQuestion): Promise<Answer> {
    switch (question.kind) {
      case 'prom.query': {
        const { query, timeMs } = question;
        return this.#result(await evaluateInstant(query, timeMs, this.#source(), this.#control()));
      }
      case 'prom.queryRange': {
        const { query, range, stepMs } = question;
        return this.#result(await evaluateRange(query, { ...range, stepMs }, this.#source(), this.#control()));
      }
      case 'prom.labels':
        return list(await this.#labelNames(question.query), question.query.limit);
      case 'prom.labelValues':
        return list(await this.#labelValues(question.name, question.query), question.query.limit);
      case 'prom.series':
        return this.#series(question.query);
      case 'prom.metadata':
        return metadata(this.#stored(), question, this.#slice);
      case 'metrics.catalogue':
        return catalogue(this.#stored(question.range), question.range, this.#slice);
      default:
        question satisfies never;
        throw new BridgeError('BRIDGE_NOT_FOUND', 'the store does not know this question');
    }
  }

  #stored(range?: TimeRange): StoredMetrics {
    const partitions = range === undefined ? this.#partitions : inRange(this.#partitions, range);
    return { partitions, virtual: this.#virtual };
  }

  #source(): SampleSource {
    const scraped = new StoreSource(this.#partitions, this.#slice);
    return this.#virtual === undefined ? scraped : new JointSource(scraped, this.#virtual, this.#slice);
  }

  async #result(found: QueryResult): Promise<Answer> {
    const count = found.type === 'vector' ? found.samples.length : found.type === 'matrix' ? found.series.length : 1;
    return { contentType: 'application/json', body: await resultBytes(found, this.#control()), count };
  }

  #control() {
    const slice = this.#slice;
    return {
      maxSamples,
      get over(): boolean {
        return slice.over;
      },
      yield: () => slice.yield(),
    };
  }

  async #labelNames(query: SeriesQuery): Promise<string[]> {
    const names = new Set<string>();
    await this.#eachSeries(query, (partition) => {
      const table = partition.table();
      const seen = new Uint8Array(table.book.size);
      return (series) => {
        names.add(metricName);
        for (const pair of table.pairsOf(series)) {
          if (seen[pair] !== 1) {
            seen[pair] = 1;
            names.add(table.book.name(pair));
          }
        }
      };
    });
    for (const labels of await this.#virtualLabels(query)) {
      for (const [name] of labels) {
        names.add(name);
      }
    }
    return [...names];
  }

  async #virtualLabels(query: SeriesQuery): Promise<readonly Labels[]> {
    const wanted = query.selectors.length === 0 ? [[]] : query.selectors.map(matchersOf);
    const found: Labels[] = [];
    for (const matchers of wanted) {
      found.push(...((await this.#virtual?.list(matchers, query, this.#slice)) ?? []));
    }
    return found;
  }

  async #labelValues(name: string, query: SeriesQuery): Promise<string[]> {
    const values = new Set<string>();
    await this.#eachSeries(query, (partition) => {
      const table = partition.table();
      const label = table.book.known(name);
      return (series) => {
        const pair = label === undefined ? undefined : table.pairNamed(series, label);
        if (name === metricName) {
          values.add(table.name(series));
        } else if (pair !== undefined) {
          values.add(table.book.value(pair));
        }
      };
    });
    for (const labels of await this.#virtualLabels(query)) {
      values.add(labelValue(labels, name));
    }
    values.delete('');
    return [...values];
  }

  async #series(query: SeriesQuery): Promise<Answer> {
    const found = new Map<string, Labels>();
    await this.#eachSeries(query, (partition) => {
      const table = partition.table();
      return (series) => {
        const labels = table.labels(series);
        found.set(labelKey(labels), labels);
      };
    });
    for (const labels of await this.#virtualLabels(query)) {
      found.set(labelKey(labels), labels);
    }
    const sorted = [...found.values()].sort(compareLabels);
    const limited = query.limit > 0 ? sorted.slice(0, query.limit) : sorted;
    return json(
      limited.map((labels) => Object.fromEntries(labels)),
      limited.length,
    );
  }

  /** `begin` is asked for each partition, and gives what takes its series. */
  async #eachSeries(
    query: SeriesQuery,
    begin: (partition: MetricPartition) => (series: number) => void,
  ): Promise<void> {
    const wanted = query.selectors.length === 0 ? [[]] : query.selectors.map(matchersOf);
    for (const partition of inRange(this.#partitions, query)) {
      await partition.load(this.#slice);
      const take = begin(partition);
      for (const matchers of wanted) {
        for (const series of await matchingSeries(partition.table(), matchers, this.#slice)) {
          if (partition.reaches(series, query)) {
            take(series);
          }
          if (this.#slice.over) {
            await this.#slice.yield();
          }
        }
      }
    }
  }
}

function inRange(partitions: readonly MetricPartition[], { startMs, endMs }: TimeRange): readonly MetricPartition[] {
  return partitions.filter(({ minMs, maxMs }) => minMs <= endMs && maxMs >= startMs);
}

/** Throws BRIDGE_DECODE for what is no series selector. */
function matchersOf(selector: string): readonly Matcher[] {
  const expr = parse(selector);
  if (expr.kind !== 'selector' || expr.rangeMs !== undefined) {
    throw new BridgeError('BRIDGE_DECODE', `${selector} is not a series selector`);
  }
  return expr.matchers;
}

function list(values: string[], limit: number): Answer {
  const sorted = values.sort(inByteOrder);
  const limited = limit > 0 ? sorted.slice(0, limit) : sorted;
  return json(limited, limited.length);
}

function json(value: unknown, count: number): Answer {
  return { contentType: 'application/json', body: Buffer.from(JSON.stringify(value)), count };
}
