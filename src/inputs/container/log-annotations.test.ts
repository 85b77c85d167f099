import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { formatFault } from '../../config/fault.ts';
import { type Pod, podOf } from '../../kube/kube.ts';
import { rulesOf } from './log-annotations.ts';
import { type LogDefaults, limitOf, settingsOf } from './log-entry.ts';

interface Written {
  readonly annotations?: Readonly<Record<string, string>>;
  readonly variable?: string;
  readonly image?: string;
}

function pod({ annotations = {}, variable, image = 'registry:5000/shop/app:1.2' }: Written): Pod {
  const env = variable === undefined ? [] : [{ name: 'DATAKIT_LOGS_CONFIG', value: variable }];
  const found = podOf({
    metadata: { uid: 'u1', name: 'web-1', namespace: 'prod', annotations },
    spec: { containers: [{ name: 'app', image, env }, { name: 'other' }] },
  });
  if (found === undefined) {
    throw new Error('it is no pod');
  }
  return found;
}

function rules(written: Written, container = 'app') {
  const { faults, warnings, ...rest } = rulesOf(pod(written), container);
  return { ...rest, faults: faults.map(formatFault), warnings: warnings.map(formatFault) };
}

function ofText(text: string) {
  return rules({ annotations: { 'datakit/logs': text } });
}

const defaults: LogDefaults = { removeAnsi: false, autoMultilinePatterns: [], multilineOfSource: {} };

describe('what is said of the logs of a container', () => {
  test('is nothing where nobody says anything, or an empty list', () => {
    expect(rules({})).toEqual({ rule: undefined, entry: {}, files: [], faults: [], warnings: [] });
    expect(ofText('[]')).toMatchObject({ entry: {}, faults: [] });
    expect(ofText('[]')).not.toHaveProperty('leftOut');
  });

  test('comes from the strongest text alone', () => {
    const at = (source: string): string => `[{"source": "${source}"}]`;
    const annotations = {
      'datakit/logs': at('1'),
      'datakit/app.logs': at('2'),
      'meshbridge.io/logs': at('4'),
      'meshbridge.io/app.logs': at('5'),
    };
    const found: (string | undefined)[] = [];
    const variable = at('3');
    for (const left of [[0, 1, 2, 3], [0, 1, 2], [0, 1], [0]]) {
      const entries = Object.entries(annotations).filter((_, index) => left.includes(index));
      found.push(rules({ annotations: Object.fromEntries(entries), variable }).entry.source);
    }
    expect(found).toEqual(['5', '4', '3', '3']);
    expect(rules({ annotations: { 'datakit/logs': at('1'), 'datakit/app.logs': at('2') } }).entry.source).toBe('2');
    expect(rules({ annotations: { 'datakit/logs': at('1'), 'datakit/app.logs': at('2') } }, 'other').rule).toBe(
      'datakit/logs',
    );
  });

  test('disables it', () => {
    expect(ofText('[{"disable": true}]').leftOut).toBe('datakit/logs disables it');
    expect(ofText('[{"disable": false}]')).not.toHaveProperty('leftOut');
    expect(ofText('[{"disable": true}, {"type": "stdout"}]')).not.toHaveProperty('leftOut');
  });

  test('is about images that fit', () => {
    const of = (image: string) => ofText(`[{"only_images": ["${image}"], "source": "x"}]`);
    expect(of('*/shop/*').entry.source).toBe('x');
    expect(of('shop/app').entry.source).toBe('x');
    expect(of('nginx').leftOut).toBe('only_images of datakit/logs has no image that fits');
  });

  test('is of files alone where it names files alone', () => {
    const { leftOut, files } = ofText('[{"type": "file", "path": "/data/a.log", "source": "a"}]');
    expect(leftOut).toBe(
      'datakit/logs names files alone; stdout is collected where the list has {"type": "stdout"} as well',
    );
    expect(files).toEqual([expect.objectContaining({ path: '/data/a.log', source: 'a' })]);
    expect(ofText('[{"type": "file", "path": "/a"}, {}]')).not.toHaveProperty('leftOut');
  });

  test('names what is wrong with its key, and the rest of it holds', () => {
    expect(
      ofText('[{"disable": true, "multiline_match": 1, "sourse": "x", "pipeline": "n.p", "tags": {"source": "y"}}]'),
    ).toEqual({
      rule: 'datakit/logs',
      place: { file: 'prod/web-1', line: 1, keyPath: 'datakit/logs' },
      entry: {},
      files: [],
      leftOut: 'datakit/logs disables it',
      faults: [
        'prod/web-1:1: datakit/logs: [0].multiline_match: must be text in quotes, and is a number; write multiline_match = "1"',
      ],
      warnings: [
        'prod/web-1:1: datakit/logs: [0].sourse: unknown key; did you mean "source"?',
        "prod/web-1:1: datakit/logs: [0].pipeline: has no effect; DataKit's pipelines are not run; write `parse` steps",
        'prod/web-1:1: datakit/logs: [0].tags.source: is a field that every line has; the tag is left out',
      ],
    });
  });

  test('is nothing where the text cannot be read, and the logs are collected as if it were not there', () => {
    expect(ofText('[{"disable": true,}]')).toEqual({
      rule: undefined,
      entry: {},
      files: [],
      faults: ['prod/web-1:1: datakit/logs: is not JSON; remove the comma before the closing bracket'],
      warnings: [],
    });
    expect(ofText('{"disable": true}').faults).toEqual(['prod/web-1:1: datakit/logs: must be a list; write [{ ... }]']);
  });

  test('that is nested more deeply than anybody can follow keeps nobody from going on', () => {
    const deep = (open: string, end: string, depth: number): string => open.repeat(depth) + end.repeat(depth);
    const { faults, rule } = ofText(`[{"x": 1, "tags": ${deep('[', ']', 20_000)}}]`);
    expect(rule).toBeUndefined();
    expect(faults).toEqual([
      expect.stringMatching(/^prod\/web-1:1: datakit\/logs: cannot be understood, and is not read/),
    ]);
    const steps = Array.from({ length: 41 }, () => ({ step: 'json' }));
    expect(ofText(JSON.stringify([{ parse: steps, source: 'x' }]))).toMatchObject({
      entry: { source: 'x' },
      faults: ['prod/web-1:1: datakit/logs: [0].parse: is too long; write at most 40'],
    });
  });

  test('takes all of DataKit’s keys', () => {
    const text = `[{"disable": false, "type": "stdout", "path": "", "source": "", "service": "", "pipeline": "", "multiline_match": "",
      "remove_ansi_escape_codes": false, "from_beginning": true, "tags": {}, "character_encoding": "", "storage_index": "main",
      "only_images": [], "json_as_fields": false}]`;
    expect(ofText(text)).toMatchObject({
      faults: [],
      warnings: ['prod/web-1:2: datakit/logs: [0].storage_index: has no effect; there is one index'],
    });
  });

  test('is read within limits: of its length, its entries, and of what is said of its faults', () => {
    expect(ofText(`[{"source": "${'x'.repeat(70_000)}"}]`)).toMatchObject({
      rule: undefined,
      faults: ['prod/web-1: datakit/logs: is longer than 65536 characters, and is not read'],
    });
    const keys = Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`key${i}`, i]));
    expect(ofText(JSON.stringify([{ ...keys, disable: true }]))).toMatchObject({
      leftOut: 'datakit/logs disables it',
      warnings: { length: 20 },
    });
    const files = Array.from({ length: 300 }, (_, i) => ({ type: 'file', path: `/data/${i}` }));
    expect(ofText(JSON.stringify(files)).files).toHaveLength(10);
  });

  test('never throws, whatever tenants write', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.jsonValue(),
          fc.array(
            fc.dictionary(
              fc.constantFrom('disable', 'type', 'path', 'tags', 'parse', 'redact', '__proto__'),
              fc.jsonValue(),
            ),
          ),
        ),
        (value) => {
          ofText(JSON.stringify(value));
        },
      ),
      { numRuns: 300 },
    );
    fc.assert(fc.property(fc.string(), (text) => void ofText(text)));
  });
});

describe('what is done with lines', () => {
  const settings = (text: string, more: Partial<LogDefaults> = {}) =>
    settingsOf(ofText(text).entry, { ...defaults, ...more }, 'app');

  test.each([
    ['[{"multiline_match": "^\\\\d"}]', {}, { by: 'pattern', patterns: ['^\\d'] }],
    ['[{"multiline": ["java"]}]', {}, { by: 'languages', languages: ['java'] }],
    ['[{"multiline": "off"}]', { autoMultiline: true }, { by: 'off' }],
    ['[]', {}, { by: 'off' }],
    ['[]', { multiline: 'dates' }, { by: 'dates', patterns: [] }],
    ['[]', { enableMultiline: true }, { by: 'pattern', patterns: [] }],
    ['[]', { enableMultiline: false, autoMultiline: true }, { by: 'off' }],
    ['[]', { autoMultiline: true, autoMultilinePatterns: ['^x'] }, { by: 'dates', patterns: ['^x'] }],
    ['[]', { multilineOfSource: { app: '^a' } }, { by: 'pattern', patterns: ['^a'] }],
    ['[{"multiline_match": "^b"}]', { multilineOfSource: { app: '^a' } }, { by: 'pattern', patterns: ['^b'] }],
  ] as const)('with %s where the table has %j: lines are put together by %j', (text, more, expected) => {
    expect(settings(text, more as Partial<LogDefaults>).multiline).toMatchObject(expected);
  });

  test('is what the annotation says, with what the table hides still hidden', () => {
    expect(
      settings(
        '[{"remove_ansi_escape_codes": true, "character_encoding": "gbk", "redact": ["cards"], "parse": [{"step": "json"}], "tags": {"team": "a"}}]',
        { redact: ['secrets'], parse: [{ step: 'drop' }] },
      ),
    ).toMatchObject({
      removeAnsi: true,
      encoding: 'gbk',
      redact: ['secrets', 'cards'],
      parse: [{ step: 'json' }],
      tags: { team: 'a' },
    });
    expect(settings('[{"json_as_fields": true}]').parse).toEqual([{ step: 'json' }]);
    expect(settings('[]', { parse: [{ step: 'drop' }] }).parse).toEqual([{ step: 'drop' }]);
  });

  test('a limit of the table can be made lower, and not higher', () => {
    const limit = (text: string) => limitOf(ofText(text).entry, { ...defaults, max_lines_per_second: 100 });
    expect(limit('[]')).toMatchObject({ linesPerSecond: 100, over: 'pause' });
    expect(limit('[{"max_lines_per_second": 10, "over_limit": "sample"}]')).toMatchObject({
      linesPerSecond: 10,
      over: 'sample',
    });
    expect(limit('[{"max_lines_per_second": 1000}]')).toMatchObject({ linesPerSecond: 100 });
    expect(limitOf({}, defaults)).toBeUndefined();
  });
});
