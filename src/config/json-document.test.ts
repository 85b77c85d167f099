import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { formatFault } from './fault.ts';
import { parseJson } from './json-document.ts';

function faultOf(text: string): string {
  const parsed = parseJson({ file: 'pod.yaml', text, firstLine: 10, within: 'datakit/logs' });
  if (!('code' in parsed)) {
    throw new Error('it is JSON');
  }
  return formatFault(parsed);
}

describe('a JSON text', () => {
  test('has the line of each of its values', () => {
    const text = '[\n {"a": 1, "b\\"c": [true,\n null]},\n {"a":\n "x, ]"}\n]';
    const parsed = parseJson({ file: 'pod.yaml', text, firstLine: 10, within: 'datakit/logs' });
    if ('code' in parsed) {
      throw new Error('it is no JSON');
    }
    const lineOf = (...path: (string | number)[]): number | undefined => parsed.placeOf(path).line;
    expect([lineOf(), lineOf(0, 'a'), lineOf(0, 'b"c', 0), lineOf(0, 'b"c', 1), lineOf(1, 'a')]).toEqual([
      10, 11, 11, 12, 14,
    ]);
    expect(parsed.placeOf([1, 'none']).line).toBe(13);
    expect(parsed.placeOf([0, 'a']).keyPath).toBe('datakit/logs: [0].a');
  });

  test.each([
    ['[{"disable": true,}]', 'pod.yaml:10: datakit/logs: is not JSON; remove the comma before the closing bracket'],
    ["[{'disable': true}]", 'pod.yaml:10: datakit/logs: is not JSON; write texts in double quotes'],
    ['[\n{"disable": true', 'pod.yaml:11: datakit/logs: is not JSON; it ends before its brackets are closed'],
    ['', 'pod.yaml:10: datakit/logs: is not JSON; it ends before its brackets are closed'],
    ['[\n\n{"disable": yes}]', 'pod.yaml:12: datakit/logs: is not JSON; it cannot go on with "yes}]"'],
  ])('that is none is a fault at its place: %j', (text, fault) => {
    expect(faultOf(text)).toBe(fault);
  });

  test('gives each of its values a place that the value begins at', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.integer({ min: 0, max: 3 }), (value, spaces) => {
        const text = JSON.stringify({ first: [0, 'x'], value, last: {} }, undefined, spaces);
        const parsed = parseJson({ file: 'f', text });
        expect('code' in parsed).toBe(false);
        if (!('code' in parsed)) {
          expect(parsed.placeOf(['last']).line).toBe(text.slice(0, text.lastIndexOf('{}')).split('\n').length);
        }
      }),
    );
  });
});
