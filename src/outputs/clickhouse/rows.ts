import type { RecordDecoder } from '../../contract/output.ts';
import type { QueueRecord, Signal } from '../../model/batch.ts';
import { browserRows } from './browser-rows.ts';
import { JsonRows } from './json.ts';
import { lineRows } from './line-rows.ts';
import { SampleRows } from './sample-rows.ts';
import { spanRows } from './span-rows.ts';

/** Makes the rows of requests, as JSONEachRow. */
export class Rows {
  readonly #decode: RecordDecoder;
  readonly #samples = new SampleRows();

  constructor(decode: RecordDecoder) {
    this.#decode = decode;
  }

  /** One row for each item, in their order, in parts. Throws BRIDGE_DECODE. */
  of(signal: Signal, records: readonly QueueRecord[]): readonly Buffer[] {
    const rows = new JsonRows();
    for (const record of records) {
      this.#add(signal, record, rows);
    }
    return rows.take();
  }

  #add(signal: Signal, record: QueueRecord, rows: JsonRows): void {
    switch (signal) {
      case 'metrics':
        this.#samples.add(this.#decode.frame(record), record.origin, rows);
        break;
      case 'traces':
        spanRows(this.#decode.spans(record), record, rows);
        break;
      case 'logs':
        lineRows(this.#decode.lines(record), record, rows);
        break;
      case 'rum':
        browserRows(this.#decode.points(record), rows);
        break;
    }
  }
}
