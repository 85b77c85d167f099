import { systemClock } from '../../src/lib/clock.ts';
import { type Printed, textOf } from './log-node.ts';
import { askJson, openStore } from './store-rig.ts';

interface StoredLine {
  readonly message: string;
  readonly time: string;
  readonly gap?: object;
}

/** What the store says of one container. */
interface Kept {
  /** Times of the copies of each numbered line. */
  readonly times: Map<number, string[]>;
  /** What it said last: how many lines there were. */
  readonly ends: number[];
  /** Lines that are not what was printed. */
  readonly strange: string[];
}

/** Times from and to, as the record of a gap names them. */
interface Gap {
  readonly from: string;
  readonly to: string;
}

export interface Verdict {
  readonly lines: number;
  /** Lines that neither the store has nor a gap covers. */
  readonly unexplained: readonly string[];
  readonly doubled: readonly string[];
  readonly strange: readonly string[];
  /** Lines that a gap covers. */
  readonly inGaps: number;
  readonly gaps: readonly string[];
}

const gapText = /^\[meshbridge\] gap: .* between (\S+) and (\S+)/;

/** Compares what is in the store's directory, once nobody writes it, with what was printed. */
export async function judge(dir: string, printed: readonly Printed[]): Promise<Verdict> {
  const kept = new Map<string, Kept>(
    printed.map(({ name }) => [name, { times: new Map<number, string[]>(), ends: [], strange: [] }]),
  );
  const writers = new Set(printed.filter(({ lines }) => lines === undefined).map(({ name }) => name));
  const gaps = new Map<string, Gap[]>();
  const strange: string[] = [];
  const gapTexts: string[] = [];
  for await (const { pod, line } of storedLines(dir)) {
    const gap = gapText.exec(line.message);
    const [, name = '', number = '', text = ''] = /^(\S+) (\d+|end) (.*)$/s.exec(line.message) ?? [];
    const of = kept.get(name);
    if (gap !== null) {
      gapTexts.push(`${pod}: ${line.message}`);
      gaps.set(pod, [...(gaps.get(pod) ?? []), { from: gap[1] ?? '', to: gap[2] ?? '' }]);
    } else if (of === undefined) {
      strange.push(line.message.slice(0, 200));
    } else if (number === 'end') {
      of.ends.push(Number(text));
    } else if (text === textOf(Number(number), writers.has(name))) {
      of.times.set(Number(number), [...(of.times.get(Number(number)) ?? []), line.time]);
    } else {
      strange.push(line.message.slice(0, 200));
    }
  }
  return verdictOf(printed, kept, { gaps, gapTexts, strange });
}

function verdictOf(
  printed: readonly Printed[],
  kept: ReadonlyMap<string, Kept>,
  found: { gaps: ReadonlyMap<string, readonly Gap[]>; gapTexts: readonly string[]; strange: readonly string[] },
): Verdict {
  const unexplained: string[] = [];
  const doubled: string[] = [];
  let lines = 0;
  let inGaps = 0;
  for (const { name, lines: known } of printed) {
    const { times = new Map<number, string[]>(), ends = [] } = kept.get(name) ?? {};
    const gaps = found.gaps.get(name.split('/')[0] ?? '') ?? [];
    const count = known ?? ends[0] ?? Number.POSITIVE_INFINITY;
    if (ends.length > 1) {
      doubled.push(`${name} end`);
    }
    if (ends.length === 0 && !(known !== undefined && gaps.length > 0)) {
      unexplained.push(`${name} end`);
    }
    const last = Number.isFinite(count) ? count : Math.max(0, ...times.keys());
    for (let number = 1; number <= last; number += 1) {
      const copies = times.get(number)?.length ?? 0;
      lines += Math.min(1, copies);
      if (copies > 1) {
        doubled.push(`${name} ${number}`);
      } else if (copies === 0 && isCovered(gaps, around(times, number, last))) {
        inGaps += 1;
      } else if (copies === 0) {
        unexplained.push(`${name} ${number}`);
      }
    }
  }
  return {
    lines,
    unexplained: asRanges(unexplained),
    doubled: asRanges(doubled),
    strange: found.strange,
    inGaps,
    gaps: found.gapTexts,
  };
}

/** `a 1`, `a 2`, `a 3` are `a 1 to 3`. */
function asRanges(names: readonly string[]): readonly string[] {
  const ranges: { name: string; from: string; to: string }[] = [];
  for (const one of names) {
    const [name = '', number = ''] = one.split(' ');
    const last = ranges.at(-1);
    if (last !== undefined && last.name === name && Number(last.to) + 1 === Number(number)) {
      last.to = number;
    } else {
      ranges.push({ name, from: number, to: number });
    }
  }
  return ranges.map(({ name, from, to }) => (from === to ? `${name} ${from}` : `${name} ${from} to ${to}`));
}

/** When the nearest lines before and after it were printed; empty where there are none. */
function around(times: ReadonlyMap<number, readonly string[]>, number: number, last: number): Gap {
  let before = number;
  let after = number;
  while (before > 0 && !times.has(before)) {
    before -= 1;
  }
  while (after <= last && !times.has(after)) {
    after += 1;
  }
  return { from: times.get(before)?.[0] ?? '', to: times.get(after)?.[0] ?? '' };
}

/** A gap begins at the record before it and ends at the record behind it, at the latest. Streams are a moment apart. */
function isCovered(gaps: readonly Gap[], { from, to }: Gap): boolean {
  const slackMs = 250;
  const ms = (time: string, otherwise: number): number => (time === '' ? otherwise : Date.parse(time));
  return gaps.some(
    (gap) =>
      ms(gap.from, 0) - slackMs <= ms(to, Number.POSITIVE_INFINITY) &&
      ms(gap.to, Number.POSITIVE_INFINITY) + slackMs >= ms(from, 0),
  );
}

async function* storedLines(dir: string): AsyncGenerator<{ readonly pod: string; readonly line: StoredLine }> {
  const store = await openStore(dir, { clock: systemClock });
  let before: string | undefined;
  do {
    const page: { lines: (StoredLine & { labels: Record<string, string> })[]; next?: string } = await askJson(store, {
      kind: 'logs.search',
      query: { startMs: 0, endMs: 4e12, matchers: [], texts: [], levels: [] },
      limit: 5_000,
      ...(before === undefined ? {} : { before }),
    });
    for (const line of page.lines) {
      yield { pod: line.labels['pod'] ?? '', line };
    }
    before = page.next;
  } while (before !== undefined);
  await store.close();
}
