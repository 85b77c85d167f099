import type { RecordDecoder } from '../../contract/output.ts';
import type { QueueRecord } from '../../model/batch.ts';
import { ByteSink } from './byte-sink.ts';
import { writeNdjson } from './ndjson.ts';

const newline = 0x0a;

/** Items of records as single lines of JSON. */
export class NdjsonLines {
  readonly #decode: RecordDecoder;

  constructor(decode: RecordDecoder) {
    this.#decode = decode;
  }

  /** Each with its newline, in the order of the items; without those that are not meant. Throws BRIDGE_DECODE. */
  of(record: QueueRecord, isMeant: (index: number) => boolean = () => true): readonly Buffer[] {
    const sink = new ByteSink();
    writeNdjson(sink, record, this.#decode);
    const text = sink.written();
    const lines: Buffer[] = [];
    for (let from = 0, index = 0; from < text.length; index++) {
      const to = text.indexOf(newline, from) + 1;
      if (isMeant(index)) {
        lines.push(text.subarray(from, to));
      }
      from = to;
    }
    return lines;
  }
}
