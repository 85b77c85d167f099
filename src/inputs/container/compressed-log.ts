import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { closeFile, factsOfOpen, openFile, readAt, unlessMissing } from './file-io.ts';
import { beginsAs, maxPrefixBytes } from './fingerprint.ts';
import type { FilePosition } from './position.ts';

/**
 * How many bytes behind `position` a compressed file holds, when it is the file that the position is of. Undefined when it is
 * another one, or no gzip. The size is that of the gzip trailer: modulo 2^32, and of the last member only (RFC 1952 §2.3.1).
 */
export async function unreadInCompressed(path: string, position: FilePosition): Promise<number | undefined> {
  if (!beginsAs(await inflatedPrefix(path), position)) {
    return undefined;
  }
  const size = await inflatedSize(path);
  return size === undefined ? undefined : Math.max(0, size - Math.min(...position.consumed));
}

async function inflatedPrefix(path: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const file = createReadStream(path, { end: 65_535 });
  const inflated = createGunzip();
  file.on('error', (error) => inflated.destroy(error));
  file.pipe(inflated);
  try {
    for await (const chunk of inflated) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes >= maxPrefixBytes) {
        break;
      }
    }
  } catch {
    // The first 64 KiB of a longer file end in the middle: what was inflated before is what counts.
  } finally {
    file.destroy();
    inflated.destroy();
  }
  return Buffer.concat(chunks).subarray(0, maxPrefixBytes);
}

async function inflatedSize(path: string): Promise<number | undefined> {
  const descriptor = await unlessMissing(openFile(path));
  if (descriptor === undefined) {
    return undefined;
  }
  try {
    const { size } = await factsOfOpen(descriptor);
    const trailer = Buffer.alloc(4);
    const bytes = size < 18 ? 0 : await readAt(descriptor, trailer, size - 4);
    return bytes === 4 ? trailer.readUInt32LE(0) : undefined;
  } finally {
    await closeFile(descriptor);
  }
}
