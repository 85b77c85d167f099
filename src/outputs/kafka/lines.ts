import { ByteSink } from '../../codec/ndjson/byte-sink.ts';
import { writeNdjson } from '../../codec/ndjson/ndjson.ts';
import type { RecordDecoder } from '../../contract/output.ts';
import type { QueueRecord } from '../../model/batch.ts';

const newline = 0x0a;

/** The items of a record as lines of JSON (interfaces.md, the `file` output): the i-th line is the i-th item. */
export class Lines {
  readonly #bytes: Buffer;
  /** Where each line begins, and the end. */
  readonly #starts: number[] = [0];

  /** Throws BRIDGE_DECODE. */
  constructor(record: QueueRecord, decode: RecordDecoder) {
    const sink = new ByteSink(2 * record.payload.length);
    writeNdjson(sink, record, decode);
    this.#bytes = sink.written();
    for (let at = this.#bytes.indexOf(newline); at >= 0; at = this.#bytes.indexOf(newline, at + 1)) {
      this.#starts.push(at + 1);
    }
  }

  get count(): number {
    return this.#starts.length - 1;
  }

  /** Without its newline. */
  line(index: number): Buffer {
    return this.#bytes.subarray(this.#starts[index], (this.#starts[index + 1] ?? 0) - 1);
  }

  /** With their newlines. */
  joined(indexes: readonly number[]): Buffer {
    const [first = 0] = indexes;
    const last = indexes.at(-1) ?? first;
    if (last - first + 1 === indexes.length) {
      return this.#bytes.subarray(this.#starts[first], this.#starts[last + 1]);
    }
    return Buffer.concat(indexes.map((i) => this.#bytes.subarray(this.#starts[i], this.#starts[i + 1])));
  }
}
