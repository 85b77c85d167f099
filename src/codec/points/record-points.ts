import type { RecordDecoder } from '../../contract/output.ts';
import type { QueueRecord } from '../../model/batch.ts';
import { logPoints } from './log-points.ts';
import { MetricPoints } from './metric-points.ts';
import type { Points } from './point.ts';
import { spanPoints } from './span-points.ts';

/** A record's items as points. `without` counts those that no point can hold. */
export class RecordPoints {
  readonly #decode: RecordDecoder;
  readonly #metrics = new MetricPoints();

  constructor(decode: RecordDecoder) {
    this.#decode = decode;
  }

  /** Throws BRIDGE_DECODE. */
  of(record: QueueRecord): Points {
    const decode = this.#decode;
    switch (record.signal) {
      case 'metrics':
        return this.#metrics.of(decode.frame(record));
      case 'traces':
        return { points: spanPoints(decode.spans(record), record.edits?.dropFields), without: 0 };
      case 'logs':
        return { points: logPoints(record, decode.lines(record)), without: 0 };
      case 'rum':
        return { points: decode.points(record), without: 0 };
      default:
        return record.signal satisfies never;
    }
  }
}
