/**
 * Messages between ratings-v2 and mongodb: MongoDB's header (length, request, response to, OP_MSG; little endian) before a
 * document in JSON instead of BSON. It is there to be counted by its bytes.
 */
export interface Message {
  readonly request: number;
  /** 0 for a question. */
  readonly responseTo: number;
  readonly document: object;
}

const headerBytes = 16;
const opMsg = 2013;
const maxMessageBytes = 64 * 1024;

export function encodeMessage({ request, responseTo, document }: Message): Buffer {
  const body = Buffer.from(JSON.stringify(document));
  const header = Buffer.alloc(headerBytes);
  for (const [n, value] of [headerBytes + body.length, request, responseTo, opMsg].entries()) {
    header.writeInt32LE(value, n * 4);
  }
  return Buffer.concat([header, body]);
}

/** Cuts a stream of bytes into messages. Calls `onBad` where it is no such stream, and nothing after that. */
export class MessageReader {
  readonly #take: (message: Message) => void;
  readonly #onBad: () => void;
  #kept: Buffer = Buffer.alloc(0);
  #isBad = false;

  constructor(take: (message: Message) => void, onBad: () => void) {
    this.#take = take;
    this.#onBad = onBad;
  }

  read(chunk: Buffer): void {
    this.#kept = Buffer.concat([this.#kept, chunk]);
    while (!this.#isBad && this.#kept.length >= headerBytes) {
      const bytes = this.#kept.readInt32LE(0);
      if (bytes < headerBytes || bytes > maxMessageBytes) {
        this.#fail();
      } else if (this.#kept.length < bytes) {
        return;
      } else {
        this.#one(this.#kept.subarray(0, bytes));
        this.#kept = this.#kept.subarray(bytes);
      }
    }
  }

  #one(bytes: Buffer): void {
    try {
      const document: object = JSON.parse(bytes.subarray(headerBytes).toString());
      this.#take({ request: bytes.readInt32LE(4), responseTo: bytes.readInt32LE(8), document });
    } catch {
      this.#fail();
    }
  }

  #fail(): void {
    this.#isBad = true;
    this.#onBad();
  }
}
