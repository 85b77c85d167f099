/** Writes a positive integer below 2^53 and returns where it ends. */
export function writeVarint(out: Buffer, at: number, value: number): number {
  let rest = value;
  let end = at;
  while (rest > 0x7f) {
    out[end++] = (rest % 0x80) + 0x80;
    rest = Math.floor(rest / 0x80);
  }
  out[end++] = rest;
  return end;
}

export function varint(value: number): Buffer {
  const out = Buffer.alloc(8);
  return out.subarray(0, writeVarint(out, 0, value));
}

/** An int64 as a varint: a negative one takes ten bytes. */
export function int64(value: number): Buffer {
  const whole = Math.round(value);
  if (whole >= 0) {
    return varint(whole);
  }
  const out = Buffer.alloc(10);
  let rest = BigInt.asUintN(64, BigInt(whole));
  for (let at = 0; at < 9; at++) {
    out[at] = Number(rest & 0x7fn) | 0x80;
    rest >>= 7n;
  }
  out[9] = Number(rest);
  return out;
}

/** A field of bytes: tag, length, and the bytes. */
export function field(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([Buffer.of(tag), varint(length), ...parts]);
}
