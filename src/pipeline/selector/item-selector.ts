import { type Attributes, attributesOf } from '../../codec/log-block/attributes.ts';
import type { RecordDecoder } from '../../contract/output.ts';
import type { Selector } from '../../lib/selector.ts';
import type { QueueRecord } from '../../model/batch.ts';
import { type LogBlock, logFlags, logLevels } from '../../model/log.ts';
import type { Series } from '../../model/metric.ts';
import type { RumPoint } from '../../model/rum.ts';
import type { Span } from '../../model/span.ts';
import { recordLabels } from './record-labels.ts';
import { spanPlace } from './span-place.ts';

type LabelsOf = (name: string) => string | readonly string[] | undefined;

/** Which of a record's items are meant: one bit each, in the order in which the decoder gives them. */
export interface MeantItems {
  readonly count: number;
  readonly isMeant: (index: number) => boolean;
}

/**
 * Holds a selector against the items of records. A label is the item's own, else that of the place the record came from, else
 * a tag that is added; of log lines the place goes before the line's attributes, as it does in their stream.
 * Beside labels and tags: of metrics `__name__`, `measurement`, `field`; of spans `service` (its own service or the other side's),
 * `name`, `kind`, `trace_id` and what its tags say of its place; of log lines `stream`, `level`; of RUM points `measurement`; and `signal` of all.
 */
export class ItemSelector {
  readonly #selector: Selector;
  readonly #decode: RecordDecoder;
  /** Frames of one shape have the same series: asked once. */
  readonly #seriesVerdicts = new WeakMap<readonly Series[], { readonly key: string; readonly meant: Uint8Array }>();

  constructor(selector: Selector, decode: RecordDecoder) {
    this.#selector = selector;
    this.#decode = decode;
  }

  /** Throws BRIDGE_DECODE. */
  meant(record: QueueRecord): MeantItems {
    const ofRecord = recordLabels(record);
    const common: LabelsOf = (name) => (name === 'signal' ? record.signal : ofRecord.get(name));
    switch (record.signal) {
      case 'metrics':
        return this.#series(this.#decode.frame(record).shape.series, JSON.stringify([...ofRecord]), common);
      case 'traces':
        return this.#each(this.#decode.spans(record), spanLabels, common);
      case 'logs':
        return this.#lines(this.#decode.lines(record), common);
      case 'rum':
        return this.#each(this.#decode.points(record), pointLabels, common);
      default:
        return record.signal satisfies never;
    }
  }

  /** Whether one of its items is. */
  matchesAny(record: QueueRecord): boolean {
    const { count, isMeant } = this.meant(record);
    for (let i = 0; i < count; i++) {
      if (isMeant(i)) {
        return true;
      }
    }
    return false;
  }

  #series(series: readonly Series[], key: string, common: LabelsOf): MeantItems {
    let known = this.#seriesVerdicts.get(series);
    if (known?.key !== key) {
      const meant = Uint8Array.from(series, (one) => Number(this.#holds(seriesLabels(one), common)));
      known = { key, meant };
      this.#seriesVerdicts.set(series, known);
    }
    const { meant } = known;
    return { count: series.length, isMeant: (index) => meant[index] === 1 };
  }

  #each<T>(items: readonly T[], labelsOf: (item: T) => LabelsOf, common: LabelsOf): MeantItems {
    const isMeant = (index: number): boolean => {
      const item = items[index];
      return item !== undefined && this.#holds(labelsOf(item), common);
    };
    return { count: items.length, isMeant };
  }

  #lines(block: LogBlock, common: LabelsOf): MeantItems {
    return { count: block.count, isMeant: (index) => this.#holds(common, lineLabels(block, index)) };
  }

  #holds(first: LabelsOf, second: LabelsOf): boolean {
    return this.#selector.matches((name) => first(name) ?? second(name));
  }
}

function seriesLabels({ name: metric, labels, measurement, field }: Series): LabelsOf {
  const special: Readonly<Record<string, string>> = { __name__: metric, measurement, field };
  return (name) => labels.find(([label]) => label === name)?.[1] ?? own(special, name);
}

function spanLabels(span: Span): LabelsOf {
  return (name) => own(span.tags ?? {}, name) ?? spanFact(span, name) ?? spanPlace(span, name);
}

function spanFact({ localEndpoint, remoteEndpoint, name, kind, traceId }: Span, label: string): ReturnType<LabelsOf> {
  switch (label) {
    case 'service':
      return [localEndpoint?.serviceName, remoteEndpoint?.serviceName].filter((service) => service !== undefined);
    case 'name':
      return name;
    case 'kind':
      return kind;
    case 'trace_id':
      return traceId;
    default:
      return undefined;
  }
}

function lineLabels(block: LogBlock, index: number): LabelsOf {
  let attributes: Attributes | undefined | null = null;
  return (name) => {
    if (name === 'stream') {
      return ((block.flags[index] ?? 0) & logFlags.stderr) === 0 ? 'stdout' : 'stderr';
    }
    if (name === 'level') {
      return logLevels[block.levels[index] ?? 0];
    }
    attributes = attributes === null ? attributesOf(block, index) : attributes;
    return own(attributes ?? {}, name);
  };
}

function pointLabels({ measurement, tags, fields }: RumPoint): LabelsOf {
  return (name) => own(tags, name) ?? own(fields, name) ?? (name === 'measurement' ? measurement : undefined);
}

function own(values: Readonly<Record<string, string | number | boolean>>, name: string): string | undefined {
  return Object.hasOwn(values, name) ? String(values[name]) : undefined;
}
