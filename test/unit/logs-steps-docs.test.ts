import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { grokPatterns } from '../../src/pipeline/logs/grok-patterns.ts';
import { logEncodings, redactionSets } from '../../src/pipeline/logs/settings.ts';
import { timeFormats } from '../../src/pipeline/logs/times.ts';
import { stepped } from '../fakes/log-steps.ts';

const page = readFileSync(join(import.meta.dirname, '../../docs/logs.md'), 'utf8');
const [, section = ''] = /\n## Multi-line, encodings, redaction, parsing\n([\s\S]*?)\n## /.exec(page) ?? [];

test('docs/logs.md has every name that grok knows, and no others', () => {
  const [, table = ''] = section.split('Names that grok knows');
  const named = [...table.matchAll(/`([A-Z0-9_]+)`/g)].map(([, name]) => name);
  expect(named.toSorted()).toEqual(Object.keys(grokPatterns).toSorted());
});

test.each([...logEncodings.slice(1), ...redactionSets, ...timeFormats])('docs/logs.md names %s', (name) => {
  expect(section).toContain(`\`${name}\``);
});

test('the records before and after redaction are what comes of them', () => {
  const rows = [...section.matchAll(/^\| `([^`]+)` \| `([^`]*\[redacted[^`]*)` \|$/gm)];
  const redact = ['secrets', 'cards', { name: 'customer', pattern: 'cust-\\d+' }] as const;
  expect(rows).toHaveLength(5);
  for (const [, before = '', after = ''] of rows) {
    expect(stepped({ redact }, [before])[0]?.text).toBe(after);
  }
});

test('the example of parsing gives what stands below it', () => {
  const patterns = ['^%{TIMESTAMP_ISO8601:time} %{LOGLEVEL:status} \\[%{DATA:thread}\\] %{GREEDYDATA:text}'];
  expect(section).toContain(patterns[0]?.replaceAll('\\', '\\\\'));
  const record = stepped(
    {
      parse: [
        { step: 'grok', patterns },
        { step: 'level', from: 'status' },
        { step: 'time', from: 'time', zone: '+08:00' },
        { step: 'message', from: 'text' },
        { step: 'remove', fields: ['time', 'status'] },
        { step: 'drop', when: { field: 'thread', matches: '^health' } },
      ],
    },
    ['2026-11-21 09:39:00,123 WARN [http-1] slow answer'],
  )[0];
  expect(record).toEqual({
    text: 'slow answer',
    level: 'warn',
    time: '2026-11-21T01:39:00.123Z',
    stream: 'stdout',
    fields: { thread: 'http-1' },
  });
});
