import { inflateRawSync } from 'node:zlib';

const endMark = 0x06054b50;
const entryMark = 0x02014b50;
const stored = 0;

/** Name → content of each file in a zip archive (APPNOTE.TXT; without encryption, and smaller than 4 GiB). Read when asked for. */
export function zipEntries(zip: Buffer): ReadonlyMap<string, () => Buffer> {
  let end = zip.length - 22;
  while (end > 0 && zip.readUInt32LE(end) !== endMark) {
    end -= 1;
  }
  const count = zip.readUInt16LE(end + 10);
  const entries = new Map<string, () => Buffer>();
  for (let i = 0, at = zip.readUInt32LE(end + 16); i < count; i += 1) {
    if (zip.readUInt32LE(at) !== entryMark) {
      throw new Error(`no entry of a zip at byte ${at}`);
    }
    const method = zip.readUInt16LE(at + 10);
    const bytes = zip.readUInt32LE(at + 20);
    const nameBytes = zip.readUInt16LE(at + 28);
    const local = zip.readUInt32LE(at + 42);
    entries.set(zip.toString('utf8', at + 46, at + 46 + nameBytes), () => {
      const from = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
      const content = zip.subarray(from, from + bytes);
      return method === stored ? content : inflateRawSync(content);
    });
    at += 46 + nameBytes + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
  }
  return entries;
}
