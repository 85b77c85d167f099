import { labelTest } from '../../src/lib/label-matcher.ts';
import type { Matcher, SampleSource, Samples } from '../../src/promql/source.ts';

export type Point = number | 'stale' | undefined;

const values: Readonly<Record<string, number>> = {
  Inf: Infinity,
  '+Inf': Infinity,
  '-Inf': -Infinity,
  NaN: Number.NaN,
};

function number(text: string): number {
  return values[text] ?? Number(text);
}

/** `_` nothing, `_x3` nothing three times, `stale`, `5`, `5x3` (four times 5), `0+10x3` (0 10 20 30), `9-3x2` (9 6 3). */
export function points(text: string): Point[] {
  return text
    .trim()
    .split(/\s+/)
    .flatMap((item): Point[] => {
      const gap = /^_(?:x(\d+))?$/.exec(item);
      if (gap !== null) {
        return Array.from({ length: Number(gap[1] ?? 1) }, () => undefined);
      }
      const series = /^([+-]?(?:Inf|NaN|[\d.]+(?:e[+-]?\d+)?))(?:([+-])([\d.]+(?:e[+-]?\d+)?|Inf|NaN))?x(\d+)$/.exec(
        item,
      );
      if (series === null) {
        return item === 'stale' ? ['stale'] : [number(item)];
      }
      const [, start = '', sign, step = '0', count = '0'] = series;
      const by = sign === '-' ? -number(step) : number(step);
      return Array.from({ length: Number(count) + 1 }, (_, index) => number(start) + (index === 0 ? 0 : index * by));
    });
}

/** `name{a="b"} rest` → the labels, sorted, and what follows them. */
export function labelled(line: string): { readonly labels: Samples['labels']; readonly rest: string } {
  const [, name = '', inner = '', rest = ''] =
    /^([a-zA-Z_:][\w:]*)?\s*(?:\{((?:[^}"]|"(?:[^"\\]|\\.)*")*)\})?\s*(.*)$/.exec(line.trim()) ?? [];
  const pairs = [...inner.matchAll(/"?([^\s,="]+)"?\s*=\s*("(?:[^"\\]|\\.)*")/g)];
  const labels = pairs.map(([, label = '', value = '']): [string, string] => [label, JSON.parse(value) as string]);
  const all: [string, string][] = name === '' ? labels : [['__name__', name], ...labels];
  return { labels: all.filter(([, value]) => value !== '').sort(([a], [b]) => (a < b ? -1 : 1)), rest };
}

/** `name{a="b"} 0+10x5` → its samples, one every `stepMs` from `startMs` on. */
export function series(line: string, stepMs: number, startMs = 0): Samples {
  const { labels, rest } = labelled(line);
  const there = points(rest)
    .map((point, index) => ({ point, timeMs: startMs + index * stepMs }))
    .filter(({ point }) => point !== undefined);
  return {
    labels,
    timesMs: Float64Array.from(there, ({ timeMs }) => timeMs),
    values: Float64Array.from(there, ({ point }) => (typeof point === 'number' ? point : Number.NaN)),
    stale: Uint8Array.from(there, ({ point }) => (point === 'stale' ? 1 : 0)),
  };
}

/** Holds series in memory, and answers as a store does. */
export function sampleSource(all: readonly Samples[]): SampleSource {
  return {
    async select(matchers: readonly Matcher[], startMs: number, endMs: number) {
      const tests = matchers.map((matcher) => ({ name: matcher.name, test: labelTest(matcher) }));
      const matched = all.filter(({ labels }) =>
        tests.every(({ name, test }) => test(labels.find(([key]) => key === name)?.[1] ?? '')),
      );
      return matched
        .map((one) => {
          const inRange = (_: unknown, index: number): boolean => {
            const timeMs = one.timesMs[index] ?? 0;
            return timeMs >= startMs && timeMs <= endMs;
          };
          return {
            labels: one.labels,
            timesMs: one.timesMs.filter(inRange),
            values: one.values.filter(inRange),
            ...(one.stale === undefined ? {} : { stale: one.stale.filter(inRange) }),
          };
        })
        .filter(({ timesMs }) => timesMs.length > 0);
    },
  };
}
