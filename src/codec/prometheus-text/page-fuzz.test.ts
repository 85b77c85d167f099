import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { hasCode } from '../../contract/errors.ts';
import { checkOpenMetrics } from '../openmetrics/openmetrics.ts';
import { PageParser, type PageParserOptions, type ParsedPage } from './prometheus-text.ts';

const samples = join(process.env['MESHBRIDGE_SHARED'] ?? '../shared', 'samples');

type Dialect = PageParserOptions['dialect'];

function parserOf(dialect: Dialect): PageParser {
  return new PageParser({
    place: ({ name, labels, type }) => ({ name, labels, type, measurement: 'm', field: name }),
    dialect,
    timestamps: 'honor',
  });
}

interface SeriesModel {
  readonly name: string;
  readonly labels: readonly (readonly [name: string, value: string])[];
}

interface SampleModel {
  /** Which of the series of the run. */
  readonly series: number;
  readonly value: number;
  readonly timeMs: number | undefined;
  readonly exemplar: { readonly trace: string; readonly value: number } | undefined;
  /** Chooses among the ways to write the same. */
  readonly style: number;
}

type LineModel = SampleModel | { readonly comment: string };

const plainName = fc.stringMatching(/^[a-zA-Z_:][a-zA-Z0-9_:]{0,5}$/);
const anyText = fc.string({ unit: 'binary', maxLength: 8 });
const nameText = fc.oneof(
  { weight: 4, arbitrary: plainName },
  fc.string({ unit: 'binary', minLength: 1, maxLength: 5 }),
);
const labelName = nameText.filter((name) => name !== '__name__');
const seriesModel: fc.Arbitrary<SeriesModel> = fc.record({
  name: nameText,
  labels: fc.uniqueArray(fc.tuple(labelName, anyText), { selector: ([name]) => name, maxLength: 3 }),
});
const value = fc.oneof(
  fc.double(),
  fc.integer().map(Number),
  fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 5e-324, 2 ** 53 + 2),
);
const sampleModel: fc.Arbitrary<SampleModel> = fc.record({
  series: fc.nat({ max: 5 }),
  value,
  timeMs: fc.option(fc.integer({ min: -1e12, max: 4e12 }), { nil: undefined, freq: 5 }),
  exemplar: fc.option(fc.record({ trace: anyText, value }), { nil: undefined, freq: 8 }),
  style: fc.nat({ max: 1000 }),
});
const comment = fc.constantFrom('', '  ', '# x', '#', '# TYPE', '# EOF', '#HELP', '# TYPES a b').map((text) => ({
  comment: text,
}));
const history = fc.record({
  dialect: fc.constantFrom<Dialect>('text', 'openmetrics'),
  series: fc.array(seriesModel, { minLength: 1, maxLength: 6 }),
  pages: fc.array(fc.array(fc.oneof({ weight: 6, arbitrary: sampleModel }, comment), { maxLength: 12 }), {
    minLength: 1,
    maxLength: 4,
  }),
});

function quoted(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;
}

function number(of: number, style: number): string {
  if (Number.isNaN(of)) {
    return ['NaN', 'nan', 'NAN'][style % 3] ?? '';
  }
  if (!Number.isFinite(of)) {
    return of < 0 ? '-Inf' : (['+Inf', 'inf', 'Infinity'][style % 3] ?? '');
  }
  if (Object.is(of, -0)) {
    return '-0';
  }
  const shortest = String(of);
  return style % 3 === 0 ? of.toExponential() : style % 3 === 1 && of >= 0 ? `+${shortest}` : shortest;
}

function key({ name, labels }: SeriesModel, style: number): string {
  const bare = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name);
  const blank = style % 5 === 0 ? ' ' : '';
  const pairs = labels.map(([label, text]) => {
    const written = /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(label) && style % 7 !== 0 ? label : quoted(label);
    return `${written}${blank}=${blank}${quoted(text)}`;
  });
  const inner = [...(bare ? [] : [quoted(name)]), ...pairs].join(`${blank},${blank}`);
  const last = style % 11 === 0 && inner !== '' ? ',' : '';
  return inner === '' && style % 2 === 0 ? name : `${bare ? name : ''}{${blank}${inner}${last}${blank}}`;
}

function line(one: LineModel, series: readonly SeriesModel[], dialect: Dialect): string {
  if ('comment' in one) {
    return one.comment;
  }
  const { value: of, timeMs, exemplar, style } = one;
  const gap = [' ', '  ', '\t'][style % 3] ?? ' ';
  const time = timeMs === undefined ? '' : `${gap}${dialect === 'text' ? timeMs : (timeMs / 1000).toFixed(3)}`;
  const behind = exemplar === undefined ? '' : ` # {t=${quoted(exemplar.trace)}} ${number(exemplar.value, style)}`;
  const trail = style % 13 === 0 ? gap : '';
  return `${key(modelOf(one, series), style)}${gap}${number(of, style)}${time}${behind}${trail}`;
}

function modelOf(one: SampleModel, series: readonly SeriesModel[]): SeriesModel {
  return series[one.series % series.length] ?? { name: 'none', labels: [] };
}

/** Of each series its last sample, in the order of first lines. */
function expected(lines: readonly LineModel[], series: readonly SeriesModel[]): readonly string[] {
  const last = new Map<string, string>();
  for (const one of lines) {
    if (!('comment' in one)) {
      const { name, labels } = modelOf(one, series);
      last.set(JSON.stringify([name, labels]), shownSample(one.value, one.timeMs));
    }
  }
  return [...last].map(([of, sample]) => `${of} ${sample}`);
}

function shownSample(of: number, timeMs: number | undefined): string {
  return `${Object.is(of, -0) ? '-0' : of}${timeMs === undefined || Number.isNaN(timeMs) ? '' : ` @${timeMs}`}`;
}

function shown(page: ParsedPage): readonly string[] {
  return page.series.map(
    ({ name, labels }, i) =>
      `${JSON.stringify([name, labels])} ${shownSample(page.values[i] ?? 0, page.timestampsMs?.[i])}`,
  );
}

describe('pages of any names, labels, values and times, one after the other', () => {
  test('are read as what was written, whatever stood there before', () => {
    fc.assert(
      fc.property(history, ({ dialect, series, pages }) => {
        const parser = parserOf(dialect);
        for (const lines of pages) {
          const text = lines.map((one) => `${line(one, series, dialect)}\n`).join('');
          const page = parser.parse(Buffer.from(text));
          expect(shown(page)).toEqual(expected(lines, series));
          const written = lines.filter((one): one is SampleModel => !('comment' in one));
          expect(page.samples).toBe(written.length);
          // Of a series that is there twice the exemplar of either sample may be the one that is kept.
          const exemplars = written.flatMap(({ exemplar }) => (exemplar === undefined ? [] : [exemplar.trace]));
          expect(exemplars).toEqual(expect.arrayContaining((page.exemplars ?? []).map((one) => one.labels[0]?.[1])));
        }
      }),
      { numRuns: 1_500 },
    );
  });
});

const corpus: readonly (readonly [name: string, dialect: Dialect, page: Buffer])[] = [
  ['a sidecar', 'text', readFileSync(join(samples, 'istio/bookinfo-15020.txt')).subarray(0, 20_000)],
  ['istiod', 'text', readFileSync(join(samples, 'istio/istiod-15014.txt'))],
  ['Envoy', 'text', readFileSync(join(samples, 'envoy/stats-prometheus.txt')).subarray(0, 20_000)],
  [
    'OpenMetrics',
    'openmetrics',
    Buffer.from(
      '# TYPE a_s histogram\n# UNIT a_s s\n# HELP a_s \\n"é"\na_s_bucket{p="1",le="0.5"} 2 5.5 # {t="0f"} 0.25 1.5\n' +
        'a_s_bucket{p="1",le="+Inf"} 3 5.5\na_s_count{p="1"} 3 5.5\na_s_sum{p="1"} 1.75 5.5\n' +
        '# TYPE c counter\nc_total{x="\\"\\\\\\n😀"} 1e3 # {} 1\nc_created{x="\\"\\\\\\n😀"} 1.5e9\n# TYPE i info\ni_info{v="1"} 1\n# EOF\n',
    ),
  ],
];

/** Bytes that mean something, and some that never should. */
const telling = Buffer.from('\n\n"\\{}=,# \t-+.0159eEnaif_:\0\xff\xc3\xa9', 'latin1');

interface Edit {
  readonly at: number;
  readonly cut: number;
  /** Bytes of its own, or a piece of the page itself. */
  readonly put: Uint8Array | { readonly from: number; readonly length: number };
}

const edit: fc.Arbitrary<Edit> = fc.record({
  at: fc.nat({ max: 20_000 }),
  cut: fc.oneof(fc.nat({ max: 3 }), fc.nat({ max: 300 })),
  put: fc.oneof(
    fc
      .array(fc.nat({ max: telling.length - 1 }), { maxLength: 4 })
      .map((all) => Buffer.from(all.map((i) => telling[i] ?? 0))),
    fc.uint8Array({ maxLength: 3 }),
    fc.record({ from: fc.nat({ max: 20_000 }), length: fc.nat({ max: 400 }) }),
  ),
});

function edited(page: Buffer, { at, cut, put }: Edit): Buffer {
  const from = at % (page.length + 1);
  const piece = put instanceof Uint8Array ? put : page.subarray(put.from % (page.length + 1)).subarray(0, put.length);
  return Buffer.concat([page.subarray(0, from), piece, page.subarray(from + cut)]);
}

function outcome(parser: PageParser, page: Buffer): unknown {
  try {
    const parsed = parser.parse(page);
    const { samples: count, unwanted, duplicates, exemplars } = parsed;
    return { lines: shown(parsed), count, unwanted, duplicates, exemplars };
  } catch (error) {
    if (!hasCode(error, 'BRIDGE_DECODE')) {
      throw error;
    }
    return error.message;
  }
}

function isStrict(page: Buffer): boolean {
  try {
    checkOpenMetrics(page);
    return true;
  } catch (error) {
    if (!hasCode(error, 'BRIDGE_DECODE')) {
      throw error;
    }
    expect(error.message).toMatch(/^line \d+: ./);
    return false;
  }
}

describe.each(corpus)('%s with bytes changed, page after page', (_, dialect, page) => {
  test('gives what a new parser gives, or names a line; and what passes the strict check can be read', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(edit, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 3 }),
        (scrapes) => {
          const parser = parserOf(dialect);
          outcome(parser, page);
          for (const edits of scrapes) {
            const changed = edits.reduce(edited, page);
            const fresh = outcome(parserOf(dialect), changed);
            expect(outcome(parser, changed)).toEqual(fresh);
            if (isStrict(changed)) {
              expect(typeof fresh).toBe('object');
            }
          }
        },
      ),
      { numRuns: page.length > 2_000 ? 60 : 1_000 },
    );
  });
});
