import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { describeCodec } from '../../../test/contracts/codec-contract.ts';
import type { PageParserOptions, PageSeries, ParsedPage } from './prometheus-text.ts';
import { PageParser } from './prometheus-text.ts';

const samples = join(process.env['MESHBRIDGE_SHARED'] ?? '../shared', 'samples');

function place(series: PageSeries) {
  const { name, labels, type, help, unit, family } = series;
  const more = { ...(help !== undefined && { help }), ...(unit !== undefined && { unit }) };
  return { name, labels, type, ...more, measurement: 'm', field: family };
}

function parserOf(options: Partial<PageParserOptions> = {}): PageParser {
  return new PageParser({ place, dialect: 'text', timestamps: 'honor', ...options });
}

function parse(text: string | Buffer, options: Partial<PageParserOptions> = {}): ParsedPage {
  return parserOf(options).parse(Buffer.from(text));
}

/** `name{a="b"} 1` for each series, with what else is known of it. */
function shown(page: ParsedPage): string[] {
  return page.series.map(({ name, labels }, i) => {
    const inner = labels.map(([label, value]) => `${label}=${JSON.stringify(value)}`).join(',');
    const timestampMs = page.timestampsMs?.[i] ?? Number.NaN;
    return `${name}{${inner}} ${page.values[i]}${Number.isNaN(timestampMs) ? '' : ` @${timestampMs}`}`;
  });
}

function faultOf(text: string | Buffer, options: Partial<PageParserOptions> = {}): string {
  try {
    return `none, but ${shown(parse(text, options)).join(' ')}`;
  } catch (error) {
    return error instanceof Error ? `${'code' in error ? error.code : error.name} ${error.message}` : 'no error';
  }
}

const golden = `# HELP http_requests_total The total number of HTTP requests.
# TYPE http_requests_total counter
http_requests_total{method="post",code="200"} 1027 1395066363000
http_requests_total{method="post",code="400"}    3 1395066363000

# Escaping in label values:
msdos_file_access_time_seconds{path="C:\\\\DIR\\\\FILE.TXT",error="Cannot find file:\\n\\"FILE.TXT\\""} 1.458255915e9
metric_without_timestamp_and_labels 12.47
something_weird{problem="division by zero"} +Inf -3982045
# TYPE rpc_duration_seconds summary
rpc_duration_seconds{quantile="0.01",} 3102
rpc_duration_seconds_count 2693
`;

describeCodec<ParsedPage>({
  name: 'prometheus-text',
  decoder: { decode: (bytes) => parserOf().parse(Buffer.from(bytes)) },
  goldens: [
    {
      name: 'the example of the format',
      bytes: Buffer.from(golden),
      check: (page) =>
        expect(shown(page)).toEqual([
          'http_requests_total{method="post",code="200"} 1027 @1395066363000',
          'http_requests_total{method="post",code="400"} 3 @1395066363000',
          'msdos_file_access_time_seconds{path="C:\\\\DIR\\\\FILE.TXT",error="Cannot find file:\\n\\"FILE.TXT\\""} 1458255915',
          'metric_without_timestamp_and_labels{} 12.47',
          'something_weird{problem="division by zero"} Infinity @-3982045',
          'rpc_duration_seconds{quantile="0.01"} 3102',
          'rpc_duration_seconds_count{} 2693',
        ]),
    },
  ],
  prefix: {
    why: 'a page may end behind any line, and a number that is cut is another number',
    holds: (part, whole) => {
      const names = (page: ParsedPage) => page.series.map(({ name, labels }) => JSON.stringify([name, labels]));
      return names(part).every((name, i) => name === names(whole)[i]);
    },
  },
});

describe('a real page', () => {
  test.each([
    ['istio/bookinfo-15020.txt', 821, 263],
    ['istio/istiod-15014.txt', 238, 78],
    ['envoy/stats-prometheus.txt', 944, 386],
  ])('%s is read whole: %i samples of %i families', (file, count, families) => {
    const text = readFileSync(join(samples, file), 'utf8');
    const page = parse(text);
    const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    expect([page.samples, page.series.length, page.duplicates, page.unwanted]).toEqual([count, count, 0, 0]);
    expect(new Set(page.series.map((one) => one.field)).size).toBe(families);
    expect(shown(page)).toEqual(
      lines.map((line) => {
        const at = line.lastIndexOf(' ');
        const key = line.slice(0, at).replace('{}', '');
        return `${key.includes('{') ? key : `${key}{}`} ${Number(line.slice(at + 1).replace('Inf', 'Infinity'))}`;
      }),
    );
    expect(page.timestampsMs ?? page.exemplars).toBeUndefined();
  });

  test('of 10 MiB is read like any other', () => {
    const line = (i: number) => `big_metric_total{pod="pod-${i}",node="${'n'.repeat(150)}"} ${i}\n`;
    const text = Array.from({ length: 60_000 }, (_, i) => line(i)).join('');
    expect(text.length).toBeGreaterThan(10 * 1024 * 1024);
    const parser = parserOf();
    for (let round = 0; round < 2; round++) {
      const page = parser.parse(Buffer.from(text));
      expect([page.samples, page.series.length, page.values[59_999]]).toEqual([60_000, 60_000, 59_999]);
    }
  });
});

describe('what real exporters write', () => {
  test.each([
    ['empty braces', 'up{} 1', ['up{} 1']],
    ['a trailing comma', 'up{a="b",} 1', ['up{a="b"} 1']],
    ['no comma between labels', 'up{a="b"c="d"} 1', ['up{a="b",c="d"} 1']],
    ['blanks wherever they may be', '  up { a = "b" , c="d" }\t 1 \t\n', ['up{a="b",c="d"} 1']],
    ['no blank before the value', 'up{a="b"}1', ['up{a="b"} 1']],
    ['no newline at the end', 'a 1\nb 2', ['a{} 1', 'b{} 2']],
    ['blank lines', '\n\na 1\n \t\nb 2\n\n', ['a{} 1', 'b{} 2']],
    ['nothing at all', '', []],
    ['comments only', '# nothing here\n#\n#x\n# EOF\n', []],
    ['a comment that begins like another', '# HELPER x\n# TYPES x\n#TYPE x y\n# HELP\nup 1\n', ['up{} 1']],
    ['escapes in label values', 'a{p="C:\\\\x\\"y\\"\\n\\z"} 1', ['a{p="C:\\\\x\\"y\\"\\n\\\\z"} 1']],
    [
      'braces, commas and hashes in label values',
      'a{p="} 3 # {x=\\"",q="a,b=c"} 1',
      ['a{p="} 3 # {x=\\"",q="a,b=c"} 1'],
    ],
    ['label values beyond ASCII', 'a{p="度量é😀"} 1', ['a{p="度量é😀"} 1']],
    ['a newline inside quotes', 'a{p="x\ny"} 1\nb 2\n', ['a{p="x\\ny"} 1', 'b{} 2']],
    ['empty label values', 'a{p=""} 1', ['a{p=""} 1']],
    ['colons in names', ':a:b 1', [':a:b{} 1']],
    ['quoted names (UTF-8)', '{"my.metric","label.x"="v",b="c"} 1', ['my.metric{label.x="v",b="c"} 1']],
    ['a time', 'a 1 1700000000123', ['a{} 1 @1700000000123']],
    ['a time before 1970', 'a 1 -5', ['a{} 1 @-5']],
  ])('%s', (_, text, expected) => {
    expect(shown(parse(text))).toEqual(expected);
  });

  test('a series twice counts once, with the value that came last', () => {
    const page = parse('a{x="1"} 1 5\nb 2\na{x="1"} 3\n');
    expect(shown(page)).toEqual(['a{x="1"} 3', 'b{} 2']);
    expect([page.samples, page.duplicates]).toEqual([3, 1]);
  });

  test('series that are not wanted are read but not kept', () => {
    const page = parse('a 1\nb 2\nc 3\n', { place: (one) => (one.name === 'b' ? undefined : place(one)) });
    expect(shown(page)).toEqual(['a{} 1', 'c{} 3']);
    expect([page.samples, page.unwanted, page.duplicates]).toEqual([3, 1, 0]);
    expect(faultOf('a 1\nb nonsense\n', { place: () => undefined })).toBe(
      'BRIDGE_DECODE line 2: expected a value, got "nonsense"',
    );
  });

  test('two series that are called the same count as one', () => {
    const page = parse('a{pod="1"} 1\na{pod="2"} 2\n', { place: (one) => ({ ...place(one), labels: [] }) });
    expect(shown(page)).toEqual(['a{} 2']);
    expect(page.duplicates).toBe(1);
  });

  test('times may be ignored', () => {
    expect(parse('a 1 5\n', { timestamps: 'ignore' }).timestampsMs).toBeUndefined();
  });
});

describe('values', () => {
  const good = ['0', '1', '-1', '+1', '007', '1.5', '.5', '5.', '-.5e-3', '1e5', '1E+05', '1e-400', '4.9e-324'];
  const long = [
    '123456789012345678901234567890',
    '0.1234567890123456789',
    '9007199254740993',
    '1.7976931348623157e308',
    '3.3646e-05',
    '1.960883518e+09',
    '1.6500031391005058e+09',
    '000000000000000000001',
    '1e22',
    '1e23',
    '8.5e-22',
    '123456789012345e22',
  ];
  test.each([...good, ...long])('%s is read to the last bit', (text) => {
    expect(parse(`a ${text}\n`).values[0]).toBe(Number(text));
  });

  test.each([
    ['NaN', Number.NaN],
    ['nan', Number.NaN],
    ['Inf', Number.POSITIVE_INFINITY],
    ['+Inf', Number.POSITIVE_INFINITY],
    ['-inf', Number.NEGATIVE_INFINITY],
    ['INFINITY', Number.POSITIVE_INFINITY],
    ['-0', -0],
  ])('%s is understood', (text, value) => {
    expect(parse(`a ${text}`).values[0]).toBe(value);
  });

  test.each([
    '0x1p-2',
    '0x10',
    '1_000',
    '0b1',
    '1e',
    'e5',
    '.',
    '+',
    '-',
    '--1',
    '1.2.3',
    '1,5',
    '1e5.5',
    '1e400',
    '-1e999',
    '+nan',
    'Infinit',
    'infinityy',
    'true',
    '1\r',
    '1f',
    '"1"',
    '\u00011',
  ])('%j is no value', (text) => {
    expect(faultOf(`ok 1\na ${text}\n`)).toMatch(/^BRIDGE_DECODE line 2: expected a value/);
  });

  test('are read like JavaScript and Go read them, whatever their length', () => {
    let state = 1;
    const random = (below: number) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return (state >>> 8) % below;
    };
    const digits = (count: number) => Array.from({ length: count }, () => random(10)).join('');
    for (let round = 0; round < 20_000; round++) {
      const fraction = random(2) === 0 ? '' : `.${digits(random(20))}`;
      const exponent = random(2) === 0 ? '' : `${random(2) === 0 ? 'e' : 'E'}${['', '-', '+'][random(3)]}${random(40)}`;
      const text = `${random(3) === 0 ? '-' : ''}${digits(1 + random(20))}${fraction}${exponent}`;
      expect([text, parse(`a ${text}`).values[0]]).toEqual([text, Number(text)]);
    }
  });
});

describe('types', () => {
  const types = (text: string) => parse(text).series.map((one) => `${one.name} ${one.type} ${one.field}`);

  test('reach the samples of a family with its suffixes', () => {
    expect(
      types(
        `# TYPE a histogram\na_bucket{le="1"} 1\na_sum 1\na_count 1\na_total 1\na 1\n# TYPE b summary\nb 1\nb_count 1`,
      ),
    ).toEqual([
      'a_bucket histogram a',
      'a_sum histogram a',
      'a_count histogram a',
      'a_total unknown a_total',
      'a histogram a',
      'b summary b',
      'b_count summary b',
    ]);
  });

  test('of OpenMetrics reach counters by their base name, with units', () => {
    const page = parse(
      '# TYPE a_seconds counter\n# UNIT a_seconds seconds\na_seconds_total 1\na_seconds_created 2\n# EOF',
    );
    expect(page.series.map((one) => [one.name, one.type, one.unit])).toEqual([
      ['a_seconds_total', 'counter', 'seconds'],
      ['a_seconds_created', 'counter', 'seconds'],
    ]);
    expect(types('# TYPE a info\na_info{v="1"} 1\n# TYPE b gaugehistogram\nb_gcount 1')).toEqual([
      'a_info info a',
      'b_gcount gaugehistogram b',
    ]);
  });

  test('of a family of its own name go before those of the base name', () => {
    expect(types('# TYPE a histogram\n# TYPE a_count gauge\na_count 1\n')).toEqual(['a_count gauge a_count']);
  });

  test('may be said twice, and families may be mixed', () => {
    const page = parse(
      '# TYPE a gauge\n# HELP a one\na 1\n# TYPE b gauge\nb 1\n# TYPE a counter\n# HELP a two\na{x="y"} 1\n',
    );
    expect(page.series.map((one) => [one.type, one.help])).toEqual([
      ['gauge', 'one'],
      ['gauge', undefined],
      ['counter', 'two'],
    ]);
  });

  test('untyped means unknown, quoted names have types, help has its escapes', () => {
    expect(types('# TYPE a untyped\na 1')).toEqual(['a unknown a']);
    const page = parse('# TYPE "my.metric" gauge\n# HELP "my.metric" x\\\\y\\nz\\"\n{"my.metric"} 1');
    expect(page.series.map((one) => [one.type, one.help])).toEqual([['gauge', 'x\\y\nz\\"']]);
  });

  test('of words that JavaScript knows are no types', () => {
    expect(faultOf('# TYPE a constructor\na 1')).toBe('BRIDGE_DECODE line 1: "constructor" is not a metric type');
  });
});

describe('OpenMetrics', () => {
  test('times are seconds', () => {
    expect(shown(parse('a 1 1700000000.1234\nb 2 5\n', { dialect: 'openmetrics' }))).toEqual([
      'a{} 1 @1700000000123',
      'b{} 2 @5000',
    ]);
  });

  test('exemplars are kept with the series that they belong to', () => {
    const text =
      'x 1\na_bucket{le="1"} 5 # {trace_id="abc",span="d"} 0.67 1700000000.5\na_bucket{le="2"} 6 7 # {} 1\nb 1 # {t="u"} 2\n';
    expect(parse(text).exemplars).toEqual([
      {
        index: 1,
        labels: [
          ['trace_id', 'abc'],
          ['span', 'd'],
        ],
        value: 0.67,
        timestampMs: 1_700_000_000_500,
      },
      { index: 2, labels: [], value: 1 },
      { index: 3, labels: [['t', 'u']], value: 2 },
    ]);
  });
});

describe('a page that cannot be read', () => {
  test.each([
    ['9a 1', 'expected a metric name, got "9a 1"'],
    ['a.b 1', 'expected a value, got ".b 1"'],
    ['<html><body>404</body></html>', 'expected a metric name, got "<html><body>404</body></html>"'],
    ['a{b="c" 1', 'expected a label name, got "1"'],
    ['a{b=c} 1', 'expected a quoted label value, got "c} 1"'],
    ['a{b} 1', 'expected "=", got "} 1"'],
    ['a{9="c"} 1', 'expected a label name, got "9=\\"c\\"} 1"'],
    ['a{b:c="c"} 1', 'expected "=", got ":c=\\"c\\"} 1"'],
    ['a{,} 1', 'expected a label name, got ",} 1"'],
    ['a{b="c",,} 1', 'expected a label name, got ",} 1"'],
    ['a{b="c",b="d"} 1', 'label "b" stands there twice'],
    ['a{__name__="c"} 1', 'label "__name__" stands there twice'],
    ['a{b="c', 'a quoted text does not end'],
    ['a{b="c\\', 'a quoted text does not end'],
    ['{a="b"} 1', 'the sample has no metric name'],
    ['a', 'expected a value, got the end of the line'],
    ['a{}', 'expected a value, got the end of the line'],
    ['a 1 1.5', 'expected a timestamp in whole milliseconds, got "1.5"'],
    ['a 1 x', 'expected a timestamp, got "x"'],
    ['a 1 2 3', 'expected the end of the line, got "3"'],
    ['a 1 # x', 'expected the labels of an exemplar, got "x"'],
    ['a 1 # {} 1 2 3', 'expected the end of the line, got "3"'],
    ['# TYPE a guage', '"guage" is not a metric type'],
    ['# TYPE a', '"" is not a metric type'],
    ['# HELP 9 x', 'expected a metric name behind HELP'],
  ])('%j says where and why', (line, message) => {
    expect(faultOf(`# one\nok 1\n${line}\nok2 1`)).toBe(`BRIDGE_DECODE line 3: ${message}`);
  });

  test('bytes that are not UTF-8 are named by their line', () => {
    expect(faultOf(Buffer.from('a 1\nb{c="\xff"} 1\n', 'latin1'))).toBe(
      'BRIDGE_DECODE line 2: a text is not valid UTF-8',
    );
    expect(faultOf(Buffer.from('# HELP a \xff\n', 'latin1'))).toBe('BRIDGE_DECODE line 1: a text is not valid UTF-8');
    expect(shown(parse(Buffer.from('# just \xff\na 1\n', 'latin1')))).toEqual(['a{} 1']);
  });
});
