import { expect, test } from '@jest/globals';
import { type LogFileView, openFiles } from './input-detail.ts';

const file = (name: string, more: Partial<LogFileView> = {}): LogFileView => ({
  ...{ file: name, source: `ns / ${name}`, state: 'active', lagBytes: 0, lines: 1 },
  ...more,
});

test('files that were rotated away are listed until they are read to their end, and those that lag stand first', () => {
  const files = [
    file('b'),
    file('a'),
    file('old', { state: 'done' }),
    file('older', { state: 'done', lagBytes: 5 }),
    file('broken', { state: 'done', problem: 'EACCES' }),
    file('slow', { lagBytes: 10 }),
  ];
  expect(openFiles(files).map((one) => one.file)).toEqual(['broken', 'older', 'slow', 'a', 'b']);
});
