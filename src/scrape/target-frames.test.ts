import { describe, expect, test } from '@jest/globals';
import { FrameDecoder } from '../codec/metric-frame/metric-frame.ts';
import { PageParser } from '../codec/prometheus-text/prometheus-text.ts';
import { isStale, type Series } from '../model/metric.ts';
import { type EncodedScrape, type OwnTimes, TargetFrames } from './target-frames.ts';

const decoder = new FrameDecoder();
const report = ['up', 'duration', 'scraped', 'kept', 'added'].map(
  (name): Series => ({ name, labels: [], type: 'gauge', measurement: 'collector', field: name }),
);

/** `name value`, `name stale`, with `@time` where the sample has one of its own. */
function shown(scrape: EncodedScrape | undefined): string[] {
  if (scrape === undefined) {
    return ['nothing'];
  }
  const frame = decoder.decode(Buffer.concat(scrape.payload), scrape.dictionary);
  expect(scrape.items).toBe(frame.shape.series.length);
  return frame.shape.series.map(({ name }, i) => {
    const at = frame.timestampsMs?.[i] ?? Number.NaN;
    return `${name} ${isStale(frame, i) ? 'stale' : frame.values[i]}${Number.isNaN(at) ? '' : `@${at}`}`;
  });
}

function target(ownTimes?: OwnTimes) {
  const frames = new TargetFrames(report, ownTimes);
  const parser = new PageParser({
    place: ({ name, labels, type }) =>
      name === 'unwanted' ? undefined : { name, labels, type, measurement: 'm', field: name },
    dialect: 'text',
    timestamps: 'honor',
  });
  const at = { timestampMs: 1_000, durationSeconds: 0.5 };
  return {
    frames,
    /** What would be emitted; `take` then makes it the state. */
    scrape: (text: string) => frames.scraped(parser.parse(Buffer.from(text)), at),
    parse: (text: string) => parser.parse(Buffer.from(text)),
    fail: () => frames.failed(at),
    end: () => frames.ended(2_000),
  };
}

function taken(scrape: EncodedScrape): string[] {
  const seen = shown(scrape);
  scrape.taken();
  return seen;
}

describe('a scrape', () => {
  test('is the samples of the page and the report of the scrape', () => {
    const { scrape } = target();
    expect(taken(scrape('a 1\nb 2\nunwanted 3\na 4\n'))).toEqual([
      'a 4',
      'b 2',
      'up 1',
      'duration 0.5',
      'scraped 4',
      'kept 3',
      'added 2',
    ]);
  });

  test('has the very same shape as the last one while the series stay', () => {
    const { scrape } = target();
    const first = scrape('a 1\nb 2\n');
    first.taken();
    const second = scrape('a 3\nb 4\n');
    expect(second.dictionary).toBe(first.dictionary);
    expect(shown(second)).toEqual(['a 3', 'b 4', 'up 1', 'duration 0.5', 'scraped 2', 'kept 2', 'added 0']);
    expect(Buffer.concat(second.payload)).toHaveLength(16 + 8 * 7);
  });

  test('marks the series that are gone, once', () => {
    const { scrape } = target();
    taken(scrape('a 1\nb 2\nc 3\n'));
    expect(taken(scrape('c 4\nd 5\n'))).toEqual([
      'c 4',
      'd 5',
      'a stale',
      'b stale',
      'up 1',
      'duration 0.5',
      'scraped 2',
      'kept 2',
      'added 1',
    ]);
    expect(taken(scrape('c 5\nd 6\n'))).toEqual([
      'c 5',
      'd 6',
      'up 1',
      'duration 0.5',
      'scraped 2',
      'kept 2',
      'added 0',
    ]);
    expect(taken(scrape('a 7\nc 5\nd 6\n')).at(-1)).toBe('added 1');
  });

  test('does not mark a series whose type alone is another', () => {
    const { scrape } = target();
    taken(scrape('# TYPE a gauge\na 1\n'));
    expect(taken(scrape('# TYPE a counter\na 1\n'))).toEqual([
      'a 1',
      'up 1',
      'duration 0.5',
      'scraped 1',
      'kept 1',
      'added 0',
    ]);
  });

  test('that nobody took leaves everything to be marked later', () => {
    const { scrape } = target();
    taken(scrape('a 1\nb 2\n'));
    expect(shown(scrape('b 2\n'))).toContain('a stale');
    expect(shown(scrape('b 2\n'))).toContain('a stale');
    expect(shown(scrape('a 3\nb 2\n'))).toContain('added 0');
  });

  test('of an empty page is a good one', () => {
    const { scrape } = target();
    taken(scrape('a 1\n'));
    expect(taken(scrape(''))).toEqual(['a stale', 'up 1', 'duration 0.5', 'scraped 0', 'kept 0', 'added 0']);
  });
});

describe('a scrape that failed', () => {
  test('marks all series in the shape that they had, once', () => {
    const { scrape, fail } = target();
    const good = scrape('a 1\nb 2\n');
    good.taken();
    const bad = fail();
    expect(bad.dictionary).toBe(good.dictionary);
    expect(taken(bad)).toEqual(['a stale', 'b stale', 'up 0', 'duration 0.5', 'scraped 0', 'kept 0', 'added 0']);
    expect(taken(fail())).toEqual(['up 0', 'duration 0.5', 'scraped 0', 'kept 0', 'added 0']);
    const again = scrape('a 1\nb 2\n');
    expect(again.dictionary).toBe(good.dictionary);
    expect(shown(again).at(-1)).toBe('added 0');
    expect(taken(scrape('b 2\nc 3\n'))).toEqual([
      'b 2',
      'c 3',
      'up 1',
      'duration 0.5',
      'scraped 2',
      'kept 2',
      'added 1',
    ]);
  });

  test('first of all is a report', () => {
    expect(taken(target().fail())).toEqual(['up 0', 'duration 0.5', 'scraped 0', 'kept 0', 'added 0']);
  });
});

describe('a series with times of its own', () => {
  test('is never marked, and is new only once', () => {
    const { scrape, fail } = target();
    expect(taken(scrape('a 1 77\nb 2\n'))).toEqual([
      'a 1@77',
      'b 2',
      'up 1',
      'duration 0.5',
      'scraped 2',
      'kept 2',
      'added 2',
    ]);
    expect(taken(scrape('a 1 78\nb 2\n')).at(-1)).toBe('added 0');
    expect(taken(scrape('c 1\n'))).toEqual([
      'c 1',
      'b stale',
      'up 1',
      'duration 0.5',
      'scraped 1',
      'kept 1',
      'added 1',
    ]);
    taken(scrape('a 1 78\nb 2\n'));
    expect(taken(fail())).toEqual(['b stale', 'up 0', 'duration 0.5', 'scraped 0', 'kept 0', 'added 0']);
  });

  test('is marked where its times are tracked', () => {
    const { scrape, fail } = target('tracked');
    taken(scrape('a 1 77\nb 2\n'));
    expect(taken(scrape('b 2 78\n')).slice(0, 2)).toEqual(['b 2@78', 'a stale']);
    expect(taken(fail()).slice(0, 2)).toEqual(['b stale', 'up 0']);
  });

  test('whose sample was left out because of its time is not marked', () => {
    const { frames, parse, scrape } = target('tracked');
    taken(scrape('a 1 77\nb 2 77\n'));
    const whole = parse('a 3 77\nb 2 78\n');
    const { list } = parse('b 2 78\n');
    const at = { timestampMs: 1_000, durationSeconds: 0.5 };
    const reduced = {
      ...whole,
      list,
      series: list.series,
      values: Float64Array.of(2),
      timestampsMs: Float64Array.of(78),
    };
    expect(taken(frames.scraped(reduced, at, whole.list)).slice(0, 2)).toEqual(['b 2@78', 'up 1']);
    expect(taken(scrape('b 2 79\n')).slice(0, 2)).toEqual(['b 2@79', 'a stale']);
  });
});

describe('a target that is not scraped any more', () => {
  test('ends with all its series, those of the report too', () => {
    const { scrape, end } = target();
    taken(scrape('a 1\n'));
    expect(shown(end())).toEqual([
      'a stale',
      'up stale',
      'duration stale',
      'scraped stale',
      'kept stale',
      'added stale',
    ]);
    end()?.taken();
    expect(shown(end())).toEqual(['nothing']);
  });

  test('has nothing to end where nothing was taken', () => {
    const { scrape, end } = target();
    scrape('a 1\n');
    expect(shown(end())).toEqual(['nothing']);
  });
});

test('exemplars stay with their series', () => {
  const { scrape } = target();
  const { payload, dictionary } = scrape('a 1\nb 2 # {t="x"} 5\n');
  expect(decoder.decode(Buffer.concat(payload), dictionary).exemplars).toEqual([
    { index: 1, labels: [['t', 'x']], value: 5 },
  ]);
});
