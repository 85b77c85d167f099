import { createHash } from 'node:crypto';
import { readAt } from './file-io.ts';

/** Inode numbers are used again at once, so a file is known by its first bytes too; the hash grows with the file up to this. */
export const maxPrefixBytes = 1_024;
/** From this many equal first bytes on, files with different inodes are taken for copies. */
const tellingPrefixBytes = 64;
/** Of a CRI file fewer do, since it begins with a time in nanoseconds. */
const timedPrefixBytes = 30;
const timedStart = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\./;

export interface Fingerprint {
  readonly prefixBytes: number;
  readonly hash: string;
}

export const noFingerprint: Fingerprint = { prefixBytes: 0, hash: '' };

export function fingerprintOf(prefix: Uint8Array): Fingerprint {
  const hash = createHash('sha256').update(prefix).digest('base64url').slice(0, 22);
  return { prefixBytes: prefix.length, hash };
}

/** The first bytes that are there now. */
export async function readPrefix(descriptor: number): Promise<Buffer> {
  const prefix = Buffer.allocUnsafe(maxPrefixBytes);
  return prefix.subarray(0, await readAt(descriptor, prefix, 0));
}

/** Whether a file that begins with `prefix`, as the one of the fingerprint did, must be that file or a copy of it. */
export function isTelling(prefix: Buffer, { prefixBytes }: Fingerprint): boolean {
  return (
    prefixBytes >= tellingPrefixBytes ||
    (prefixBytes >= timedPrefixBytes && timedStart.test(prefix.toString('latin1', 0, timedPrefixBytes)))
  );
}

/** Does a file that begins with `prefix` begin as the one of the fingerprint did? Says no of a file without bytes. */
export function beginsAs(prefix: Uint8Array, known: Fingerprint): boolean {
  const { prefixBytes, hash } = known;
  return (
    prefixBytes > 0 && prefix.length >= prefixBytes && fingerprintOf(prefix.subarray(0, prefixBytes)).hash === hash
  );
}
