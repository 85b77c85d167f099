const carriageReturn = 0x0d;
const lineFeed = 0x0a;
const maxSizeDigits = 7;
/** A body of more is read again from its begin too often while it comes. */
const maxChunks = 64;

export type ChunkedBody =
  | { readonly kind: 'whole'; readonly body: Buffer; readonly end: number }
  /** At least that many bytes must be there to say more. */
  | { readonly kind: 'short'; readonly needBytes: number }
  /** Extensions, trailers, or no chunks at all. */
  | { readonly kind: 'other' };

const other: ChunkedBody = { kind: 'other' };

/** Reads the chunks (RFC 9112 §7.1) that begin at `from`. The body is a view where there is one chunk. */
export function readChunks(bytes: Buffer, from: number): ChunkedBody {
  const parts: Buffer[] = [];
  for (let at = from; ; ) {
    const digitsEnd = hexEnd(bytes, at);
    if (digitsEnd - at > maxSizeDigits) {
      return other;
    }
    if (digitsEnd + 2 > bytes.length) {
      return { kind: 'short', needBytes: digitsEnd + 2 };
    }
    if (digitsEnd === at || !isLineEnd(bytes, digitsEnd) || parts.length > maxChunks) {
      return other;
    }
    const size = Number.parseInt(bytes.toString('latin1', at, digitsEnd), 16);
    const begin = digitsEnd + 2;
    const end = begin + size;
    if (end + 2 > bytes.length) {
      return { kind: 'short', needBytes: end + 2 };
    }
    if (!isLineEnd(bytes, end)) {
      return other;
    }
    if (size === 0) {
      return { kind: 'whole', body: joined(parts), end: end + 2 };
    }
    parts.push(bytes.subarray(begin, end));
    at = end + 2;
  }
}

function joined(parts: readonly Buffer[]): Buffer {
  const [first, second] = parts;
  return first !== undefined && second === undefined ? first : Buffer.concat(parts);
}

function hexEnd(bytes: Buffer, from: number): number {
  let at = from;
  while (at < bytes.length && isHex(bytes[at] ?? 0)) {
    at += 1;
  }
  return at;
}

function isHex(byte: number): boolean {
  const lower = byte | 0x20;
  return (byte >= 0x30 && byte <= 0x39) || (lower >= 0x61 && lower <= 0x66);
}

function isLineEnd(bytes: Buffer, at: number): boolean {
  return bytes[at] === carriageReturn && bytes[at + 1] === lineFeed;
}
