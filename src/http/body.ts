import type { IncomingMessage } from 'node:http';
import { BridgeError } from '../contract/errors.ts';

/** How many times its wire cap a body may grow when it is inflated (design.md §9). */
export const inflateFactor = 10;

/** A sender that passed the cap is read on, up to this many caps, so that it sees the 413 and not a reset connection. */
const lingerFactor = 4;

const empty = Buffer.alloc(0);

/** Bytes of request bodies that are in memory at once, over all listeners. Past it senders are told to come back. */
export class BodyBudget {
  readonly #maxBytes: number;
  #heldBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Throws BRIDGE_OVERLOADED, and then holds nothing more. */
  hold(bytes: number): void {
    if (!this.tryHold(bytes)) {
      throw new BridgeError('BRIDGE_OVERLOADED', 'too many request bodies at once; try again later');
    }
  }

  /** False, and then holds nothing more, where `hold` throws. */
  tryHold(bytes: number): boolean {
    if (this.#heldBytes + bytes > this.#maxBytes) {
      return false;
    }
    this.#heldBytes += bytes;
    return true;
  }

  release(bytes: number): void {
    this.#heldBytes -= bytes;
  }
}

/** The caller went away before its body was complete: nobody is left to answer. */
export class CallerGone extends Error {
  constructor() {
    super('the caller went away');
    this.name = 'CallerGone';
  }
}

function tooLarge(maxBytes: number): BridgeError {
  return new BridgeError('BRIDGE_TOO_LARGE', `the body is larger than ${maxBytes} bytes`);
}

/** Collects one body. On failure it goes on reading without keeping anything, so that the sender can read the answer. */
class Collector {
  readonly #maxBytes: number;
  readonly #budget: BodyBudget;
  #chunks: Buffer[] = [];
  #keptBytes = 0;
  #seenBytes = 0;
  #fault: BridgeError | undefined;

  constructor(maxBytes: number, budget: BodyBudget) {
    this.#maxBytes = maxBytes;
    this.#budget = budget;
  }

  /** The fault, once it makes no sense to read on. */
  take(chunk: Buffer): BridgeError | undefined {
    this.#seenBytes += chunk.length;
    if (this.#fault === undefined) {
      this.#keep(chunk);
    }
    return this.#seenBytes > this.#maxBytes * lingerFactor ? this.#fault : undefined;
  }

  #keep(chunk: Buffer): void {
    if (this.#seenBytes > this.#maxBytes) {
      this.fail(tooLarge(this.#maxBytes));
      return;
    }
    try {
      this.#budget.hold(chunk.length);
    } catch (error) {
      if (!(error instanceof BridgeError)) {
        throw error;
      }
      this.fail(error);
      return;
    }
    this.#keptBytes += chunk.length;
    this.#chunks.push(chunk);
  }

  fail(fault: BridgeError): void {
    this.#fault = fault;
    this.drop();
  }

  drop(): void {
    this.#budget.release(this.#keptBytes);
    this.#keptBytes = 0;
    this.#chunks = [];
  }

  /** The whole body, which stays held in the budget. Throws the fault. */
  end(): Buffer {
    if (this.#fault !== undefined) {
      throw this.#fault;
    }
    const [first, second] = this.#chunks;
    if (first === undefined) {
      return empty;
    }
    return second === undefined ? first : Buffer.concat(this.#chunks, this.#keptBytes);
  }
}

/**
 * Reads the body of a request, chunked or not. The caller releases `length` bytes of the result from `budget` when it is
 * done with them. Rejects with BRIDGE_TOO_LARGE, BRIDGE_OVERLOADED or CallerGone, and then holds nothing.
 */
export function readBody(request: IncomingMessage, maxBytes: number, budget: BodyBudget): Promise<Buffer> {
  const declaredBytes = Number(request.headers['content-length'] ?? 0);
  if (declaredBytes > maxBytes * lingerFactor) {
    return Promise.reject(tooLarge(maxBytes));
  }
  const collector = new Collector(maxBytes, budget);
  return new Promise((resolve, reject) => {
    request.on('data', (chunk: Buffer) => {
      const fault = collector.take(chunk);
      if (fault !== undefined) {
        request.pause();
        reject(fault);
      }
    });
    request.on('end', () => {
      try {
        resolve(collector.end());
      } catch (error) {
        reject(error);
      }
    });
    request.on('error', () => {
      collector.drop();
      reject(new CallerGone());
    });
  });
}
