import type { TextHash } from './hash.ts';

const bitsPerEntry = 10;
/** With 10 bits an entry, six probes give about one false hit in a hundred. */
const probes = 6;

/** A filter over as many entries as `entries` has; never says no to one of them. */
export function buildBloom(entries: readonly TextHash[]): Uint8Array {
  const bytes = new Uint8Array(Math.max(8, Math.ceil((entries.length * bitsPerEntry) / 8)));
  const bits = bytes.length * 8;
  for (const { first, second } of entries) {
    let position = first;
    const step = second | 1;
    for (let probe = 0; probe < probes; probe++) {
      const bit = position % bits;
      bytes[bit >>> 3] = (bytes[bit >>> 3] ?? 0) | (1 << (bit & 7));
      position = (position + step) >>> 0;
    }
  }
  return bytes;
}

export function bloomHas(bytes: Uint8Array, { first, second }: TextHash): boolean {
  const bits = bytes.length * 8;
  let position = first;
  const step = second | 1;
  for (let probe = 0; probe < probes; probe++) {
    const bit = position % bits;
    if (((bytes[bit >>> 3] ?? 0) & (1 << (bit & 7))) === 0) {
      return false;
    }
    position = (position + step) >>> 0;
  }
  return true;
}
