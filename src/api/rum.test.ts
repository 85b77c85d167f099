import { expect, test } from '@jest/globals';
import { serveRoutes } from '../../test/fakes/route-server.ts';
import { type FakeStoreReader, fakeStoreReader } from '../../test/fakes/store-reader.ts';
import { rumRoutes } from './rum.ts';

const nowMs = 1_700_000_000_000;
const lastHour = { startMs: nowMs - 3_600_000, endMs: nowMs };

async function ask(store: FakeStoreReader, path: string): Promise<{ status: number; body: string }> {
  const served = await serveRoutes(rumRoutes({ store, now: () => nowMs }), 'main');
  try {
    const answer = await fetch(`${served.url}/api/native/rum/${path}`);
    return { status: answer.status, body: await answer.text() };
  } finally {
    await served.close();
  }
}

async function question(path: string): Promise<unknown> {
  const store = fakeStoreReader('{"views":[]}');
  expect(await ask(store, path)).toEqual({ status: 200, body: '{"views":[]}' });
  return store.asked[0];
}

test('the overview is of the last hour in sixty steps', async () => {
  const query = { ...lastHour, matchers: [] };
  expect(await question('overview')).toEqual({ kind: 'rum.overview', query, stepMs: 60_000 });
});

test('matchers, times and steps are taken', async () => {
  expect(await question('overview?start=1000&end=61000&step=5000&match=app_id=shop&match=view=~/a.*')).toEqual({
    kind: 'rum.overview',
    query: {
      startMs: 1000,
      endMs: 61_000,
      matchers: [
        { name: 'app_id', op: '=', value: 'shop' },
        { name: 'view', op: '=~', value: '/a.*' },
      ],
    },
    stepMs: 5000,
  });
});

test.each(['views', 'errors', 'resources', 'sessions'])(
  'the table of %s has 100 rows, or as many as asked for',
  async (name) => {
    const query = { ...lastHour, matchers: [] };
    expect(await question(name)).toEqual({ kind: `rum.${name}`, query, limit: 100 });
    expect(await question(`${name}?limit=7`)).toEqual({ kind: `rum.${name}`, query, limit: 7 });
  },
);

test('a session is looked for over a week, or where it is said to be', async () => {
  const startMs = nowMs - 7 * 24 * 3_600_000;
  const found = { kind: 'rum.session', sessionId: 'a b', limit: 1000 };
  expect(await question('session/a%20b')).toEqual({ ...found, range: { startMs, endMs: nowMs } });
  expect(await question('session/a%20b?start=1&end=2')).toEqual({ ...found, range: { startMs: 1, endMs: 2 } });
});

test('a session that is not kept is 404', async () => {
  const nothing = { contentType: 'application/json', body: Buffer.from('{}'), count: 0 };
  const store: FakeStoreReader = { asked: [], ask: async () => nothing };
  expect((await ask(store, 'session/x')).status).toBe(404);
});

test('points go on where an earlier answer ended', async () => {
  const query = { ...lastHour, matchers: [] };
  expect(await question('points?before=abc')).toEqual({ kind: 'rum.points', query, limit: 100, before: 'abc' });
});

test('values are of a name', async () => {
  const query = { ...lastHour, matchers: [{ name: 'kind', op: '=', value: 'view' }] };
  expect(await question('values/browser?match=kind=view')).toEqual({
    kind: 'rum.values',
    name: 'browser',
    query,
    limit: 100,
  });
});

test.each([
  'overview?app_id=shop',
  'views?limit=0',
  'points?match=nonsense',
  'errors?match=view=~(',
  'views?end=1&start=2',
])('%s is 400', async (path) => {
  expect((await ask(fakeStoreReader('{}'), path)).status).toBe(400);
});
