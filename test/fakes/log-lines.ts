import { testOf } from '../../src/logql/matcher.ts';
import type { LineRequest, LineSource, LineVisitor, LogLine, Values } from '../../src/logql/source.ts';

export interface FakeLine {
  readonly text: string;
  /** Ms since 1970. */
  readonly ms: number;
  readonly stream?: Values;
  readonly level?: string;
  readonly metadata?: Readonly<Record<string, string | number | boolean>>;
  readonly derived?: Values;
}

const plain: Values = { app: 'a' };

/** Lines in memory, given in blocks of two and not in the order of their times within. */
export class FakeLines implements LineSource {
  readonly #lines: readonly FakeLine[];
  scanned = 0;

  constructor(lines: readonly FakeLine[]) {
    this.#lines = lines;
  }

  async scan(request: LineRequest, visitor: LineVisitor): Promise<void> {
    const meant = this.#lines.filter(({ stream = plain, ms }) => {
      const isMeant = request.matchers.every((matcher) => testOf(matcher)(stream[matcher.name] ?? ''));
      return isMeant && ms >= request.startMs && ms <= request.endMs;
    });
    const sign = request.order === 'oldest first' ? 1 : -1;
    for (const line of meant.toSorted((a, b) => sign * (a.ms - b.ms))) {
      if (visitor.enough(line.ms)) {
        return;
      }
      this.scanned += 1;
      if (request.texts.every((text) => line.text.includes(text))) {
        visitor.visit(logLine(line));
      }
    }
  }
}

function logLine({ text, ms, stream = plain, level = 'unknown', metadata = {}, derived = {} }: FakeLine): LogLine {
  const bytes = Buffer.from(text);
  return {
    stream,
    seconds: Math.floor(ms / 1000),
    nanos: (ms % 1000) * 1_000_000,
    level,
    length: bytes.length,
    bytes,
    hasMetadata: Object.keys(metadata).length > 0,
    metadata: () => metadata,
    derived: () => derived,
    traceId: () => /trace_id=(\w+)/.exec(text)?.[1] ?? '',
  };
}
