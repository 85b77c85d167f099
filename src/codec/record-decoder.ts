import { BridgeError } from '../contract/errors.ts';
import type { RecordDecoder } from '../contract/output.ts';
import type { QueueRecord } from '../model/batch.ts';
import type { LogBlock } from '../model/log.ts';
import type { MetricFrame } from '../model/metric.ts';
import type { RumPoint } from '../model/rum.ts';
import type { Span } from '../model/span.ts';
import { decodeLogBlock } from './log-block/log-block.ts';
import { FrameDecoder } from './metric-frame/metric-frame.ts';
import { decodeRumPoints } from './rum-points/rum-points.ts';
import { decodeSpans } from './spans.ts';

/** The one decoder of records: what an output asks for a second time is what the first one got. */
export class RecordDecoders implements RecordDecoder {
  readonly #frames = new FrameDecoder();
  readonly #done = new WeakMap<QueueRecord, unknown>();

  spans(record: QueueRecord): readonly Span[] {
    return this.#once(record, () => decodeSpans(record));
  }

  frame(record: QueueRecord): MetricFrame {
    return this.#once(record, () => {
      expectFormat(record, 'metric-frame');
      return this.#frames.decode(record.payload, record.dictionary, record.edits);
    });
  }

  lines(record: QueueRecord): LogBlock {
    return this.#once(record, () => {
      expectFormat(record, 'log-block');
      return decodeLogBlock(record.payload);
    });
  }

  points(record: QueueRecord): readonly RumPoint[] {
    return this.#once(record, () => {
      expectFormat(record, 'rum-points');
      return decodeRumPoints(record.payload);
    });
  }

  /** A record has one signal, so what is kept for it is what its one reader makes. */
  #once<T>(record: QueueRecord, decode: () => T): T {
    const known = this.#done.get(record);
    if (known !== undefined) {
      return known as T;
    }
    const decoded = decode();
    this.#done.set(record, decoded);
    return decoded;
  }
}

function expectFormat(record: QueueRecord, format: QueueRecord['format']): void {
  if (record.format !== format) {
    throw new BridgeError('BRIDGE_DECODE', `record ${record.seq} is ${record.format}, not ${format}`);
  }
}
