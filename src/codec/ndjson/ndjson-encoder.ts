import type { RecordDecoder } from '../../contract/output.ts';
import type { QueueRecord } from '../../model/batch.ts';
import { ByteSink } from './byte-sink.ts';
import { writeNdjson } from './ndjson.ts';

/** A piece is given out when it has so many bytes; records are not split, so it may be larger by one. */
const pieceBytes = 524_288;
/** A sink that one large record has blown up is not kept. */
const keptBytes = 8 * pieceBytes;

/** Encodes requests piece by piece, so that neither memory nor the time between two turns of the loop grows with a request. */
export class NdjsonEncoder {
  readonly #decode: RecordDecoder;
  #sink = new ByteSink(pieceBytes);

  constructor(decode: RecordDecoder) {
    this.#decode = decode;
  }

  /** Each piece is good until the next one is asked for. Throws BRIDGE_DECODE. */
  *pieces(records: readonly QueueRecord[]): Generator<Buffer> {
    if (this.#sink.bytes.length > keptBytes) {
      this.#sink = new ByteSink(pieceBytes);
    }
    const sink = this.#sink;
    sink.at = 0;
    for (const record of records) {
      writeNdjson(sink, record, this.#decode);
      if (sink.at >= pieceBytes) {
        yield sink.written();
        sink.at = 0;
      }
    }
    if (sink.at > 0) {
      yield sink.written();
    }
  }
}
