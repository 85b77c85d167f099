import { appendFile, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FrameDecoder } from '../../../src/codec/metric-frame/metric-frame.ts';
import { BridgeError } from '../../../src/contract/errors.ts';
import type { WriteRequest } from '../../../src/contract/output.ts';
import type { Answer, Question, SeriesQuery, Store, StorePosition, StoreStatus } from '../../../src/contract/store.ts';
import { labelTest } from '../../../src/lib/label-matcher.ts';
import type { QueueRecord } from '../../../src/model/batch.ts';
import { isStale } from '../../../src/model/metric.ts';
import { type Labels, labelKey, labelValue } from '../../../src/promql/labels.ts';
import { parse } from '../../../src/promql/parse.ts';
import { evaluateInstant } from '../../../src/promql/promql.ts';
import { resultJson } from '../../../src/promql/result-json.ts';
import type { Matcher, Samples } from '../../../src/promql/source.ts';
import type { StorePlace, StoreSubject } from '../store-contract.ts';

export type MetricStoreFault =
  | 'none'
  | 'loses ends'
  | 'keeps a repeat twice'
  | 'lets the first stand'
  | 'anchors no regular expression'
  | 'does not sort names'
  | 'answers queries that are none'
  | 'forgets when closed'
  | 'shows a torn write'
  | 'never expires';

interface Row {
  readonly position: StorePosition;
  readonly receivedAtMs: number;
  readonly samples: readonly (readonly [labels: Labels, timeMs: number, value: string, stale: boolean])[];
}

/** A store of one file, a JSON line a commit, all of it in memory. Keeps the contract, but for the fault that it is told to have. */
class TinyMetricStore implements Store {
  readonly #place: StorePlace;
  readonly #fault: MetricStoreFault;
  readonly #frames = new FrameDecoder();
  #rows: Row[] = [];

  constructor(place: StorePlace, fault: MetricStoreFault) {
    this.#place = place;
    this.#fault = fault;
  }

  get #file(): string {
    return join(this.#place.dir, 'rows');
  }

  async open(): Promise<void> {
    const text = await readFile(this.#file, 'utf8').catch(() => '');
    for (const line of text.split('\n').filter((one) => one !== '')) {
      try {
        this.#rows.push(JSON.parse(line));
      } catch {
        const last = this.#rows.at(-1);
        if (this.#fault === 'shows a torn write' && last !== undefined) {
          this.#rows.push({ ...last, position: { queueId: 'queue1', seq: 2 } });
        }
        break;
      }
    }
    await writeFile(this.#file, this.#rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  }

  async commit(request: WriteRequest): Promise<void> {
    const queueId = request.id.slice(0, request.id.lastIndexOf(':'));
    const last = this.#rows.at(-1)?.position;
    for (const record of request.records) {
      if (last?.queueId !== queueId || record.seq > last.seq || this.#fault === 'keeps a repeat twice') {
        const row = this.#row(queueId, record);
        await appendFile(this.#file, `${JSON.stringify(row)}\n`);
        this.#rows.push(row);
      }
    }
  }

  async position(): Promise<StorePosition | undefined> {
    return this.#rows.at(-1)?.position;
  }

  async ask(question: Question): Promise<Answer> {
    switch (question.kind) {
      case 'prom.query':
        return answerOf(JSON.parse(await this.#query(question.query, question.timeMs)));
      case 'prom.labels':
        return this.#list(this.#series(question.query).flatMap((labels) => labels.map(([name]) => name)));
      case 'prom.labelValues':
        return this.#list(
          this.#series(question.query).flatMap((labels) => {
            const value = labelValue(labels, question.name);
            return value === '' ? [] : [value];
          }),
        );
      case 'prom.series':
        return answerOf(
          this.#series(question.query)
            .map((labels) => Object.fromEntries(labels))
            .sort((a, b) => ((a['__name__'] ?? '') < (b['__name__'] ?? '') ? -1 : 1)),
        );
      case 'metrics.catalogue': {
        const names = this.#series({ ...question.range, selectors: [], limit: 0 }).map((labels) =>
          labelValue(labels, '__name__'),
        );
        const counts = [...Map.groupBy(names, (name) => name)].map(([name, all]) => ({ name, series: all.length }));
        return answerOf(counts.sort((a, b) => (a.name < b.name ? -1 : 1)));
      }
      default:
        throw new BridgeError('BRIDGE_NOT_FOUND', `no answer to ${question.kind}`);
    }
  }

  async expire(): Promise<number> {
    if (this.#fault === 'never expires') {
      return 0;
    }
    const oldestMs = this.#place.clock.now() - this.#place.retentionMs;
    const gone = this.#rows.filter((row) => row.receivedAtMs < oldestMs);
    this.#rows = this.#rows.filter((row) => row.receivedAtMs >= oldestMs);
    return JSON.stringify(gone).length - 2;
  }

  async status(): Promise<StoreStatus> {
    const items = this.#rows.reduce((sum, row) => sum + row.samples.length, 0);
    return { partitions: [{ signal: 'metrics', startMs: 0, sealed: false, bytes: 1, items }], damage: [], bytes: 1 };
  }

  async check(): Promise<{ ok: true }> {
    return { ok: true };
  }

  async close(): Promise<void> {
    this.#rows = [];
    if (this.#fault === 'forgets when closed') {
      await rm(this.#file, { force: true });
    }
  }

  #row(queueId: string, record: QueueRecord): Row {
    const frame = this.#frames.decode(record.payload, record.dictionary, record.edits);
    const samples = frame.shape.series.map(({ name, labels }, i) => {
      const all = [['__name__', name] as const, ...labels];
      const stale = isStale(frame, i) && this.#fault !== 'loses ends';
      return [all, frame.timestampMs, String(frame.values[i]), stale] as const;
    });
    return { position: { queueId, seq: record.seq }, receivedAtMs: record.receivedAtMs, samples };
  }

  async #query(query: string, timeMs: number): Promise<string> {
    const source = { select: async (matchers: readonly Matcher[]) => this.#select(matchers) };
    const control = { over: false, yield: async () => undefined, maxSamples: 1e6 };
    try {
      return resultJson(await evaluateInstant(query, timeMs, source, control));
    } catch (cause) {
      if (this.#fault === 'answers queries that are none') {
        return '{"result":[]}';
      }
      throw new BridgeError('BRIDGE_DECODE', 'not a query', { cause });
    }
  }

  #select(matchers: readonly Matcher[]): readonly Samples[] {
    const loose = (matcher: Matcher): Matcher =>
      matcher.op === '=~' && this.#fault === 'anchors no regular expression'
        ? { ...matcher, value: `.*(${matcher.value}).*` }
        : matcher;
    const tests = matchers.map((matcher) => ({ name: matcher.name, test: labelTest(loose(matcher)) }));
    const all = this.#rows.flatMap((row) => row.samples);
    const fits = all.filter(([labels]) => tests.every(({ name, test }) => test(labelValue(labels, name))));
    return [...Map.groupBy(fits, ([labels]) => labelKey(labels)).values()].map((samples) => {
      const byTime = new Map<number, (typeof samples)[number]>();
      for (const sample of samples) {
        if (this.#fault !== 'lets the first stand' || !byTime.has(sample[1])) {
          byTime.set(sample[1], sample);
        }
      }
      const sorted = [...byTime.values()].sort((a, b) => a[1] - b[1]);
      return {
        labels: sorted[0]?.[0] ?? [],
        timesMs: Float64Array.from(sorted, ([, timeMs]) => timeMs),
        values: Float64Array.from(sorted, ([, , value]) => Number(value)),
        stale: Uint8Array.from(sorted, ([, , , stale]) => Number(stale)),
      };
    });
  }

  #series({ selectors, startMs, endMs }: SeriesQuery): readonly Labels[] {
    const matchers = selectors.map((selector) => {
      const expr = parse(selector);
      return expr.kind === 'selector' ? expr.matchers : [];
    });
    const found = new Map<string, Labels>();
    for (const each of matchers.length === 0 ? [[]] : matchers) {
      for (const { labels, timesMs } of this.#select(each)) {
        if (timesMs.some((timeMs) => timeMs >= startMs && timeMs <= endMs)) {
          found.set(labelKey(labels), labels);
        }
      }
    }
    return [...found.values()];
  }

  #list(names: readonly string[]): Answer {
    const once = [...new Set(names)].sort();
    return answerOf(this.#fault === 'does not sort names' ? once.reverse() : once);
  }
}

function answerOf(value: unknown): Answer {
  return { contentType: 'application/json', body: Buffer.from(JSON.stringify(value)), count: 1 };
}

export function tinyMetricStore(fault: MetricStoreFault): StoreSubject {
  return { name: 'tiny', create: (place) => new TinyMetricStore(place, fault) };
}
