import { describe, expect, test } from '@jest/globals';
import { serveRoutes } from '../../test/fakes/route-server.ts';
import { type FakeStoreReader, fakeStoreReader } from '../../test/fakes/store-reader.ts';
import { BridgeError, type ErrorCode } from '../contract/errors.ts';
import { prometheusRoutes } from './prometheus.ts';

const now = (): number => 1_700_000_000_000;

async function ask(
  store: FakeStoreReader,
  path: string,
  init?: RequestInit,
): Promise<{ status: number; body: unknown }> {
  const sampling = { told: async () => ({ rate: 0.1, applied: [{ input: 'zipkin', rate: 0.5, keepsErrors: true }] }) };
  const served = await serveRoutes(prometheusRoutes({ store, sampling, now, version: '1.2.3' }), 'main');
  try {
    const answer = await fetch(`${served.url}/api/v1/${path}`, init);
    return { status: answer.status, body: await answer.json() };
  } finally {
    await served.close();
  }
}

/** The one question that a request becomes. */
async function question(path: string, init?: RequestInit): Promise<unknown> {
  const store = fakeStoreReader();
  expect(await ask(store, path, init)).toEqual({ status: 200, body: { status: 'success', data: [] } });
  return store.asked[0];
}

function form(fields: Readonly<Record<string, string>>): RequestInit {
  return { method: 'POST', body: new URLSearchParams(fields) };
}

test.each(['query?query=', 'query_range?start=1&end=2&step=1&query='])(
  'a number that is counted from traces comes with the share that is traced: %s',
  async (path) => {
    const infos = ['counted from traces: about 10 % of the requests are traced, and zipkin keeps 50 % and all errors'];
    for (const metric of ['traces_spanmetrics_calls_total', 'traces_service_graph_request_total']) {
      expect((await ask(fakeStoreReader(), `${path}rate(${metric}[5m])`)).body).toMatchObject({ data: [], infos });
    }
    expect((await ask(fakeStoreReader(), `${path}traces_of_mine`)).body).toEqual({ status: 'success', data: [] });
  },
);

describe('an instant query', () => {
  test.each([
    ['time=1700000123.4567', 1_700_000_123_457],
    ['time=2023-11-14T22:13:20.123456Z', 1_700_000_000_123],
    ['time=2023-11-15T00:13:20%2B02:00', 1_700_000_000_000],
    ['time=-1.5e3', -1_500_000],
    ['', 1_700_000_000_000],
  ])('with "%s" is of %d', async (time, timeMs) => {
    expect(await question(`query?query=up&${time}`)).toEqual({ kind: 'prom.query', query: 'up', timeMs });
  });

  test('may come as a form, whose fields go before those of the address', async () => {
    const asked = await question('query?query=down&time=7', form({ query: 'up{a="ü +"}', time: '5' }));
    expect(asked).toEqual({ kind: 'prom.query', query: 'up{a="ü +"}', timeMs: 5_000 });
  });

  test('goes out under "data" as the store wrote it', async () => {
    const body = '{"resultType":"scalar","result":[1,"2"]}';
    const found = await ask(fakeStoreReader(body), 'query?query=2');
    expect(found).toEqual({ status: 200, body: { status: 'success', data: JSON.parse(body) } });
  });

  test('ends when the asker would wait no longer', async () => {
    expect(await ask(fakeStoreReader('never'), 'query?query=up&timeout=1ms')).toEqual({
      status: 503,
      body: { status: 'error', errorType: 'timeout', error: 'query timed out in expression evaluation' },
    });
  });
});

test.each([
  ['query', '"query": 1:1: parse error: no expression found in input'],
  [
    'query?query=up&time=tomorrow',
    '"time": Invalid time value for \'time\': cannot parse "tomorrow" to a valid timestamp',
  ],
  ['query?query=up&timeout=soon', '"timeout": cannot parse "soon" to a valid duration'],
  ['query_range?query=up', '"start": cannot parse "" to a valid timestamp'],
  ['query_range?query=up&start=5', '"end": cannot parse "" to a valid timestamp'],
  ['query_range?query=up&start=5&end=4&step=1', '"end": end timestamp must not be before start time'],
  ['query_range?query=up&start=5&end=6', '"step": cannot parse "" to a valid duration'],
  ['query_range?query=up&start=5&end=6&step=0', '"step": zero or negative query resolution step widths'],
  ['query_range?query=up&start=5&end=6&step=1.5h', '"step": cannot parse "1.5h" to a valid duration'],
  ['query_range?query=up&start=0&end=11001&step=1', 'exceeded maximum resolution of 11,000 points per timeseries'],
  ['labels?limit=-1', '"limit": limit must be non-negative'],
  ['labels?limit=many', '"limit": cannot parse "many"'],
  ['labels?start=2&end=1', '"end": end timestamp must not be before start time'],
  ['series', 'no match[] parameter provided'],
  ['label/U__/values', 'invalid label name: ""'],
])('%s is 400: %s', async (path, message) => {
  const store = fakeStoreReader();
  const { status, body } = await ask(store, path);
  expect({ status, asked: store.asked }).toEqual({ status: 400, asked: [] });
  expect(body).toMatchObject({ status: 'error', errorType: 'bad_data', error: expect.stringContaining(message) });
});

test('a range takes its step in seconds or as a duration, up to 11,000 of them', async () => {
  const range = { startMs: 0, endMs: 11_000_000 };
  const expected = { kind: 'prom.queryRange', query: 'up', range, stepMs: 1_000 };
  expect(await question('query_range?query=up&start=0&end=11000&step=1')).toEqual(expected);
  expect(await question('query_range', form({ query: 'up', start: '0', end: '11000', step: '1s' }))).toEqual(expected);
  expect(await question('query_range?query=up&start=0&end=11000&step=1h30m')).toMatchObject({ stepMs: 5_400_000 });
  expect(await question('query_range?query=up&start=0&end=11000&step=2.5')).toMatchObject({ stepMs: 2_500 });
});

test('labels, values and series are of all time unless told otherwise', async () => {
  const always = { startMs: 0, endMs: Number.MAX_SAFE_INTEGER, selectors: [], limit: 0 };
  expect(await question('labels')).toEqual({ kind: 'prom.labels', query: always });
  expect(await question('label/__name__/values?start=0&limit=5')).toEqual({
    kind: 'prom.labelValues',
    name: '__name__',
    query: { ...always, limit: 5 },
  });
  const selectors = ['up', '{a="b"}'];
  const repeated = new URLSearchParams(selectors.map((selector): [string, string] => ['match[]', selector]));
  expect(await question('series', { method: 'POST', body: repeated })).toEqual({
    kind: 'prom.series',
    query: { ...always, selectors },
  });
  expect(await question('series?match[]=up&start=1&end=2')).toEqual({
    kind: 'prom.series',
    query: { startMs: 1_000, endMs: 2_000, selectors: ['up'], limit: 0 },
  });
});

test('a label name that is no plain name comes escaped', async () => {
  expect(await question('label/U__http_2e_method__kind/values')).toMatchObject({ name: 'http.method_kind' });
});

test('metadata is of one metric or of all', async () => {
  expect(await question('metadata?limit=3')).toEqual({ kind: 'prom.metadata', limit: 3 });
  expect(await question('metadata?metric=up')).toEqual({ kind: 'prom.metadata', metric: 'up', limit: 0 });
});

test.each<[ErrorCode, number, string, string]>([
  ['BRIDGE_DECODE', 400, 'bad_data', 'invalid parameter "query": it failed'],
  ['BRIDGE_UNSUPPORTED', 422, 'execution', 'it failed'],
  ['BRIDGE_NOT_FOUND', 404, 'not_found', 'it failed'],
  ['BRIDGE_OVERLOADED', 503, 'unavailable', 'it failed'],
])('%s of the store is %d %s', async (code, status, errorType, error) => {
  const found = await ask(fakeStoreReader(new BridgeError(code, 'it failed')), 'query?query=up');
  expect(found).toEqual({ status, body: { status: 'error', errorType, error } });
});

test('a body that is no form is refused', async () => {
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"query":"up"}' };
  expect(await ask(fakeStoreReader(), 'query', init)).toMatchObject({ status: 400, body: { errorType: 'bad_data' } });
});

test('buildinfo names a release that clients know, and nothing that only other servers have', async () => {
  const { status, body } = await ask(fakeStoreReader(), 'status/buildinfo');
  expect({ status, body }).toMatchObject({ status: 200, body: { data: { revision: 'meshbridge-1.2.3' } } });
  expect(body).toMatchObject({ data: { version: expect.stringMatching(/^3\.\d+\.\d+$/) } });
  expect(body).not.toHaveProperty('data.features');
});
