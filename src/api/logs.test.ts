import { expect, test } from '@jest/globals';
import { serveRoutes } from '../../test/fakes/route-server.ts';
import { type FakeStoreReader, fakeStoreReader } from '../../test/fakes/store-reader.ts';
import { logsRoutes } from './logs.ts';
import { metricsRoutes } from './metrics.ts';

const nowMs = 1_700_000_000_000;
const lastHour = { startMs: nowMs - 3_600_000, endMs: nowMs };

async function ask(store: FakeStoreReader, path: string): Promise<{ status: number; body: string }> {
  const deps = { store, now: () => nowMs };
  const served = await serveRoutes([...logsRoutes(deps), ...metricsRoutes(deps)], 'main');
  try {
    const answer = await fetch(`${served.url}/api/native/${path}`);
    return { status: answer.status, body: await answer.text() };
  } finally {
    await served.close();
  }
}

async function question(path: string): Promise<unknown> {
  const store = fakeStoreReader('{"lines":[]}');
  expect(await ask(store, path)).toEqual({ status: 200, body: '{"lines":[]}' });
  return store.asked[0];
}

test('a search without parameters is of the last hour and 200 lines', async () => {
  expect(await question('logs/search')).toEqual({
    kind: 'logs.search',
    query: { ...lastHour, matchers: [], texts: [], levels: [] },
    limit: 200,
  });
});

test('a search takes times in both ways of writing, labels, words, levels and where to go on', async () => {
  const asked = new URLSearchParams([
    ['start', '1000'],
    ['end', '2023-11-14T22:13:20Z'],
    ['match', 'namespace=prod'],
    ['match', 'pod!=a=b'],
    ['match', 'app=~re.*|ra.*'],
    ['match', 'node!~x'],
    ['match', 'container='],
    ['text', 'time out'],
    ['text', 'GET /'],
    ['level', 'error'],
    ['level', 'fatal'],
    ['limit', '5000'],
    ['before', 'abc'],
  ]);
  expect(await question(`logs/search?${asked}`)).toEqual({
    kind: 'logs.search',
    query: {
      startMs: 1_000,
      endMs: nowMs,
      matchers: [
        { name: 'namespace', op: '=', value: 'prod' },
        { name: 'pod', op: '!=', value: 'a=b' },
        { name: 'app', op: '=~', value: 're.*|ra.*' },
        { name: 'node', op: '!~', value: 'x' },
        { name: 'container', op: '=', value: '' },
      ],
      texts: ['time out', 'GET /'],
      levels: ['error', 'fatal'],
    },
    limit: 5_000,
    before: 'abc',
  });
});

test('a tail goes on behind what it saw last, whatever the time', async () => {
  expect(await question('logs/tail?after=42&level=warn&limit=10&start=nonsense')).toMatchObject({
    kind: 'logs.tail',
    query: { startMs: 0, levels: ['warn'] },
    limit: 10,
    after: '42',
  });
  expect(await question('logs/tail')).not.toHaveProperty('after');
});

test('counts come in sixty buckets unless told otherwise', async () => {
  expect(await question('logs/counts')).toMatchObject({ kind: 'logs.counts', stepMs: 60_000 });
  expect(await question('logs/counts?start=5&end=5')).toMatchObject({ stepMs: 1 });
  expect(await question('logs/counts?start=0&end=100&step=7')).toMatchObject({ stepMs: 7, query: { endMs: 100 } });
});

test('a search may be narrowed by LogQL', async () => {
  expect(await question('logs/search?logql=%7Bpod%3D%22a%22%7D%20%7C%20json')).toMatchObject({
    query: { logql: '{pod="a"} | json' },
  });
});

test('the context of a line is twenty lines each way unless told otherwise', async () => {
  const line = { kind: 'logs.context', id: '1-2-3', timeMs: 5 };
  expect(await question('logs/context?id=1-2-3&time=5')).toEqual({ ...line, before: 20, after: 20 });
  expect(await question('logs/context?id=1-2-3&time=5&before=0&after=7')).toEqual({ ...line, before: 0, after: 7 });
});

test('labels, their values and the catalogue are of a range', async () => {
  expect(await question('logs/labels')).toEqual({ kind: 'logs.labels', range: lastHour });
  expect(await question('logs/label/pod/values?start=1&end=2')).toEqual({
    kind: 'logs.labelValues',
    name: 'pod',
    range: { startMs: 1, endMs: 2 },
  });
  expect(await question('metrics/catalogue?start=1&end=2')).toEqual({
    kind: 'metrics.catalogue',
    range: { startMs: 1, endMs: 2 },
  });
});

test.each([
  ['logs/search?start=yesterday', 'start: "yesterday" is neither ms since 1970 nor a time'],
  ['logs/search?end=1.5', 'end: "1.5" is neither'],
  ['logs/search?start=2&end=1', 'end: it is before start'],
  [
    'logs/counts?pod=web-1',
    'pod: there is no such parameter; there are start, end, match, text, level, logql, step; a label is asked for with match=pod=VALUE',
  ],
  ['metrics/catalogue?limit=5', 'limit: there is no such parameter; there are start, end'],
  ['logs/context?id=1-2-3', 'time: it is missing'],
  ['logs/context?time=1', '`id` is missing'],
  ['logs/context?id=1-2-3&time=1&before=1001', 'before: "1001" is not a whole number from 0 to 1000'],
  ['logs/search?limit=0', 'limit: "0" is not a whole number from 1 to 5000'],
  ['logs/search?limit=5001', 'limit: "5001" is not'],
  ['logs/tail?limit=-1', 'limit: "-1" is not'],
  ['logs/search?match=pod', 'match: "pod" is not of the form'],
  ['logs/search?match=%3Dx', 'match: "=x" is not of the form'],
  ['logs/search?match=pod%3D~(', 'match: "(" is not a regular expression of RE2'],
  ['logs/search?level=loud', 'level: "loud" is none of unknown, trace, debug, info, warn, error, fatal'],
  ['logs/search?before=', 'before: it is empty'],
  ['logs/counts?step=0', 'step: "0" is not'],
  ['logs/counts?start=0&end=11000&step=1', 'step: 1 ms makes more than 11000 buckets of this range'],
  ['metrics/catalogue?end=x', 'end: "x" is neither'],
])('%s is 400: %s', async (path, message) => {
  const store = fakeStoreReader();
  const { status, body } = await ask(store, path);
  expect({ status, asked: store.asked }).toEqual({ status: 400, asked: [] });
  expect(body).toContain(message);
});
