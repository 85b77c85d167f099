import type { Transform } from 'node:stream';
import {
  constants,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  createZstdDecompress,
} from 'node:zlib';
import { BridgeError } from '../contract/errors.ts';
import type { HttpRequest, HttpRoute } from '../contract/http.ts';
import type { BodyBudget } from './body.ts';

export type Coding = 'gzip' | 'deflate' | 'br' | 'zstd';

/** RFC 9110 §8.4.1.2 means zlib's wrapping by `deflate`, which senders leave away now and then. */
function inflateOf(body: Buffer): Transform {
  const head = body.length < 2 ? 0 : body.readUInt16BE(0);
  const isWrapped = (head >> 8) % 16 === 8 && head % 31 === 0;
  return isWrapped ? createInflate() : createInflateRaw();
}

/** Its frames name the memory that they need; 8 MiB is what RFC 9659 lets senders over HTTP ask for. */
const zstdWindowLog = 23;

const openers: Readonly<Record<Coding, (body: Buffer) => Transform>> = {
  gzip: () => createGunzip(),
  deflate: inflateOf,
  br: () => createBrotliDecompress(),
  zstd: () => createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: zstdWindowLog } }),
};

/** Does `Content-Encoding` ask for gunzip? Zipkin asks whether the header contains `gzip`, so `x-gzip` too. */
export function isGzip(contentEncoding: string | undefined): boolean {
  return contentEncoding?.toLowerCase().includes('gzip') === true;
}

/** What is to be undone of a body, if the route wants that. Throws BRIDGE_DECODE at a coding that `any` does not know. */
export function codingOf(
  { headers, query }: Pick<HttpRequest, 'headers' | 'query'>,
  { inflate }: HttpRoute,
): Coding | undefined {
  const header = headers['content-encoding'];
  if (inflate !== 'any') {
    return inflate === true && isGzip(header) ? 'gzip' : undefined;
  }
  const named = (query.get('encoding') || header || 'identity').toLowerCase().trim();
  if (named === 'identity') {
    return undefined;
  }
  const coding = named === 'x-gzip' ? 'gzip' : named;
  if (coding !== 'gzip' && coding !== 'deflate' && coding !== 'br' && coding !== 'zstd') {
    throw new BridgeError(
      'BRIDGE_DECODE',
      `bodies are taken as gzip, deflate, br or zstd, not as ${named.slice(0, 40)}`,
    );
  }
  return coding;
}

/**
 * Inflates a body and stops at `maxBytes`. The result is held in `budget` as `readBody` does. Rejects with BRIDGE_DECODE when
 * it is not of that coding or is cut short, BRIDGE_TOO_LARGE, or BRIDGE_OVERLOADED.
 */
export async function inflated(body: Buffer, coding: Coding, maxBytes: number, budget: BodyBudget): Promise<Buffer> {
  const inflater = openers[coding](body);
  const chunks: Buffer[] = [];
  let inflatedBytes = 0;
  let heldBytes = 0;
  try {
    inflater.end(body);
    for await (const chunk of inflater as AsyncIterable<Buffer>) {
      inflatedBytes += chunk.length;
      if (inflatedBytes > maxBytes) {
        throw new BridgeError('BRIDGE_TOO_LARGE', `the body inflates to more than ${maxBytes} bytes`);
      }
      budget.hold(chunk.length);
      heldBytes += chunk.length;
      chunks.push(chunk);
    }
    return Buffer.concat(chunks, inflatedBytes);
  } catch (error) {
    budget.release(heldBytes);
    if (error instanceof BridgeError) {
      throw error;
    }
    throw new BridgeError('BRIDGE_DECODE', `Content-Encoding says ${coding}, but the body cannot be inflated`, {
      cause: error,
    });
  } finally {
    inflater.destroy();
  }
}
