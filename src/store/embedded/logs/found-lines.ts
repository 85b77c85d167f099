import { accessLogFields } from '../../../codec/access-log/access-log.ts';
import { parseAttributes } from '../../../codec/log-block/attributes.ts';
import { logFlags, logLevels } from '../../../model/log.ts';
import { type Arrival, arrivalText, compareArrivals } from './arrival.ts';
import type { LineAt } from './line-scan.ts';
import type { StreamLabels } from './stream-labels.ts';
import { traceIdIn, traceIdOf } from './trace-id.ts';

/** Where a line stands among all: by time, equal times by arrival. */
export interface LinePlace {
  readonly seconds: number;
  readonly nanos: number;
  readonly arrival: Arrival;
}

/** A line with memory of its own. */
export interface FoundLine extends LinePlace {
  readonly ms: number;
  readonly level: number;
  readonly flags: number;
  readonly labels: StreamLabels;
  readonly message: Buffer;
  /** A JSON object; empty where the line has none. */
  readonly attributes: Buffer;
}

/** More text than this is not put into one answer: the lines that are further away are left to the next. */
const maxTextBytes = 32 * 1024 * 1024;

export function compareLines(a: LinePlace, b: LinePlace): number {
  return a.seconds - b.seconds || a.nanos - b.nanos || compareArrivals(a.arrival, b.arrival);
}

/** Keeps the first lines of an order, up to a limit. */
export class FirstLines {
  readonly #compare: (a: LinePlace, b: LinePlace) => number;
  #limit: number;
  #lines: FoundLine[] = [];
  #textBytes = 0;
  /** The last of those kept, once they are as many as may be. */
  #worst: FoundLine | undefined;

  constructor(limit: number, compare: (a: LinePlace, b: LinePlace) => number) {
    this.#limit = limit;
    this.#compare = compare;
  }

  /** The last line that is kept, where no further ones would be behind it. */
  get worst(): FoundLine | undefined {
    return this.#worst;
  }

  offer(line: LineAt): void {
    const place = { seconds: line.seconds, nanos: line.nanos, arrival: line.arrival };
    if (this.#limit === 0 || (this.#worst !== undefined && this.#compare(place, this.#worst) > 0)) {
      return;
    }
    const { ms, level, flags, labels } = line;
    const message = Buffer.from(line.message);
    const attributes = Buffer.from(line.attributes);
    this.#lines.push({ ...place, ms, level, flags, labels, message, attributes });
    this.#textBytes += message.length + attributes.length;
    if (this.#lines.length >= this.#limit * 2 + 64 || this.#textBytes > maxTextBytes * 2) {
      this.settle();
    }
  }

  /** Leaves out what is past the limits. */
  settle(): void {
    const { length } = this.#lines;
    const settled = length < this.#limit || (this.#worst !== undefined && length === this.#limit);
    if (settled && this.#textBytes <= maxTextBytes) {
      return;
    }
    this.#lines.sort(this.#compare);
    this.#limit = Math.min(this.#limit, linesWithin(this.#lines, maxTextBytes));
    this.#lines.length = Math.min(this.#lines.length, this.#limit);
    this.#textBytes = this.#lines.reduce((sum, line) => sum + bytesOf(line), 0);
    this.#worst = this.#lines.length === this.#limit ? this.#lines.at(-1) : undefined;
  }

  /** In order. */
  finish(): readonly FoundLine[] {
    this.settle();
    return this.#lines.sort(this.#compare);
  }
}

function bytesOf({ message, attributes }: FoundLine): number {
  return message.length + attributes.length;
}

/** How many of the first lines have no more text than that; at least one. */
function linesWithin(lines: readonly FoundLine[], bytes: number): number {
  let sum = 0;
  for (const [i, line] of lines.entries()) {
    sum += bytesOf(line);
    if (sum > bytes) {
      return Math.max(1, i);
    }
  }
  return Number.POSITIVE_INFINITY;
}

export function lineJson({ seconds, nanos, ms, arrival, level, flags, labels, ...line }: FoundLine): object {
  const text = line.message.toString();
  const attributes = line.attributes.length === 0 ? undefined : parseAttributes(line.attributes);
  const fields = accessLogFields(line.message);
  const traceId = traceIdOf(attributes) ?? traceIdIn(text);
  const stream = (flags & logFlags.stderr) === 0 ? 'stdout' : 'stderr';
  return {
    id: arrivalText(arrival),
    time: `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${String(nanos).padStart(9, '0')}Z`,
    timeMs: ms,
    message: text,
    level: logLevels[level] ?? 'unknown',
    stream,
    labels: { ...labels, stream },
    ...((flags & logFlags.gap) === 0 ? {} : { gap: true }),
    ...(attributes === undefined ? {} : { attributes }),
    ...(fields === undefined ? {} : { fields }),
    ...(traceId === undefined ? {} : { traceId }),
  };
}
