import { describe, expect, test } from '@jest/globals';
import { type FakeLine, FakeLines } from '../../test/fakes/log-lines.ts';
import { LogqlError } from './errors.ts';
import { queryInstant, queryRange } from './query.ts';

const control = { over: false, yield: async () => undefined, maxNumbers: 1_000_000, maxSeries: 500 };

interface Stream {
  readonly stream: Record<string, string>;
  readonly values: [string, string, object?][];
}

function rangeOf(
  query: string,
  over: Partial<Parameters<typeof queryRange>[0]> = {},
): Parameters<typeof queryRange>[0] {
  return {
    query,
    startNanos: 0n,
    endNanos: 1_000_000_000_000n,
    stepMs: 60_000,
    limit: 100,
    direction: 'forward',
    encoding: 'merged',
    ...over,
  };
}

async function streams(query: string, lines: readonly FakeLine[], over = {}): Promise<Stream[]> {
  const { result } = await queryRange(rangeOf(query, over), new FakeLines(lines), control);
  return JSON.parse(result);
}

/** The texts that a query gives of single lines, in order. */
async function texts(query: string, ...lines: string[]): Promise<string[]> {
  const found = await streams(
    query,
    lines.map((text, i) => ({ text, ms: 1000 + i })),
  );
  const all = found.flatMap(({ values }) => values);
  return all.sort(([a], [b]) => Number(a) - Number(b)).map(([, text]) => text);
}

/** The labels of one line behind the query, those of its stream and its level left out. */
async function labels(query: string, text: string, line: Partial<FakeLine> = {}): Promise<Record<string, string>> {
  const [found] = await streams(query, [{ text, ms: 1000, ...line }]);
  const { app: _, detected_level: __, ...rest } = found?.stream ?? {};
  return rest;
}

/** At 10 minutes after 1970. */
async function instant(query: string, lines: readonly FakeLine[]): Promise<unknown> {
  const { result } = await queryInstant({ query, timeNanos: 600_000_000_000n }, new FakeLines(lines), control);
  return JSON.parse(result);
}

async function values(query: string, lines: readonly FakeLine[] = []): Promise<Record<string, string>> {
  const found = (await instant(query, lines)) as { metric: Record<string, string>; value: [number, string] }[];
  return Object.fromEntries(found.map(({ metric, value }) => [JSON.stringify(metric), value[1]]));
}

async function faultOf(query: string, lines: readonly FakeLine[] = []): Promise<string> {
  try {
    await queryRange(rangeOf(query), new FakeLines(lines), control);
    return 'none';
  } catch (error) {
    if (error instanceof LogqlError) {
      return `${error.fault}: ${error.message}`;
    }
    throw error;
  }
}

describe('line filters', () => {
  const lines = ['GET /a 200', 'GET /b 500', 'post /a 500 x.y'];

  test.each([
    ['{app="a"} |= "GET"', ['GET /a 200', 'GET /b 500']],
    ['{app="a"} != "GET"', ['post /a 500 x.y']],
    ['{app="a"} |= "GET" |= "500"', ['GET /b 500']],
    ['{app="a"} |= "200" or "x.y"', ['GET /a 200', 'post /a 500 x.y']],
    ['{app="a"} != "200" or "x.y"', ['GET /b 500']],
    ['{app="a"} |~ "/[ab] 500"', ['GET /b 500', 'post /a 500 x.y']],
    ['{app="a"} |~ `(?i)get|POST`', lines],
    ['{app="a"} |~ "(?i)get"', ['GET /a 200', 'GET /b 500']],
    ['{app="a"} |~ "x\\\\.y"', ['post /a 500 x.y']],
    ['{app="a"} !~ "GET|xxx"', ['post /a 500 x.y']],
    ['{app="a"} |= ""', lines],
    ['{app="a"} |= `500` # and no more', ['GET /b 500', 'post /a 500 x.y']],
    ['{app="a"} |> "GET <_> 500"', ['GET /b 500']],
    ['{app="a"} |> "<_>/a <_>"', ['GET /a 200', 'post /a 500 x.y']],
    ['{app="a"} !> "GET <_>"', ['post /a 500 x.y']],
    ['{app="b"}', []],
  ])('%s', async (query, expected) => {
    expect(await texts(query, ...lines)).toEqual(expected);
  });
});

describe('parsers', () => {
  test.each([
    ['{app="a"} | json', '{"a":1,"b":{"c":"d","e":[1]},"f":true,"g":null,"x-y":""}', { a: '1', b_c: 'd', f: 'true' }],
    ['{app="a"} | json', '{"app":"other"}', { app_extracted: 'other' }],
    [
      '{app="a"} | json first="a.b[1]", second="[\\"c d\\"]", third',
      '{"a":{"b":[1,2]},"c d":{"e":1},"third":3}',
      { first: '2', second: '{"e":1}', third: '3' },
    ],
    ['{app="a"} | logfmt', 'a=1 b="c \\"d\\"" flag e= =x', { a: '1', b: 'c "d"' }],
    ['{app="a"} | logfmt --keep-empty | keep a, e', 'a=1 e=', { a: '1' }],
    ['{app="a"} | logfmt b="a", c', 'a=1 c=2 d=3', { b: '1', c: '2' }],
    [
      '{app="a"} | pattern `<ip> - <_> "<method> <path>"`',
      '1.2.3.4 - me "GET /x"',
      { ip: '1.2.3.4', method: 'GET', path: '/x' },
    ],
    ['{app="a"} | pattern `<a>|<b>`', 'no such', { a: 'no such' }],
    ['{app="a"} | regexp `(?P<verb>\\w+) (?P<path>/\\S*)`', 'GET /x y', { verb: 'GET', path: '/x' }],
    ['{app="a"} | unpack', '{"_entry":"text","pod":"p"}', { pod: 'p' }],
    ['{app="a"} | json', '{"__proto__":{"a":1}}', { __proto___a: '1' }],
  ])('%s of %s', async (query, line, expected) => {
    expect(await labels(query, line)).toEqual(expected);
  });

  test('what is not JSON stays, with the fault as a label', async () => {
    expect((await labels('{app="a"} | json', 'plain'))['__error__']).toBe('JSONParserErr');
    expect(await texts('{app="a"} | json | __error__=""', 'plain', '{"a":1}')).toEqual(['{"a":1}']);
    expect(await labels('{app="a"} | json | drop __error__, __error_details__', 'plain')).toEqual({});
  });

  test('unpack gives the line that was packed', async () => {
    expect(await texts('{app="a"} | unpack |= "inner"', '{"_entry":"the inner line","pod":"p"}')).toEqual([
      'the inner line',
    ]);
  });
});

describe('label filters', () => {
  const line = '{"code":503,"took":"1.5s","size":"2KiB","path":"/a","odd":"x"}';

  test.each([
    ['code=503', true],
    ['code==503', true],
    ['code>500', true],
    ['code<500', false],
    ['code!=503', false],
    ['took>=1500ms', true],
    ['took<1s', false],
    ['size>2kB', true],
    ['size<=2KiB', true],
    ['path=~"/[a-c]"', true],
    ['path=~"/"', false],
    ['path!~"/b"', true],
    ['path="/a" and code<100 or took>1s', true],
    ['path="/a" and (code<100 or took>1s)', true],
    ['took>1s or path="/b" and code<100', true],
    ['(took>1s or path="/b") and code<100', false],
    ['path="/a", code=503', true],
    ['path="/a", code=504', false],
    ['nothing="" ', true],
    ['nothing>0', false],
    ['app="a"', true],
  ])('%s is %s', async (filter, holds) => {
    expect(await texts(`{app="a"} | json | ${filter}`, line)).toHaveLength(holds ? 1 : 0);
  });

  test('a value that is no number lets the line through, with a fault', async () => {
    expect((await labels('{app="a"} | json | odd>1', line))['__error__']).toBe('LabelFilterErr');
  });
});

describe('structured metadata', () => {
  const line = { metadata: { 'http.path': '/x', code: 200 }, derived: { method: 'GET' }, level: 'error' };

  test('is filtered without a parser, under names that labels may have', async () => {
    expect(await labels('{app="a"} | http_path="/x" | code=200', 'text', line)).toEqual({
      http_path: '/x',
      code: '200',
    });
    expect(await labels('{app="a"} | code=404', 'text', line)).toEqual({});
  });

  test('keeps its name where a parser finds the same one, until it is dropped', async () => {
    const own = { metadata: { code: 1 } };
    expect(await labels('{app="a"} | logfmt', 'code=2', own)).toEqual({ code: '1', code_extracted: '2' });
    expect(await labels('{app="a"} | drop code | logfmt', 'code=2', own)).toEqual({ code: '2' });
  });

  test('of the line itself: its level, and what its text is known to say', async () => {
    for (const [filter, passes] of [
      ['detected_level="error"', 1],
      ['level="error"', 1],
      ['level="info"', 0],
      ['method="GET"', 1],
    ] as const) {
      expect(await streams(`{app="a"} | ${filter}`, [{ text: 'x', ms: 1, ...line }])).toHaveLength(passes);
    }
  });

  test('is told from parsed labels where that is asked for', async () => {
    const [found] = await streams('{app="a"} | json', [{ text: '{"user":"u"}', ms: 1, ...line }], {
      encoding: 'categorized',
    });
    expect(found?.stream).toEqual({ app: 'a' });
    expect(found?.values).toEqual([
      [
        '1000000',
        '{"user":"u"}',
        {
          structuredMetadata: { code: '200', detected_level: 'error', http_path: '/x', method: 'GET' },
          parsed: { user: 'u' },
        },
      ],
    ]);
  });
});

describe('formatting', () => {
  const line = '{"user":"Ann","n":7,"path":"/a/b"}';

  test.each([
    ['{{.user}} {{.n}} {{.nothing}}', 'Ann 7 '],
    ['{{ .user | lower }}-{{ ToUpper .user }}', 'ann-ANN'],
    ['{{ __line__ | trunc 5 }}', '{"use'],
    ['{{ .path | replace "/" "." }}', '.a.b'],
    ['{{ if eq .user "Ann" }}yes{{ else }}no{{ end }}', 'yes'],
    ['{{ if .nothing }}yes{{ else if hasPrefix "/a" .path }}other{{ else }}no{{ end }}', 'other'],
    ['{{ add (int .n) 1 2 }} {{ div .n 2 }} {{ divf .n 2 }}', '10 3 3.5'],
    ['{{ .nothing | default "none" }}', 'none'],
    ['{{ regexReplaceAll "/([a-z])" .path "-$1" }}', '-a-b'],
    ['a {{- " b " -}} c', 'a b c'],
    ['{{ substr 0 2 .user }}{{ len .user }}', 'An3'],
    ['{{ .user | b64enc | b64dec }}', 'Ann'],
    ['plain', 'plain'],
  ])('line_format %s', async (format, expected) => {
    expect(await texts(`{app="a"} | json | line_format ${JSON.stringify(format)}`, line)).toEqual([expected]);
  });

  test('label_format renames and writes', async () => {
    expect(
      await labels('{app="a"} | json | label_format who=user, both=`{{.n}}{{.path}}` | keep who, both, user', line),
    ).toEqual({ who: 'Ann', both: '7/a/b' });
  });

  test('drop and keep by name and by value', async () => {
    expect(await labels('{app="a"} | json | drop user, n="7", path="/x"', line)).toEqual({ path: '/a/b' });
    expect(await labels('{app="a"} | json | keep user, n="8"', line)).toEqual({ user: 'Ann' });
  });

  test('decolorize takes the colours out, and filters behind it see that', async () => {
    expect(await texts('{app="a"} | decolorize |= "red text"', '\u001b[31mred\u001b[0m text')).toEqual(['red text']);
  });
});

describe('lines of a range', () => {
  const lines = [1, 2, 3, 4, 5].map((n) => ({ text: `line ${n}`, ms: n * 1000 }));

  test.each([
    ['backward', ['line 4', 'line 3']],
    ['forward', ['line 2', 'line 3']],
  ] as const)('%s: the first of the limit, the start included, the end not', async (direction, expected) => {
    const source = new FakeLines(lines);
    const query = rangeOf('{app="a"}', { startNanos: 2_000_000_000n, endNanos: 5_000_000_000n, limit: 2, direction });
    const found = JSON.parse((await queryRange(query, source, control)).result) as Stream[];
    expect(found.flatMap((stream) => stream.values.map(([, text]) => text))).toEqual(expected);
  });

  test('that are too long for one answer are refused, not cut', async () => {
    const long = 'x'.repeat(1_000_000);
    const source = new FakeLines(Array.from({ length: 150 }, (_, i) => ({ text: long, ms: i })));
    await expect(queryRange(rangeOf('{app="a"}', { limit: 100 }), source, control)).rejects.toThrow(
      'ask for fewer than 100',
    );
    const few = await queryRange(rangeOf('{app="a"}', { limit: 2 }), source, control);
    expect(few.count).toBe(2);
  });

  test('are not read on once there are enough', async () => {
    const source = new FakeLines(Array.from({ length: 1000 }, (_, i) => ({ text: 'x', ms: i * 1000 })));
    await queryRange(rangeOf('{app="a"}', { limit: 3 }), source, control);
    expect(source.scanned).toBeLessThan(100);
  });
});

describe('metric queries', () => {
  /** Of the last minute before minute 10, app a: 6 lines of 10 bytes; app b: one. */
  const lines: FakeLine[] = [
    ...[0, 10, 20, 30, 40, 50].map((s) => ({
      text: '0123456789',
      ms: 550_000 + s * 1000,
      level: s === 50 ? 'error' : 'info',
    })),
    { text: 'x', ms: 570_000, stream: { app: 'b' } },
    { text: 'old', ms: 100_000 },
  ];
  const any = '{app=~".+"}';

  test.each([
    [`sum by (app) (count_over_time(${any}[1m]))`, { '{"app":"a"}': '6', '{"app":"b"}': '1' }],
    [`sum(count_over_time(${any}[50s]))`, { '{}': '6' }],
    [`sum(count_over_time(${any}[1m] offset 8m))`, { '{}': '1' }],
    [`sum by (app) (rate(${any}[1m]))`, { '{"app":"a"}': '0.1', '{"app":"b"}': '0.016666666666666666' }],
    [`sum by (app) (bytes_over_time(${any}[1m]))`, { '{"app":"a"}': '60', '{"app":"b"}': '1' }],
    [`sum by (app) (bytes_rate({app="a"}[1m]))`, { '{"app":"a"}': '1' }],
    [
      `sum by (level, detected_level) (count_over_time({app="a"} | drop __error__[1m]))`,
      { '{"detected_level":"error","level":"error"}': '1', '{"detected_level":"info","level":"info"}': '5' },
    ],
    [
      `count_over_time({app="a"}[1m])`,
      { '{"app":"a","detected_level":"error"}': '1', '{"app":"a","detected_level":"info"}': '5' },
    ],
    [`count(count_over_time(${any}[1m]))`, { '{}': '3' }],
    [`avg without (detected_level) (count_over_time({app="a"}[1m]))`, { '{"app":"a"}': '3' }],
    [`topk(1, sum by (app) (count_over_time(${any}[1m])))`, { '{"app":"a"}': '6' }],
    [`bottomk(1, sum by (app) (count_over_time(${any}[1m])))`, { '{"app":"b"}': '1' }],
    [`sum by (app) (count_over_time(${any}[1m])) > 3`, { '{"app":"a"}': '6' }],
    [`sum by (app) (count_over_time(${any}[1m])) > bool 3`, { '{"app":"a"}': '1', '{"app":"b"}': '0' }],
    [`3 < sum by (app) (count_over_time(${any}[1m]))`, { '{"app":"a"}': '6' }],
    [
      `sum by (app) (count_over_time(${any}[1m])) / on (app) sum by (app) (count_over_time(${any}[1m]))`,
      { '{"app":"a"}': '1', '{"app":"b"}': '1' },
    ],
    [
      `sum by (app) (count_over_time(${any}[1m])) / ignoring (app) group_left sum(count_over_time(${any}[1m])) * 7`,
      { '{"app":"a"}': '6', '{"app":"b"}': '1' },
    ],
    [`sum(count_over_time({app="nothing"}[1m])) or vector(0)`, { '{}': '0' }],
    [
      `sum by (app) (count_over_time(${any}[1m])) unless sum by (app) (count_over_time({app="b"}[1m]))`,
      { '{"app":"a"}': '6' },
    ],
    [`absent_over_time({app="nothing"}[1m])`, { '{"app":"nothing"}': '1' }],
    [`absent_over_time({app="a"}[1m])`, {}],
    [`vector(1)+vector(1)`, { '{}': '2' }],
    [
      `label_replace(sum by (app) (count_over_time({app="b"}[1m])), "x", "is-$1", "app", "(.)")`,
      { '{"app":"b","x":"is-b"}': '1' },
    ],
    [`sum(count_over_time(${any}[1m])) + 1 * 2 ^ 3 ^ 0`, { '{}': '9' }],
    [`sum(count_over_time(${any}[1m])) - 1 - 1`, { '{}': '5' }],
    [`(sum(count_over_time(${any}[1m])) + 1) * 2`, { '{}': '16' }],
  ])('%s', async (query, expected) => {
    expect(await values(query, lines)).toEqual(expected);
  });

  test('a number alone is a scalar', async () => {
    expect(await instant('1 + 2 * 3', [])).toEqual([600, '7']);
  });

  const timed = [10, 20, 30, 40].map((n, i) => ({ text: `took=${n}ms n=${n} size=${n}KB`, ms: 560_000 + i * 1000 }));

  test.each([
    ['sum_over_time({app="a"} | logfmt | unwrap n [1m])', '100'],
    ['rate({app="a"} | logfmt | unwrap n [1m])', '1.6666666666666667'],
    ['avg_over_time({app="a"} | logfmt | unwrap n [1m])', '25'],
    ['min_over_time({app="a"} | logfmt | unwrap n [1m])', '10'],
    ['max_over_time({app="a"} | logfmt | unwrap duration(took) [1m])', '0.04'],
    ['max_over_time({app="a"} | logfmt | unwrap bytes(size) [1m])', '40000'],
    ['first_over_time({app="a"} | logfmt | unwrap n [1m])', '10'],
    ['last_over_time({app="a"} | logfmt | unwrap n [1m])', '40'],
    ['stdvar_over_time({app="a"} | logfmt | unwrap n [1m])', '125'],
    ['quantile_over_time(0.5, {app="a"} | logfmt | unwrap n [1m])', '25'],
    ['quantile_over_time(1, {app="a"} | logfmt | unwrap n | n < 40 [1m])', '30'],
  ])('%s is %s', async (query, expected) => {
    const grouped =
      query.startsWith('sum_') || query.startsWith('rate') ? `sum by (app) (${query})` : `${query} by (app)`;
    expect(await values(grouped, timed)).toEqual({ '{"app":"a"}': expected });
  });

  test('over a range, a line counts from its time on for as long as the range, that time not included', async () => {
    const { result } = await queryRange(
      rangeOf('sum(count_over_time({app="a"}[2m]))', { startNanos: 0n, endNanos: 600_000_000_000n }),
      new FakeLines([
        { text: 'x', ms: 120_000 },
        { text: 'x', ms: 180_001 },
      ]),
      control,
    );
    expect(JSON.parse(result)).toEqual([
      {
        metric: {},
        values: [
          [120, '1'],
          [180, '1'],
          [240, '1'],
          [300, '1'],
        ],
      },
    ]);
  });

  test('a fault of a line ends the query, unless it is filtered or dropped', async () => {
    const bad = [{ text: 'not json', ms: 590_000 }];
    expect(await faultOf('sum by (x) (count_over_time({app="a"} | json [1m]))', bad)).toMatch(
      /^execution: pipeline error: 'JSONParserErr' for series: '\{.*app="a"/,
    );
    expect(await values('sum by (x) (count_over_time({app="a"} | json | __error__="" [1m]))', bad)).toEqual({});
    expect(await values('sum by (x) (count_over_time({app="a"} | json | drop __error__ [1m]))', bad)).toEqual({
      '{}': '1',
    });
  });

  test('too many series are an error that says so', async () => {
    const many = Array.from({ length: 600 }, (_, i) => ({ text: `id=${i}`, ms: 590_000 }));
    expect(await faultOf('count_over_time({app="a"} | logfmt [1m])', many)).toMatch(/maximum number of series \(500\)/);
  });
});

describe('what is wrong', () => {
  test.each([
    ['', 'parse error at line 1, col 1: syntax error: unexpected $end'],
    ['{app="a"', 'parse error at line 1, col 9: syntax error: unexpected $end'],
    ['{app="a"} |= x', 'parse error at line 1, col 14: syntax error: unexpected IDENTIFIER'],
    ['{app="a"}\n | foo', 'parse error at line 2, col 7: syntax error: unexpected $end'],
    ['{}', 'parse error : queries require at least one regexp or equality matcher'],
    ['{app=~".*"}', 'parse error : queries require at least one regexp or equality matcher'],
    ['{app="a"} |~ "("', 'parse error : error parsing regexp'],
    ['sum(rate({app="a"}))', 'unexpected )'],
    ['sum_over_time({app="a"}[1m])', 'invalid aggregation sum_over_time without unwrap'],
    ['count_over_time({app="a"} | unwrap x [1m])', 'invalid aggregation count_over_time with unwrap'],
    ['topk(sum(rate({app="a"}[1m])))', 'parameter required for operation topk'],
    ['count_over_time({app="a"}[1m]) and 1', 'unexpected literal for right leg'],
    ['{app="a"} | line_format "{{.x"', 'unclosed action'],
    ['{app="a"} | pattern "no capture"', 'at least one capture is required'],
    ['{app="a"} | regexp "x"', 'at least one named capture'],
  ])('%s', async (query, message) => {
    const fault = await faultOf(query);
    expect(fault).toMatch(/^syntax: /);
    expect(fault).toContain(message);
  });

  test.each([
    ['{app="a"} |= ip("10.0.0.0/8")', 'the line filter ip()'],
    ['{app="a"} | x = ip("10.0.0.0/8")', 'the label filter ip()'],
    ['rate_counter({app="a"} | unwrap x [1m])', 'rate_counter()'],
    ['approx_topk(1, rate({app="a"}[1m]))', 'approx_topk()'],
    ['{app="a"} | line_format "{{range .x}}{{end}}"', '{{range}} in a template'],
    ['{app="a"} | line_format "{{ date .x }}"', 'the function date in a template'],
    ['variants(count_over_time({app="a"}[1m])) of ({app="a"}[1m])', 'variants'],
  ])('%s is not there, and says so', async (query, what) => {
    expect(await faultOf(query)).toBe(`unsupported: ${what} is not evaluated by this version`);
  });
});
