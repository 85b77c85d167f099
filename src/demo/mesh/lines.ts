import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

/** Calls `take` with each line of a stream, without its newline. */
export function eachLine(stream: Readable, take: (line: string) => void): void {
  createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }).on('line', take);
}
