import { expect, test } from '@jest/globals';
import { mostLines, withLines } from './log-feed.ts';
import type { LogLine } from './logs-api.ts';

const line = (id: string, timeMs: number): LogLine => ({
  id,
  time: '',
  timeMs,
  message: id,
  level: 'info',
  stream: 'stdout',
  labels: {},
  attributes: {},
  fields: {},
});
const feed = { isLoadingOlder: false, isCut: false };
const ids = (lines: readonly LogLine[] | undefined): string => (lines ?? []).map(({ id }) => id).join(' ');

test('lines that arrive are put in by their time, each once', () => {
  const before = { ...feed, lines: [line('c', 30), line('a', 10)] };
  expect(ids(withLines(before, [line('b', 20), line('c', 30), line('d', 40)]).lines)).toBe('d c b a');
});

test('nothing new changes nothing', () => {
  expect(withLines({ ...feed, lines: [line('a', 1)] }, [line('a', 1)])).toEqual({});
});

test('the oldest are let go where there are too many, and it is said', () => {
  const lines = Array.from({ length: mostLines }, (_, i) => line(`${i}`, mostLines - i));
  const after = withLines({ ...feed, lines, next: 'more' }, [line('new', mostLines + 1)]);
  expect(after.lines?.length).toBe(mostLines);
  expect(after.lines?.[0]?.id).toBe('new');
  expect([after.isCut, after.next]).toEqual([true, undefined]);
});
