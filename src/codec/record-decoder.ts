import { BridgeError } from '../contract/errors.ts';
import type { RecordDecoder } from '../contract/output.ts';
import type { QueueRecord } from '../model/batch.ts';
import type { LogBlock } from '../model/log.ts';
import type { MetricFrame } from '../model/metric.ts';
import type { RumPoint } from '../model/rum.ts';
import type { Span } from '../model/span.ts';
import { decodeLogBlock } from './log-block/log-block.ts';
import { FrameDecoder } from './metric-frame/metric-frame.ts';
import { decodePointsOf } from './rum-points/record-points.ts';
import { decodeSpans } from './spans.ts';

/** The one decoder of records: what an output asks for a second time is what the first one got. */
export class RecordDecoders implements RecordDecoder {
  readonly #frames = new FrameDecoder();
  readonly #frame = new OncePerRecord((record): MetricFrame => {
    expectFormat(record, 'metric-frame');
    return this.#frames.decode(record.payload, record.dictionary, record.edits);
  });
  readonly #spans = new OncePerRecord(decodeSpans);
  readonly #lines = new OncePerRecord((record): LogBlock => {
    if (record.format !== 'log-block-2') {
      expectFormat(record, 'log-block');
    }
    return decodeLogBlock(record.payload);
  });
  readonly #points = new OncePerRecord(decodePointsOf);

  spans(record: QueueRecord): readonly Span[] {
    return this.#spans.of(record);
  }

  frame(record: QueueRecord): MetricFrame {
    return this.#frame.of(record);
  }

  /** Lines have no tags of their own: who shows the pod's fields beside them applies the edits there. */
  lines(record: QueueRecord): LogBlock {
    return this.#lines.of(record);
  }

  points(record: QueueRecord): readonly RumPoint[] {
    return this.#points.of(record);
  }
}

/** What was made of a record, for as long as somebody holds the record. */
class OncePerRecord<T> {
  readonly #made = new WeakMap<QueueRecord, { readonly value: T }>();
  readonly #make: (record: QueueRecord) => T;

  constructor(make: (record: QueueRecord) => T) {
    this.#make = make;
  }

  of(record: QueueRecord): T {
    const known = this.#made.get(record);
    if (known !== undefined) {
      return known.value;
    }
    const value = this.#make(record);
    this.#made.set(record, { value });
    return value;
  }
}

function expectFormat(record: QueueRecord, format: QueueRecord['format']): void {
  if (record.format !== format) {
    throw new BridgeError('BRIDGE_DECODE', `record ${record.seq} is ${record.format}, not ${format}`);
  }
}
