import type { HttpRoute } from '../contract/http.ts';
import { readChunks } from './chunked.ts';
import { type RequestHead, readHead } from './request-head.ts';

/** As much as node's own reader takes. */
const maxHeadBytes = 16 * 1024;
const headEnd = Buffer.from('\r\n\r\n');
/** What begins otherwise, such as a TLS handshake, never gets an end of its head, and node's own reader refuses it at once. */
const post = 'P'.charCodeAt(0);

export interface WholeRequest {
  readonly route: HttpRoute;
  readonly head: RequestHead;
  readonly body: Buffer;
  readonly end: number;
}

/** The parts of a request that are here; `short` needs more bytes, `other` is not for this reader. */
export type Found = WholeRequest | { readonly needBytes: number } | 'other';

interface KnownHead {
  readonly bytes: Buffer;
  readonly head: RequestHead;
  readonly route: HttpRoute;
}

/** Finds the requests of one connection that are plain posts to `routes`. */
export class RequestFinder {
  readonly #routes: ReadonlyMap<string, HttpRoute>;
  #known: KnownHead | undefined;

  constructor(routes: ReadonlyMap<string, HttpRoute>) {
    this.#routes = routes;
  }

  /** The one that `bytes` begin with; its body is a view of them. */
  find(bytes: Buffer): Found {
    const known = this.#headOf(bytes);
    if (known === 'short') {
      return bytes.length < maxHeadBytes && (bytes.length === 0 || bytes[0] === post) ? { needBytes: 0 } : 'other';
    }
    if (known === 'other') {
      return 'other';
    }
    const { head, route } = known;
    const from = known.bytes.length;
    if (head.bodyBytes > (route.maxBodyBytes ?? 0)) {
      return 'other';
    }
    if (head.bodyBytes < 0) {
      const chunks = readChunks(bytes, from);
      return chunks.kind === 'whole'
        ? this.#whole(known, chunks.body, chunks.end)
        : chunks.kind === 'short'
          ? chunks
          : 'other';
    }
    const end = from + head.bodyBytes;
    return end > bytes.length ? { needBytes: end } : this.#whole(known, bytes.subarray(from, end), end);
  }

  #whole({ head, route }: KnownHead, body: Buffer, end: number): WholeRequest | 'other' {
    return body.length > (route.maxBodyBytes ?? 0) ? 'other' : { head, route, body, end };
  }

  /** Most senders write the same head each time, and then it is not read again. */
  #headOf(bytes: Buffer): KnownHead | 'short' | 'other' {
    const known = this.#known;
    if (known !== undefined && bytes.length >= known.bytes.length && startsWith(bytes, known.bytes)) {
      if (this.#routes.get(known.head.target) === known.route) {
        return known;
      }
      this.#known = undefined;
    }
    const end = bytes.indexOf(headEnd);
    if (end < 0 || end > maxHeadBytes) {
      return end < 0 ? 'short' : 'other';
    }
    const head = readHead(bytes.toString('latin1', 0, end));
    const route = head === undefined ? undefined : this.#routes.get(head.target);
    if (head === undefined || route === undefined) {
      return 'other';
    }
    this.#known = { bytes: Buffer.from(bytes.subarray(0, end + headEnd.length)), head, route };
    return this.#known;
  }
}

function startsWith(bytes: Buffer, wanted: Buffer): boolean {
  return wanted.compare(bytes, 0, wanted.length) === 0;
}
