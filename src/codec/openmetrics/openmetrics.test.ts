import { describe, expect, test } from '@jest/globals';
import { describeCodec } from '../../../test/contracts/codec-contract.ts';
import { PageParser } from '../prometheus-text/prometheus-text.ts';
import { checkOpenMetrics } from './openmetrics.ts';

/** What is wrong with the page, or `good`. */
function verdict(page: string | Buffer): string {
  try {
    checkOpenMetrics(Buffer.from(page));
    return 'good';
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'BRIDGE_DECODE' ? error.message : String(error);
  }
}

/** Samples that the parser of every page finds on it. */
function samplesOf(page: string): number {
  const parser = new PageParser({
    place: ({ name, labels, type }) => ({ name, labels, type, measurement: 'm', field: name }),
    dialect: 'openmetrics',
    timestamps: 'honor',
  });
  return parser.parse(Buffer.from(page)).samples;
}

const everything = `# TYPE queue_seconds histogram
# UNIT queue_seconds seconds
# HELP queue_seconds How long calls wait.\\nBy shard.
queue_seconds_bucket{shard="a",le="0.5"} 2 # {trace_id="00f0"} 0.25 1700000000.125
queue_seconds_bucket{shard="a",le="+Inf"} 3
queue_seconds_count{shard="a"} 3
queue_seconds_sum{shard="a"} 1.75
queue_seconds_created{shard="a"} 1.6e9
queue_seconds_bucket{shard="b",le="+Inf"} 0
# TYPE calls counter
calls_total{code="200"} 17 # {} 1
calls_total{code="500"} 0
# TYPE temperature gauge
temperature -3.5 1700000000
temperature NaN 1700000001.5
# TYPE size summary
size{quantile="0.5"} NaN
size_count 4
size_sum 9
# TYPE build info
build_info{version="1.2"} 1
# TYPE door stateset
door{door="open"} 0
door{door="shut"} 1
# TYPE pool gaugehistogram
pool_bucket{le="-1"} 1
pool_bucket{le="+Inf"} 2
pool_gcount 2
pool_gsum -4
loose 1
# EOF
`;

describeCodec<string>({
  name: 'openmetrics',
  decoder: {
    decode: (bytes) => {
      checkOpenMetrics(Buffer.from(bytes));
      return 'good';
    },
  },
  goldens: [{ name: 'every type', bytes: Buffer.from(everything), check: (value) => expect(value).toBe('good') }],
  prefix: { why: 'the last newline may be missing', holds: () => true },
});

test('of a page that is cut off, only the one that lacks no more than its last newline is good', () => {
  const good = Array.from({ length: everything.length + 1 }, (_, end) => verdict(everything.slice(0, end))).filter(
    (one) => one === 'good',
  );
  expect(good).toHaveLength(2);
});

/** Cases with a type before them and the end behind. */
const page = (...lines: string[]): string => `${lines.join('\n')}\n# EOF\n`;
const typed = (type: string, ...lines: string[]): string => page(`# TYPE m ${type}`, ...lines);

describe('a page that keeps the rules', () => {
  test.each([
    ['of nothing but its end', '# EOF'],
    ['with a last newline', '# EOF\n'],
    ['without metadata', page('m 1')],
    ['with a family that has no samples', typed('histogram')],
    ['with HELP before TYPE', page('# HELP m x', '# TYPE m counter', 'm_total 1')],
    ['with empty HELP and UNIT', page('# HELP m ', '# UNIT m ', 'm 1')],
    ['with any byte of UTF-8 in HELP, zero and quotes too', page('# HELP m a\0b "c" \\" é', 'm 1')],
    ['with backslashes before any character', page('m{a="\\x\\\\\\"\\n",b="\\\\"} 1')],
    ['with braces, commas and hashes in labels', page('m{a="} # {b=\\"",c=","} 1')],
    ['with empty braces', page('m{} 1')],
    ['with an empty label value beside another one', page('m{a="x"} 1', 'm{a=""} 2')],
    ['with infinite and missing values', typed('gauge', 'm{a="1"} +Inf', 'm{a="2"} -inf', 'm{a="3"} nan')],
    ['with words for infinity', typed('gauge', 'm{a="1"} Infinity', 'm{a="2"} +INF')],
    ['with leading zeros', typed('gauge', `m ${'0'.repeat(50)}12.5e-1`)],
    ['with numbers that end or begin with a point', page('m 5.', 'n .5', 'o 5.e1')],
    ['with counts past 2^53', typed('counter', 'm_total 18446744073709551616')],
    [
      'with timestamps of any length',
      typed('gauge', 'm{a="1"} 1 00', 'm{a="2"} 1 -1.5e3', `m{a="3"} 1 ${'9'.repeat(25)}.5`),
    ],
    [
      'with points of one series in order, equal times among them',
      typed('gauge', 'm 1 1', 'm 2 1', 'm 3 1.0000000001'),
    ],
    ['with points of histograms', typed('histogram', 'm_bucket{le="+Inf"} 1 5', 'm_bucket{le="+Inf"} 2 6')],
    ['with series of an info that have times of their own', typed('info', 'm_info{a="1"} 1 9', 'm_info{a="2"} 1 3')],
    [
      'with buckets written in any way',
      typed(
        'histogram',
        'm_bucket{le="0"} 0',
        'm_bucket{le="1e-10"} 0',
        'm_bucket{le="1.1e-4"} 0',
        'm_bucket{le="1e+05"} 1',
        'm_bucket{le="100000000000.0"} 1',
        'm_bucket{le="+Inf"} 1',
      ),
    ],
    ['with a count before the buckets', typed('histogram', 'm_count 1', 'm_sum 1', 'm_bucket{le="+Inf"} 1')],
    ['with buckets below zero and no sum', typed('histogram', 'm_bucket{le="-1"} 1', 'm_bucket{le="+Inf"} 1')],
    ['with a gauge histogram of buckets only', typed('gaugehistogram', 'm_bucket{le="+Inf"} 1 1 # {a="b"} 2')],
    ['with a summary of quantiles only', typed('summary', 'm{quantile="0"} 1', 'm{quantile="1.0"} 2')],
    [
      'with an exemplar of 128 characters, wide ones among them',
      typed('counter', `m_total 1 # {a="${'度'.repeat(127)}"} 1`),
    ],
    [
      'with an exemplar at a bucket, behind a time',
      typed('histogram', 'm_bucket{le="1"} 1 5 # {a=" # "} 1 5.5', 'm_bucket{le="+Inf"} 1 5'),
    ],
    ['with a unit', page('# TYPE m_bytes gauge', '# UNIT m_bytes bytes', 'm_bytes 1')],
    ['with colons in names', page('job:m:rate 1')],
    ['with every type', everything],
  ])('is good: %s', (_, text) => {
    expect(verdict(text)).toBe('good');
    expect(samplesOf(text)).toBe(text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length);
  });
});

describe('a page that breaks a rule fails', () => {
  const cases: readonly (readonly [rule: string, page: string, message: string])[] = [
    ['the end is missing', 'm 1\n', 'line 2: the page must end with "# EOF"'],
    ['the page is empty', '', 'line 1: the page must end with "# EOF"'],
    ['something stands behind the end', 'm 1\n# EOF\nn 1', 'line 3: nothing may stand behind "# EOF"'],
    ['a blank line stands behind the end', '# EOF\n\n', 'line 2: nothing may stand behind "# EOF"'],
    ['the end has something on its line', '# EOF \n', 'line 1: a line that begins with # must be'],
    ['a line is blank', page('m 1', ''), 'line 2: blank lines are not allowed'],
    ['a line ends as on Windows', page('m 1\r'), 'line 1: the line ends with a carriage return'],
    ['a byte order mark stands first', `\ufeff${page('m 1')}`, 'line 1: expected a metric name'],
    ['a comment is no metadata', page('# FOO m x'), 'line 1: a line that begins with # must be'],
    ['a sample is commented out', page('m 1', '#n 1'), 'line 2: a line that begins with # must be'],
    ['a blank stands before metadata', page(' # HELP m x'), 'line 1: expected a metric name'],
    ['metadata has two blanks', page('#  TYPE m gauge'), 'line 1: a line that begins with # must be'],

    ['HELP names nothing', page('# HELP'), 'line 1: expected a space'],
    ['HELP names nothing behind its blank', page('# HELP '), 'line 1: expected the name of a metric family'],
    ['HELP has no blank before its empty text', page('# HELP m'), 'line 1: expected a space'],
    ['HELP is followed by a tab', page('# HELP m\tx'), 'line 1: expected a space, got "\\tx"'],
    ['TYPE names nothing', page('# TYPE'), 'line 1: expected a space'],
    ['TYPE has no type', page('# TYPE m'), 'line 1: expected a space'],
    ['TYPE is no type', page('# TYPE m guage'), 'line 1: "guage" is not a metric type'],
    [
      'TYPE is a word that JavaScript knows',
      page('# TYPE m constructor'),
      'line 1: "constructor" is not a metric type',
    ],
    ['TYPE ends with a blank', page('# TYPE m gauge '), 'line 1: "gauge " is not a metric type'],
    [
      'TYPE is that of the text format',
      page('# TYPE m untyped'),
      'line 1: "untyped" is not a metric type; it is called "unknown"',
    ],
    ['UNIT has no name', page('# UNIT '), 'line 1: expected the name of a metric family'],
    ['UNIT has no blank before its empty text', page('# UNIT m'), 'line 1: expected a space'],
    [
      'UNIT is not the end of the name',
      page('# UNIT m seconds'),
      'line 1: the name of a family with the unit "seconds" must end in "_seconds": m',
    ],
    [
      'UNIT is the end of a word of the name',
      page('# UNIT milliseconds seconds'),
      'line 1: the name of a family with the unit',
    ],
    ['UNIT ends with a blank', page('# UNIT m_s s '), 'line 1: "s " is not a unit'],
    ['an info has a unit', page('# TYPE m_s info', '# UNIT m_s s'), 'line 2: m_s is of type info, which has no unit'],
    [
      'a unit turns out to be of a stateset',
      page('# UNIT m_s s', '# TYPE m_s stateset'),
      'line 2: m_s is of type stateset',
    ],
    ['TYPE stands there twice', page('# TYPE m gauge', '# TYPE m gauge'), 'line 2: TYPE of m stands there twice'],
    [
      'TYPE stands there twice, and differs',
      page('# TYPE m info', '# TYPE m gauge'),
      'line 2: TYPE of m stands there twice',
    ],
    ['HELP stands there twice, and is empty', page('# HELP m ', '# HELP m '), 'line 2: HELP of m stands there twice'],
    ['UNIT stands there twice', page('# UNIT m_s s', '# UNIT m_s s'), 'line 2: UNIT of m_s stands there twice'],
    [
      'TYPE stands behind a sample',
      page('# HELP m x', 'm 1', '# TYPE m gauge'),
      'line 3: TYPE of m must stand before its samples',
    ],
    [
      'HELP stands behind a sample',
      typed('gauge', 'm 1', '# HELP m x'),
      'line 3: HELP of m must stand before its samples',
    ],
    ['UNIT stands behind a sample', page('m_s 1', '# UNIT m_s s'), 'line 2: UNIT of m_s must stand before its samples'],

    ['a name begins with a digit', page('9m 1'), 'line 1: expected a metric name, got "9m 1"'],
    ['a name has a point', page('m.n 1'), 'line 1: expected a space, got ".n 1"'],
    ['a name has a minus', page('m-n 1'), 'line 1: expected a space, got "-n 1"'],
    ['a name is quoted', page('{"m.n"} 1'), 'line 1: expected a metric name'],
    ['a name is reserved', page('_m 1'), 'line 1: names that begin with "_" are reserved: "_m"'],
    [
      'a label is reserved',
      page('m{__name__="n"} 1'),
      'line 1: label names that begin with "_" are reserved: "__name__"',
    ],
    ['a label begins with a digit', page('m{1="x"} 1'), 'line 1: expected the name of a label'],
    ['a label has a colon', page('m{a:b="x"} 1'), 'line 1: expected "=", got ":b'],
    ['a label stands there twice', page('m{a="1",a="2"} 1'), 'line 1: label "a" stands there twice'],
    ['a label has no value', page('m{a} 1'), 'line 1: expected "=", got "} 1"'],
    ['a label has no equals sign', page('m{a"x"} 1'), 'line 1: expected "="'],
    ['a label has an empty value', page('m{a=} 1'), 'line 1: expected a label value in double quotes'],
    ['a label value is bare', page('m{a=1} 1'), 'line 1: expected a label value in double quotes'],
    ['a label value has other quotes', page("m{a='1'} 1"), 'line 1: expected a label value in double quotes'],
    ['a label value does not end', page('m{a="1} 1'), 'line 1: expected a label value in double quotes'],
    ['a comma is missing', page('m{a="1"b="2"} 1'), 'line 1: expected "," or "}"'],
    [
      'a comma is one too many',
      page('m{a="1",,b="2"} 1'),
      'line 1: expected the name of a label, got ","'.slice(0, 40),
    ],
    ['a comma is the last', page('m{a="1",} 1'), 'line 1: expected the name of a label, got "} 1"'],
    ['a blank stands between labels', page('m{a="1", b="2"} 1'), 'line 1: expected the name of a label, got " b'],
    ['a blank stands before the braces', page('m {a="1"} 1'), 'line 1: expected a value, got "{a'],
    ['no blank stands before the value', page('m{a="1"}1'), 'line 1: expected a space, got "1"'],
    ['the value is missing', page('m'), 'line 1: expected a space, got the end of the line'],
    ['the value is missing behind its blank', page('m '), 'line 1: expected a value, got the end of the line'],
    ['the value is a word', page('m x'), 'line 1: expected a value, got "x"'],
    ['two blanks stand before the value', page('m  1'), 'line 1: expected a value, got " 1"'],
    ['a tab stands behind the value', page('m 1\t'), 'line 1: expected the end of the line, got "\\t"'],
    ['a blank stands behind the value', page('m 1 '), 'line 1: expected a timestamp, got the end of the line'],
    ...['1_000', '0x1p-3', '0X1', '0b1', '0B1', '0o1', '0O1', '1e', '1.2.3', '1,5'].map(
      (value) => [`the value is ${value}`, page(`m ${value}`), 'line 1: expected the end of the line'] as const,
    ),
    ['the value is no double', page('m 1e400'), 'line 1: 1e400 does not fit'],
    ...['z', 'NaN', 'Inf', '-Inf', ' 1'].map(
      (time) => [`the time is ${time}`, page(`m 1 ${time}`), 'line 1: expected a timestamp'] as const,
    ),
    ...['1z', '1_2', '1.1.1', '0x1p-3'].map(
      (time) => [`the time is ${time}`, page(`m 1 ${time}`), 'line 1: expected the end of the line'] as const,
    ),

    ['an exemplar is empty', typed('counter', 'm_total 1 #'), 'line 2: expected a space'],
    ['an exemplar has no blank before it', typed('counter', 'm_total 1# {} 1'), 'line 2: expected the end of the line'],
    ['an exemplar has no blank behind its hash', typed('counter', 'm_total 1 #{} 1'), 'line 2: expected a space'],
    ['an exemplar has no labels', typed('counter', 'm_total 1 1 # 5'), 'line 2: expected the labels of an exemplar'],
    ['an exemplar lacks its hash', typed('counter', 'm_total 1 1 {a="b"} 1'), 'line 2: expected the end of the line'],
    [
      'an exemplar lacks its value',
      typed('counter', 'm_total 1 # {a="b"} '),
      'line 2: expected the value of an exemplar',
    ],
    ['an exemplar has no blank before its value', typed('counter', 'm_total 1 # {}1'), 'line 2: expected a space'],
    ['an exemplar ends with a blank', typed('counter', 'm_total 1 # {} 1 '), 'line 2: expected a timestamp'],
    [
      'an exemplar has a hexadecimal value',
      typed('counter', 'm_total 1 # {} 0x1p-3'),
      'line 2: expected the end of the line',
    ],
    ['an exemplar has a time that is none', typed('counter', 'm_total 1 # {} 1 NaN'), 'line 2: expected a timestamp'],
    [
      'an exemplar has a hexadecimal time',
      typed('counter', 'm_total 1 # {} 1 0x1p-3'),
      'line 2: expected the end of the line',
    ],
    [
      'an exemplar has 129 characters',
      typed('counter', `m_total 1 # {a="${'é'.repeat(128)}"} 1`),
      'line 2: the labels of an exemplar have 129 characters, more than 128',
    ],
    [
      'an exemplar is past its bucket',
      typed('histogram', 'm_bucket{le="1"} 1 # {} 1.5'),
      'line 2: the exemplar of m_bucket is not in its bucket le="1"',
    ],
    [
      'a gauge has an exemplar',
      typed('gauge', 'm 1 # {} 1'),
      'line 2: no exemplar may stand at m, a sample of type gauge',
    ],
    ['an info has an exemplar', typed('info', 'm_info 1 # {} 1'), 'line 2: no exemplar may stand at m_info'],
    ['a stateset has an exemplar', typed('stateset', 'm{m="a"} 1 # {} 1'), 'line 2: no exemplar may stand at m'],
    ['a sum has an exemplar', typed('histogram', 'm_sum 1 # {} 1'), 'line 2: no exemplar may stand at m_sum'],
    [
      'a time of creation has an exemplar',
      typed('counter', 'm_created 1 # {} 1'),
      'line 2: no exemplar may stand at m_created',
    ],
    [
      'a gauge that is called a bucket has an exemplar',
      page('# TYPE m_bucket gauge', 'm_bucket 1 # {} 1'),
      'line 2: no exemplar may stand at m_bucket',
    ],

    [
      'a family comes back',
      page('m 1', 'n 1', 'm{a="1"} 1'),
      'line 3: m is a name of unknown m, whose lines must stand together',
    ],
    [
      'metadata of a family comes back',
      page('# TYPE m gauge', 'm 1', 'n 1', '# HELP m x'),
      'line 4: m is a name of gauge m',
    ],
    [
      'a family has the name of a sample to come',
      page('# TYPE m_created gauge', '# TYPE m counter'),
      'line 2: m_created is a name of gauge m_created',
    ],
    [
      'a family has the name of a sample that was',
      page('# TYPE m summary', 'n 1', 'm_sum 1'),
      'line 3: m_sum is a name of summary m',
    ],
    [
      'a family without samples has a name that is taken',
      page('# TYPE m counter', '# HELP m_total x'),
      'line 2: m_total is a name of counter m',
    ],
    [
      'a counter does not end in _total',
      typed('counter', 'm 1'),
      'line 2: m is not a sample of counter m: those are m_total, m_created',
    ],
    ['an info does not end in _info', typed('info', 'm 1'), 'line 2: m is not a sample of info m: those are m_info'],
    [
      'series of one metric are mixed with others',
      typed('gauge', 'm{a="1"} 1', 'm{a="2"} 1', 'm{a="1"} 2'),
      'line 4: the samples of m with equal labels must stand together',
    ],
    [
      'histograms are mixed',
      typed('histogram', 'm_bucket{a="1",le="+Inf"} 0', 'm_bucket{a="2",le="+Inf"} 0', 'm_sum{a="1"} 0'),
      'line 4: the samples of m with equal labels must stand together',
    ],
    [
      'labels differ only in order',
      typed('gauge', 'm{a="1",b="2"} 1', 'm{a="2"} 1', 'm{b="2",a="1"} 1'),
      'line 4: the samples of m with equal labels',
    ],
    [
      'labels differ only in an empty one',
      typed('gauge', 'm 1', 'm{a=""} 1'),
      'line 3: m stands there twice with equal labels',
    ],
    ['a series stands there twice', typed('gauge', 'm 1', 'm 2'), 'line 3: m stands there twice with equal labels'],
    [
      'a state stands there twice',
      typed('stateset', 'm{m="a"} 1', 'm{m="a"} 0'),
      'line 3: m stands there twice with equal labels',
    ],
    [
      'one of two points has no time',
      typed('gauge', 'm 1 5', 'm 2'),
      'line 3: of the samples of m with equal labels all must have a timestamp, or none',
    ],
    ['one of two points has a time', typed('gauge', 'm 1', 'm 2 5'), 'line 3: of the samples of m with equal labels'],
    ['times run backwards', typed('gauge', 'm 1 1.5', 'm 2 1.4'), 'line 3: the timestamps of m run backwards'],
    [
      'times before 1970 run backwards',
      typed('gauge', 'm 1 -1', 'm 2 -1.1'),
      'line 3: the timestamps of m run backwards',
    ],

    ...['NaN', '-1', '-Inf'].flatMap((value) => [
      [
        `a total is ${value}`,
        typed('counter', `m_total ${value}`),
        'line 2: the value of m_total must not be NaN or negative',
      ] as const,
      [
        `a sum of a histogram is ${value}`,
        typed('histogram', `m_sum ${value}`),
        'line 2: the value of m_sum must not be NaN or negative',
      ] as const,
      [
        `a sum of a summary is ${value}`,
        typed('summary', `m_sum ${value}`),
        'line 2: the value of m_sum must not be NaN or negative',
      ] as const,
    ]),
    ...['NaN', '-1', '1.5', '+Inf'].flatMap((value) => [
      [
        `a bucket is ${value}`,
        typed('histogram', `m_bucket{le="+Inf"} ${value}`),
        'line 2: the value of m_bucket must be a whole number',
      ] as const,
      [
        `a count is ${value}`,
        typed('histogram', `m_count ${value}`),
        'line 2: the value of m_count must be a whole number',
      ] as const,
      [
        `a count of a summary is ${value}`,
        typed('summary', `m_count ${value}`),
        'line 2: the value of m_count must be a whole number',
      ] as const,
      [
        `a bucket of a gauge histogram is ${value}`,
        typed('gaugehistogram', `m_bucket{le="+Inf"} ${value}`),
        'line 2: the value of m_bucket must be a whole number',
      ] as const,
      [
        `a count of a gauge histogram is ${value}`,
        typed('gaugehistogram', `m_gcount ${value}`),
        'line 2: the value of m_gcount must be a whole number',
      ] as const,
    ]),
    [
      'a sum of a gauge histogram is NaN',
      typed('gaugehistogram', 'm_gsum NaN'),
      'line 2: the value of m_gsum must not be NaN',
    ],
    [
      'a time of creation is none',
      typed('counter', 'm_total 1', 'm_created NaN'),
      'line 3: the value of m_created must be a time',
    ],
    ['an info is not 1', typed('info', 'm_info{a="b"} 2'), 'line 2: the value of m_info must be 1'],
    ['a state is neither 0 nor 1', typed('stateset', 'm{m="a"} 2.0'), 'line 2: the value of m must be 0 or 1'],
    ['a state has no name', typed('stateset', 'm 0'), 'line 2: m, of type stateset, needs the label "m"'],
    ['a quantile has no number', typed('summary', 'm 0'), 'line 2: m, of type summary, needs the label "quantile"'],
    ...['-1', '1.01', 'x', 'NaN', '+Inf'].map(
      (quantile) =>
        [
          `a quantile is of ${quantile}`,
          typed('summary', `m{quantile="${quantile}"} 0`),
          `line 2: quantile="${quantile}" of m is not between 0 and 1`,
        ] as const,
    ),
    ['a quantile is negative', typed('summary', 'm{quantile="0.5"} -1'), 'line 2: the value of m must not be negative'],
    [
      'a sum of a summary has a quantile',
      typed('summary', 'm_sum{quantile="0.5"} 1'),
      'line 2: m_sum, of type summary, must not have the label "quantile"',
    ],

    [
      'a bucket has no bound',
      typed('histogram', 'm_bucket 0'),
      'line 2: m_bucket, of type histogram, needs the label "le"',
    ],
    [
      'a bucket of a gauge histogram has no bound',
      typed('gaugehistogram', 'm_bucket 0'),
      'line 2: m_bucket, of type gaugehistogram, needs the label "le"',
    ],
    ...['NaN', '+INF', 'Inf', 'x', '0x1', ''].map(
      (le) =>
        [
          `a bound is "${le}"`,
          typed('histogram', `m_bucket{le="${le}"} 0`),
          `line 2: le="${le}" of m_bucket is no number`,
        ] as const,
    ),
    [
      'a count has a bound',
      typed('histogram', 'm_bucket{le="+Inf"} 0', 'm_count{le="+Inf"} 0'),
      'line 3: m_count, of type histogram, must not have the label "le"',
    ],
    [
      'buckets are out of order',
      typed('histogram', 'm_bucket{le="2"} 0', 'm_bucket{le="1"} 0'),
      'line 3: the buckets of m_bucket must be in increasing order of le',
    ],
    [
      'a bucket stands there twice, written differently',
      typed('histogram', 'm_bucket{le="1"} 0', 'm_bucket{le="1.0"} 0'),
      'line 3: the buckets of m_bucket must be in increasing order of le',
    ],
    [
      'buckets are not cumulative',
      typed('histogram', 'm_bucket{le="1"} 2', 'm_bucket{le="+Inf"} 1'),
      'line 3: the buckets of m_bucket must be cumulative',
    ],
    [
      'the last bucket is missing',
      typed('histogram', 'm_bucket{le="1"} 2', 'm_count 2'),
      'line 3: histogram m has no bucket le="+Inf"',
    ],
    [
      'all buckets are missing',
      typed('gaugehistogram', 'm_gsum 1', 'm_gcount 1'),
      'line 3: gaugehistogram m has no bucket le="+Inf"',
    ],
    [
      'the last bucket of an earlier point is missing',
      typed('histogram', 'm_bucket{le="1"} 2 5', 'm_bucket{le="1"} 2 6'),
      'line 2: histogram m has no bucket le="+Inf"',
    ],
    [
      'the count is another',
      typed('histogram', 'm_bucket{le="+Inf"} 2', 'm_sum 1', 'm_count 1'),
      'line 4: m_count is 1, but the bucket le="+Inf" is 2',
    ],
    [
      'the count of a gauge histogram is another',
      typed('gaugehistogram', 'm_bucket{le="+Inf"} 2', 'm_gsum 1', 'm_gcount 1'),
      'line 4: m_gcount is 1, but the bucket le="+Inf" is 2',
    ],
    [
      'a count has no sum',
      typed('histogram', 'm_bucket{le="+Inf"} 0', 'm_count 0'),
      'line 3: histogram m must have both m_sum and m_count, or none',
    ],
    [
      'a sum has no count',
      typed('gaugehistogram', 'm_bucket{le="+Inf"} 0', 'm_gsum 0'),
      'line 3: gaugehistogram m must have both m_gsum and m_gcount, or none',
    ],
    [
      'buckets below zero have a sum',
      typed('histogram', 'm_bucket{le="-1"} 0', 'm_bucket{le="+Inf"} 0', 'm_sum 0', 'm_count 0'),
      'line 5: histogram m has buckets below zero, and so must have no m_sum',
    ],
    [
      'a sum is negative where no bucket is',
      typed('gaugehistogram', 'm_bucket{le="+Inf"} 1', 'm_gsum -1', 'm_gcount 1'),
      'line 4: m_gsum is negative, though there is no bucket below zero',
    ],
    ['a counter has no total', typed('counter', 'm_created 1', 'n 1'), 'line 2: counter m has no sample m_total'],
  ];

  test.each(cases)('where %s', (_, text, message) => {
    expect(verdict(text).slice(0, message.length)).toBe(message);
  });

  test('where bytes are not UTF-8, on the line where they stand', () => {
    expect(verdict(Buffer.from('m 1\n# HELP n \xff\n# EOF\n', 'latin1'))).toBe('line 2: the text is not valid UTF-8');
    expect(verdict(Buffer.from('m 1\n# EOF\xff', 'latin1'))).toBe('line 2: the text is not valid UTF-8');
  });
});

test('pages of many series and long lines take linear time', () => {
  const many = Array.from({ length: 50_000 }, (_, i) => `m{a="${i}"} ${i}`);
  expect(verdict(typed('gauge', ...many))).toBe('good');
  expect(verdict(page(`m{a="${'\\\\'.repeat(3_000_000)}"} 1`))).toBe('good');
  expect(verdict(page(`m{a="${'\\\\'.repeat(3_000_000)} 1`))).toMatch(/^line 1: expected a label value/);
});
