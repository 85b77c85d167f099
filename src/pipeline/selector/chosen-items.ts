import { encodeLogBlock, logBlockFormat } from '../../codec/log-block/log-block.ts';
import { LogBlockBuilder } from '../../codec/log-block/log-block-builder.ts';
import { type EncodedShape, encodeFrame, encodeShape } from '../../codec/metric-frame/metric-frame.ts';
import { encodeRumPoints } from '../../codec/rum-points/rum-points.ts';
import { encodeSpan } from '../../codec/zipkin-json/zipkin-json.ts';
import { hasCode } from '../../contract/errors.ts';
import type { RecordDecoder } from '../../contract/output.ts';
import type { Selector } from '../../lib/selector.ts';
import type { QueueRecord } from '../../model/batch.ts';
import type { LogBlock } from '../../model/log.ts';
import { isStale, type MetricFrame, type Series } from '../../model/metric.ts';
import { ItemSelector } from './item-selector.ts';
import { matchesOrigin } from './record-labels.ts';

type Body = Pick<QueueRecord, 'format' | 'payload' | 'dictionary' | 'edits'>;

/**
 * Records with those of their items that a selector means. Where the place that a record came from decides, the record is
 * taken or left as it is; else each item is looked at, and a record of both kinds is written anew in its signal's own format.
 */
export class ChosenItems {
  readonly #selector: Selector;
  readonly #decode: RecordDecoder;
  readonly #items: ItemSelector;
  /** The same record is asked for at each attempt. */
  readonly #known = new WeakMap<QueueRecord, QueueRecord | 'none'>();
  readonly #shapes = new WeakMap<readonly Series[], { readonly of: string; readonly encoded: EncodedShape }>();

  constructor(selector: Selector, decode: RecordDecoder) {
    this.#selector = selector;
    this.#decode = decode;
    this.#items = new ItemSelector(selector, decode);
  }

  /**
   * The record itself where all of it is meant, undefined where nothing is. One that cannot be read is given as it is: what
   * becomes of it is for delivery to say.
   */
  of(record: QueueRecord): QueueRecord | undefined {
    let chosen = this.#known.get(record);
    if (chosen === undefined) {
      chosen = this.#chosen(record) ?? 'none';
      this.#known.set(record, chosen);
    }
    return chosen === 'none' ? undefined : chosen;
  }

  #chosen(record: QueueRecord): QueueRecord | undefined {
    const verdict = matchesOrigin(this.#selector, record);
    if (verdict !== 'unknown') {
      return verdict === 'yes' ? record : undefined;
    }
    try {
      return this.#byItem(record);
    } catch (error) {
      if (hasCode(error, 'BRIDGE_DECODE')) {
        return record;
      }
      throw error;
    }
  }

  #byItem(record: QueueRecord): QueueRecord | undefined {
    const { count, isMeant } = this.#items.meant(record);
    const indexes = Array.from({ length: count }, (_, index) => index).filter(isMeant);
    if (indexes.length === 0 || indexes.length === count) {
      return indexes.length === 0 ? undefined : record;
    }
    const { edits: _edits, dictionary: _dictionary, ...facts } = record;
    return { ...facts, ...this.#body(record, indexes), items: indexes.length };
  }

  /** Tag edits are in what the decoder gives, but for lines: theirs are applied by who writes them, as is what points lack. */
  #body(record: QueueRecord, indexes: readonly number[]): Body {
    switch (record.signal) {
      case 'metrics':
        return this.#frame(this.#decode.frame(record), indexes);
      case 'traces': {
        const spans = at(this.#decode.spans(record), indexes);
        const dropFields = record.edits?.dropFields;
        const edits = dropFields === undefined ? {} : { edits: { dropFields } };
        return { format: 'zipkin-json-v2', payload: Buffer.from(`[${spans.map(encodeSpan).join(',')}]`), ...edits };
      }
      case 'logs': {
        const block = linesAt(this.#decode.lines(record), indexes);
        const edits = record.edits === undefined ? {} : { edits: record.edits };
        return { format: logBlockFormat(block), payload: encodeLogBlock(block), ...edits };
      }
      case 'rum':
        return { format: 'rum-points', payload: encodeRumPoints(at(this.#decode.points(record), indexes)) };
      default:
        return record.signal satisfies never;
    }
  }

  #frame(frame: MetricFrame, indexes: readonly number[]): Body {
    const { id, bytes } = this.#shape(frame.shape.series, indexes);
    const payload = Buffer.concat(encodeFrame(samplesAt(frame, indexes)));
    return { format: 'metric-frame', payload, dictionary: { id, bytes } };
  }

  /** Frames of one target have one shape, scrape after scrape. */
  #shape(series: readonly Series[], indexes: readonly number[]): EncodedShape {
    const of = indexes.join();
    let known = this.#shapes.get(series);
    if (known?.of !== of) {
      known = { of, encoded: encodeShape(at(series, indexes)) };
      this.#shapes.set(series, known);
    }
    return known.encoded;
  }
}

function samplesAt(frame: MetricFrame, indexes: readonly number[]): Omit<MetricFrame, 'shape'> {
  const { timestampMs, values, stale, timestampsMs, exemplars } = frame;
  const places = new Map(indexes.map((index, place) => [index, place]));
  const kept = exemplars?.flatMap((exemplar) => {
    const index = places.get(exemplar.index);
    return index === undefined ? [] : [{ ...exemplar, index }];
  });
  return {
    timestampMs,
    values: Float64Array.from(indexes, (index) => values[index] ?? Number.NaN),
    ...(stale !== undefined && { stale: staleAt(frame, indexes) }),
    ...(timestampsMs !== undefined && {
      timestampsMs: Float64Array.from(indexes, (index) => timestampsMs[index] ?? Number.NaN),
    }),
    ...(kept !== undefined && { exemplars: kept }),
  };
}

function staleAt(frame: MetricFrame, indexes: readonly number[]): Uint8Array {
  const bits = new Uint8Array((indexes.length + 7) >> 3);
  for (const [place, index] of indexes.entries()) {
    if (isStale(frame, index)) {
      bits[place >> 3] = (bits[place >> 3] ?? 0) | (1 << (place & 7));
    }
  }
  return bits;
}

function linesAt(block: LogBlock, indexes: readonly number[]): LogBlock {
  const builder = new LogBlockBuilder(indexes.length);
  for (const index of indexes) {
    const attributes = block.attributes?.bytes.subarray(
      block.attributes.offsets[index],
      block.attributes.offsets[index + 1],
    );
    const marks = {
      seconds: block.seconds[index] ?? 0,
      nanos: block.nanos[index] ?? 0,
      flags: block.flags[index] ?? 0,
      level: block.levels[index] ?? 0,
      ...(attributes !== undefined && { attributes }),
    };
    builder.append(marks, block.bytes, block.offsets[index] ?? 0, block.offsets[index + 1] ?? 0);
  }
  return builder.block();
}

function at<T>(items: readonly T[], indexes: readonly number[]): readonly T[] {
  return indexes.flatMap((index) => {
    const item = items[index];
    return item === undefined ? [] : [item];
  });
}
