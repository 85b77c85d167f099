import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isLaneHeader, nonceOf, refuseLaterVersion } from './lane-header.ts';

export interface SegmentName {
  /** No data record of an earlier segment has this seq or a later one, and none of this one an earlier seq. */
  readonly firstSeq: number;
  readonly path: string;
}

const digits = 20;

/** `<first seq, 20 digits>.seg` */
export function segmentPath(dir: string, firstSeq: number): string {
  return join(dir, `${String(firstSeq).padStart(digits, '0')}.seg`);
}

/** The segments of a lane, oldest first; none if the directory is not there. */
export async function listSegments(dir: string): Promise<SegmentName[]> {
  const names = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') {
      return [];
    }
    throw error;
  });
  return names
    .filter((name) => /^\d{20}[.]seg$/.test(name))
    .map((name) => ({ firstSeq: Number(name.slice(0, digits)), path: join(dir, name) }))
    .sort((a, b) => a.firstSeq - b.firstSeq);
}

/**
 * Which headers belong to a segment: those with the nonce of its first intact record. That one is not found inside a
 * payload, since the payload of a segment's first record is JSON (`frame.ts`, magic).
 */
export class SegmentGate {
  #nonce: number | undefined;
  readonly #path: string;

  constructor(path: string, nonce?: number) {
    this.#path = path;
    this.#nonce = nonce;
  }

  get nonce(): number | undefined {
    return this.#nonce;
  }

  /** Throws BRIDGE_START at a record of a later version. */
  readonly accept = (header: Buffer): boolean => {
    if (!isLaneHeader(header)) {
      refuseLaterVersion(header, this.#path);
      return false;
    }
    this.#nonce ??= nonceOf(header);
    return nonceOf(header) === this.#nonce;
  };
}
