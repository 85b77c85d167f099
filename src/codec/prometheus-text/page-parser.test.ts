import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { encodeShape } from '../metric-frame/metric-frame.ts';
import { PageParser, type PageParserOptions, type PageSeries } from './prometheus-text.ts';

const samples = join(process.env['MESHBRIDGE_SHARED'] ?? '../shared', 'samples');

type Place = PageParserOptions['place'];

const place: Place = ({ name, labels, type, help, unit, family }) =>
  name.startsWith('go_')
    ? undefined
    : {
        name,
        labels: labels.filter(([label]) => label !== 'dropped'),
        type,
        ...(help !== undefined && { help }),
        ...(unit !== undefined && { unit }),
        measurement: 'm',
        field: family,
      };

function parserOf(asked: Place = place): PageParser {
  return new PageParser({ place: asked, dialect: 'text', timestamps: 'honor' });
}

/** All that a parse gives, as something that can be compared; values by their bits. */
function outcome(parser: PageParser, page: Buffer): unknown {
  try {
    const { list, series, values, timestampsMs, ...rest } = parser.parse(page);
    expect(list.count).toBe(series.length);
    const bits = (array: Float64Array | undefined) =>
      array && Buffer.from(new Float64Array(array).buffer).toString('hex');
    return { shape: encodeShape(series).id, values: bits(values), times: bits(timestampsMs), ...rest };
  } catch (error) {
    return String(error);
  }
}

function randomFrom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 8) % Math.max(1, below);
  };
}
type Random = ReturnType<typeof randomFrom>;

const lineMaker = [
  (random: Random) => `new_metric_${random(9)}{a="${random(3)}",dropped="${random(9)}"} ${random(100)}`,
  (random: Random) => `new_metric_${random(3)} ${random(100)}`,
  (random: Random) => `new_metric_${random(3)}{} ${random(100)} ${1_700_000_000_000 + random(9)}`,
  (random: Random) => `go_new{a="${random(3)}"} NaN`,
  (random: Random) => `x_bucket{le="${random(3)}"} 1 # {t="${random(9)}"} 0.${random(100)}`,
  (random: Random) => `# TYPE new_metric_${random(3)} ${['counter', 'gauge', 'summary'][random(3)]}`,
  (random: Random) => `# HELP new_metric_${random(3)} help ${random(3)}`,
  () => '# a comment',
  () => '',
];

/** What can happen to a page between two scrapes: from values only to bytes of no sense. */
const mutations: readonly ((lines: string[], random: Random) => void)[] = [
  (lines, random) => {
    for (let i = 0; i < lines.length; i++) {
      const line = lines[i] ?? '';
      if (!line.startsWith('#') && random(3) === 0) {
        const values = [
          String(random(1000)),
          `${random(99)}.${random(999)}`,
          '1.5e+10',
          'NaN',
          '+Inf',
          `-${random(9)}`,
        ];
        lines[i] = line.slice(0, line.lastIndexOf(' ') + 1) + values[random(values.length)];
      }
    }
  },
  (lines, random) => lines.splice(random(lines.length), 0, lineMaker[random(lineMaker.length)]?.(random) ?? ''),
  (lines, random) => lines.splice(random(lines.length), 1 + random(3)),
  (lines, random) => {
    const [line = ''] = lines.splice(random(lines.length), 1);
    lines.splice(random(lines.length), 0, line);
  },
  (lines, random) => lines.splice(random(lines.length), 0, lines[random(lines.length)] ?? ''),
  (lines, random) => {
    const at = random(lines.length);
    const line = lines[at] ?? '';
    lines[at] = line.startsWith('#') ? line : `${line} ${1_700_000_000_000 + random(1000)}`;
  },
  (lines, random) => {
    const at = random(lines.length);
    const parts = (lines[at] ?? '').split('"');
    parts[2 * random(parts.length >> 1) + 1] = String(random(10));
    lines[at] = parts.join('"');
  },
  (lines, random) => {
    const at = random(lines.length);
    const line = lines[at] ?? '';
    const blank = line.lastIndexOf(' ');
    lines[at] = line.slice(0, blank) + [' {} ', '  ', '\t', ''][random(4)] + line.slice(blank + 1);
  },
  (lines, random) => {
    const at = random(lines.length);
    const line = lines[at] ?? '';
    const byte = random(line.length);
    lines[at] = line.slice(0, byte) + String.fromCharCode(32 + random(95)) + line.slice(byte + 1);
  },
  (lines, random) => {
    const at = random(lines.length);
    const line = lines[at] ?? '';
    lines[at] = line.slice(0, random(line.length));
  },
  (lines, random) => {
    const at = random(lines.length);
    lines[at] = (lines[at] ?? '').replace(/ (counter|gauge|histogram|untyped)$/, ' summary');
  },
];

describe('a parser that saw other pages before gives what a new one gives', () => {
  test.each([
    ['istio/bookinfo-15020.txt', 60, 400],
    ['envoy/stats-prometheus.txt', 110, 1_500],
    ['istio/istiod-15014.txt', 394, 600],
  ])('%s, its last %i lines, over %i pages', (file, lineCount, rounds) => {
    const original = readFileSync(join(samples, file), 'utf8').split('\n').slice(-lineCount);
    const random = randomFrom(lineCount);
    const old = parserOf();
    let lines = [...original];
    const faults = new Set<string>();
    for (let round = 0; round < rounds; round++) {
      if (random(20) === 0) {
        lines = [...original];
      }
      const before = [...lines];
      for (let count = random(3); count >= 0; count--) {
        mutations[random(4) === 0 ? 0 : random(mutations.length)]?.(lines, random);
      }
      const page = Buffer.from(lines.join('\n') + (random(8) === 0 ? '' : '\n'));
      const expected = outcome(parserOf(), page);
      expect([round, outcome(old, page)]).toEqual([round, expected]);
      if (typeof expected === 'string') {
        faults.add(expected.replace(/line .*?: /, ''));
        lines = before;
      }
    }
    expect(faults.size).toBeGreaterThan(4);
  });

  test('keys that another key begins with are told apart', () => {
    const pages = [
      'foo 1\nbar{a="b"} 2\n',
      'foobar 1\nbar{a="b"} 2\n',
      'foo-1\nfoo+2\n',
      'foo1-1\nfoo+2\n',
      'foo {a="b"} 1\nbar{a="b"} 2\n',
      'foo{a="b"} 1\nbar{a="b"}2\n',
      'foo{a="b"} 1\nbar{a="b"} 2\n',
      'foo{a="b"}  1\nbar{a="b"}\t2\n',
      'foo{a="b"} 1',
      'foo{a="b"} ',
      'foo{a="b"} 1\n',
      'foo{a="b"} 1\n\n',
      'foo{a="b"} 1\n# EOF',
      'foo{a="b"} 1\n# EOF\n',
      '',
      'foo{a="b"} 1\n',
    ];
    for (const first of pages) {
      for (const second of pages) {
        const parser = parserOf();
        outcome(parser, Buffer.from(first));
        const expected = outcome(parserOf(), Buffer.from(second));
        expect([first, second, outcome(parser, Buffer.from(second))]).toEqual([first, second, expected]);
        expect([first, second, outcome(parser, Buffer.from(second))]).toEqual([first, second, expected]);
      }
    }
  });
});

describe('a line is read as if it stood alone', () => {
  test.each(['istio/bookinfo-15020.txt', 'envoy/stats-prometheus.txt', 'istio/istiod-15014.txt'])('%s', (file) => {
    const lines = readFileSync(join(samples, file), 'utf8').split('\n');
    const bare = lines.filter((line) => line !== '' && !line.startsWith('#'));
    const untyped: Place = ({ name, labels }) => ({ name, labels, type: 'unknown', measurement: 'm', field: 'f' });
    const { series } = parserOf(untyped).parse(Buffer.from(`${bare.join('\n')}\n`));
    const alone = bare.map((line) => parserOf(untyped).parse(Buffer.from(`${line}\n`)).series[0]);
    expect(series).toEqual([...new Map(alone.map((one) => [JSON.stringify(one), one])).values()]);
  });

  test('whatever labels the line before had', () => {
    const parts = ['a="1"', 'a="2"', 'b="1"', 'b = "1"', '"a"="1"', '"b.c"="1"', 'c="\\"}"', ''];
    const random = randomFrom(7);
    const keep: Place = ({ name, labels }) => ({ name, labels, type: 'unknown', measurement: 'm', field: 'f' });
    const read = (text: string): unknown => {
      try {
        return parserOf(keep).parse(Buffer.from(text)).series.at(-1);
      } catch (error) {
        return String(error).replace(/line \d+/, 'line');
      }
    };
    for (let round = 0; round < 3_000; round++) {
      const line = (): string => {
        const labels = Array.from({ length: random(5) }, () => parts[random(parts.length)]).filter((one) => one !== '');
        return `m${random(2)}{${labels.join(',')}} ${round}\n`;
      };
      const before = line();
      const after = line().replace('m', 'n');
      if (typeof read(before) === 'object') {
        expect([before, after, read(before + after)]).toEqual([before, after, read(after)]);
      }
    }
  });
});

describe('a page whose lines are those of the last one', () => {
  const page = readFileSync(join(samples, 'istio/bookinfo-15020.txt'));

  function counting(): { readonly parser: PageParser; asked: string[] } {
    const asked: string[] = [];
    const parser = parserOf((one: PageSeries) => {
      asked.push(one.name);
      return place(one);
    });
    return { parser, asked };
  }

  test('asks for no series, and gives the very same list', () => {
    const { parser, asked } = counting();
    const { list } = parser.parse(page);
    expect(asked).toHaveLength(821);
    const again = parser.parse(Buffer.from(page.toString().replaceAll(/ [0-9.e+-]+$/gm, ' 7')));
    expect(again.list).toBe(list);
    expect(again.series).toBe(list.series);
    expect(asked).toHaveLength(821);
    expect(again.values[5]).toBe(7);
  });

  test('but one asks for that one only', () => {
    const { parser, asked } = counting();
    parser.parse(page);
    asked.length = 0;
    const text = page.toString();
    const at = text.indexOf('\n', text.length / 2) + 1;
    parser.parse(Buffer.from(`${text.slice(0, at)}brand_new{a="b"} 1\n${text.slice(at)}`));
    expect(asked).toEqual(['brand_new']);
    parser.parse(page);
    expect(asked).toEqual(['brand_new']);
  });

  test('that lacks a line which others are told by asks for none, and keeps the objects of those that stayed', () => {
    const lines = Array.from({ length: 60 }, (_, i) => `m_bucket{pod="a rather long name of a pod",le="${i}"} ${i}\n`);
    for (const without of [0, 1, 30, 58]) {
      const { parser, asked } = counting();
      const before = parser.parse(Buffer.from(lines.join(''))).series;
      asked.length = 0;
      const { series } = parser.parse(Buffer.from(lines.toSpliced(without, 1).join('')));
      expect(asked).toEqual([]);
      expect(series.every((one, i) => one === before[i < without ? i : i + 1])).toBe(true);
    }
  });

  test('that turned round is known all the same', () => {
    const lines = Array.from({ length: 3_000 }, (_, i) => `m{pod="a rather long name of a pod",path="/${i}"} 1\n`);
    const { parser, asked } = counting();
    parser.parse(Buffer.from(lines.join('')));
    asked.length = 0;
    const page = Buffer.from(lines.toReversed().join(''));
    expect(outcome(parser, page)).toEqual(outcome(parserOf(), page));
    expect(asked).toEqual([]);
  });

  test('is known again after a page that could not be read', () => {
    const { parser, asked } = counting();
    const { list } = parser.parse(page);
    expect(() => parser.parse(Buffer.from(`${page.toString()}broken\n`))).toThrow('line 1147: expected a value');
    asked.length = 0;
    expect(parser.parse(page).list).toBe(list);
    expect(asked).toEqual([]);
  });

  test('is known again after a page of more samples than wanted, of which it says how many', () => {
    const parser = new PageParser({ place, dialect: 'text', timestamps: 'honor', maxSamples: 2 });
    const { list } = parser.parse(Buffer.from('a 1\nb 2\ngo_unwanted 1\n'));
    for (const page of ['a 1\nb 2\ngo_unwanted 1\nc 3\nd 4\n', 'b 1\nb 2\nb 3\na 4\n']) {
      expect(() => parser.parse(Buffer.from(page))).toThrow('the page has 4 samples');
    }
    expect(parser.parse(Buffer.from('a 1\nb 2\ngo_unwanted 1\n')).list).toBe(list);
  });

  test('is not kept: the page may be used for something else at once', () => {
    const { parser } = counting();
    const copy = Buffer.from(page);
    const { list } = parser.parse(copy);
    copy.fill(0xff);
    expect(parser.parse(page).list).toBe(list);
    expect(outcome(parser, page)).toEqual(outcome(parserOf(), page));
  });
});
