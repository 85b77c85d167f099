import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { type FakeApiServer, fakeApiServer } from '../../test/fakes/api-server.ts';
import { selfSignedCertificate } from '../../test/fakes/certificate.ts';
import { HeldClock } from '../../test/fakes/clock.ts';
import { MemoryLog } from '../../test/fakes/runtime.ts';
import { inTempDir } from '../../test/fakes/temp-dir.ts';
import { until, within } from '../../test/fakes/until.ts';
import { ApiClient } from './api-client.ts';
import { inClusterAccess } from './cluster-access.ts';
import type { Pod } from './pod.ts';
import { PodWatch } from './pod-watch.ts';

interface Rig {
  readonly api: FakeApiServer;
  readonly clock: HeldClock;
  readonly log: MemoryLog;
  readonly watch: PodWatch;
  /** `namespace/name` of the pods that the listener was told of, sorted. */
  known(): string[];
  /** What the listener was told, in order. */
  readonly told: string[];
  watching(): Promise<unknown>;
}

async function withWatch(run: (rig: Rig) => Promise<void>, before: (api: FakeApiServer) => void = () => undefined) {
  const api = await fakeApiServer();
  before(api);
  const clock = new HeldClock();
  const log = new MemoryLog();
  const client = new ApiClient({ url: api.url }, 'test');
  const pods = new Map<string, Pod>();
  const told: string[] = [];
  const listener = {
    put: (pod: Pod) => {
      told.push(`+${pod.name}`);
      pods.set(pod.uid, pod);
    },
    remove: (uid: string) => {
      told.push(`-${pods.get(uid)?.name}`);
      pods.delete(uid);
    },
  };
  const watch = new PodWatch({ client, clock, log, node: 'node-1', listener, random: () => 0.5 });
  const stop = new AbortController();
  const running = watch.run(stop.signal);
  const known = () => [...pods.values()].map(({ namespace, name }) => `${namespace}/${name}`).sort();
  const watching = () => until(() => api.watches > 0, { what: 'a watch' });
  try {
    await run({ api, clock, log, watch, known, told, watching });
  } finally {
    stop.abort();
    await within(running, 5_000, 'the watch ends');
    await client.close();
    await api.stop();
  }
}

/** Moves the clock until something happens. */
async function wait(clock: HeldClock, condition: () => boolean, what: string): Promise<void> {
  await until(
    async () => {
      if (!condition() && clock.sleepers > 0) {
        await clock.advance(500);
      }
      return condition();
    },
    { what },
  );
}

const watchesOf = (api: FakeApiServer) => api.requests.filter(({ query }) => query.get('watch') === '1');
const listsOf = (api: FakeApiServer) => api.requests.filter(({ query }) => query.get('watch') !== '1');

describe('the pods of a node', () => {
  test('are listed, then watched: added, changed, deleted, and those of other nodes never', () =>
    withWatch(
      async ({ api, watching, known, told, watch }) => {
        await watching();
        expect(known()).toEqual(['default/a']);
        api.put({ name: 'b', namespace: 'prod' });
        api.put({ name: 'far', node: 'node-2' });
        api.put({ name: 'a', annotations: { x: 'y' } });
        api.remove('b', 'prod');
        api.put({ name: 'c' });
        await until(() => known().includes('default/c'));
        expect(told).toEqual(['+a', '+b', '+a', '-b', '+c']);
        expect(watch.status()).toMatchObject({ state: 'watching', node: 'node-1', pods: 2, lists: 1, watches: 1 });
        const [list, first] = api.requests;
        expect(list?.query.get('resourceVersion')).toBe('0');
        expect(first?.query.get('allowWatchBookmarks')).toBe('true');
        expect(api.requests.every(({ query }) => query.get('fieldSelector') === 'spec.nodeName=node-1')).toBe(true);
      },
      (api) => {
        api.put({ name: 'a' });
        api.put({ name: 'other', node: 'node-2' });
      },
    ));

  test('go on from the last bookmark when the server ends the watch, without a new list', () =>
    withWatch(async ({ api, watching, known, told, watch }) => {
      await watching();
      api.put({ name: 'a' });
      await until(() => known().length === 1);
      api.put({ name: 'elsewhere', node: 'node-2' });
      api.bookmark();
      await until(() => watch.status().lastEventMs !== undefined && api.requests.length === 2);
      const seen = api.put({ name: 'b' });
      await until(() => known().length === 2);
      api.endWatches();
      await until(() => watchesOf(api).length === 2);
      expect(watchesOf(api)[1]?.query.get('resourceVersion')).toBe(seen);
      expect(listsOf(api)).toHaveLength(1);
      expect(told).toEqual(['+a', '+b']);
    }));

  test.each(['as a status', 'as an event'])('are listed again after 410 %s, and compared by uid', (how) =>
    withWatch(
      async ({ api, watching, known, told, clock }) => {
        await watching();
        api.once('watch', how === 'as a status' ? { status: 410 } : 'expired event');
        api.silence();
        api.remove('gone');
        api.remove('anew');
        api.put({ name: 'anew', uid: 'second' });
        api.put({ name: 'fresh' });
        api.compact();
        api.endWatches();
        await wait(clock, () => listsOf(api).length === 2 && known().length === 3, 'a second list');
        expect(known()).toEqual(['default/anew', 'default/fresh', 'default/stays']);
        expect(told.slice(3)).toEqual(['-gone', '-anew', '+stays', '+anew', '+fresh']);
      },
      (api) => {
        for (const name of ['stays', 'gone', 'anew']) {
          api.put({ name });
        }
      },
    ),
  );

  test('are not listed over and over while every watch is 410', () =>
    withWatch(async ({ api, watching, clock }) => {
      await watching();
      const before = api.requests.length;
      api.once('watch', ...Array.from({ length: 6 }, () => ({ status: 410 }) as const));
      const fromMs = clock.now();
      api.endWatches();
      await wait(clock, () => listsOf(api).length === 7 && api.watches === 1, 'the end of it');
      expect(clock.now() - fromMs).toBeGreaterThan(6_000);
      expect(api.requests.length - before).toBe(13);
    }));

  test('stay known while the server is away, and are right again once it is back', () =>
    withWatch(
      async ({ api, watching, known, watch, clock, log }) => {
        await watching();
        await api.stop();
        await until(() => watch.status().state === 'retrying');
        expect(known()).toEqual(['default/a']);
        await clock.advance(60_000);
        expect(known()).toEqual(['default/a']);
        await api.restart();
        api.put({ name: 'b' });
        await wait(clock, () => known().length === 2, 'the pod that came meanwhile');
        expect(watch.status()).toMatchObject({ state: 'watching' });
        expect(watch.status()).not.toHaveProperty('error');
        expect(log.at('warn')).toHaveLength(1);
        expect(log.at('info')).toHaveLength(1);
      },
      (api) => void api.put({ name: 'a' }),
    ));

  test('of a watch that went silent are seen again: after 90 s at most it is given up', () =>
    withWatch(async ({ api, watching, known, clock, watch, log }) => {
      await watching();
      await clock.advance(60_000);
      api.bookmark();
      await until(() => watch.status().lastEventMs !== undefined);
      api.silence();
      api.put({ name: 'unseen' });
      await clock.advance(60_000);
      expect(log.entries).toEqual([]);
      await clock.advance(30_000);
      await until(() => log.at('warn').length === 1);
      expect(log.at('warn')[0]?.fields).toMatchObject({ error: 'the watch was silent for 80 s' });
      await wait(clock, () => known().length === 1, 'what the silent watch kept back');
      expect(listsOf(api)).toHaveLength(1);
    }));

  test('survive half a line, and take the event when it comes whole', () =>
    withWatch(async ({ api, watching, known, clock }) => {
      await watching();
      api.once('watch', 'half a line');
      api.endWatches();
      await wait(clock, () => watchesOf(api).length === 2, 'the second watch');
      api.put({ name: 'a' });
      await wait(clock, () => known().length === 1, 'the pod');
    }));
});

describe('a server that says no', () => {
  test('is left alone for as long as it says', () =>
    withWatch(
      async ({ api, clock, watch }) => {
        await until(() => watch.status().state === 'retrying');
        await clock.advance(29_000);
        expect(api.requests).toHaveLength(1);
        await clock.advance(2_000);
        await until(() => api.watches === 1);
        expect(watch.status()).toMatchObject({ state: 'watching', lists: 1 });
      },
      (api) => api.once('list', { status: 429, retryAfterSeconds: 30 }),
    ));

  test('is asked again after longer and longer pauses, up to 8 s', () =>
    withWatch(
      async ({ api, clock }) => {
        const times: number[] = [];
        for (let i = 1; i <= 8; i++) {
          await wait(clock, () => api.requests.length >= i, `request ${i}`);
          times.push(clock.now());
          await until(() => clock.sleepers === 1);
        }
        const pauses = times.slice(1).map((ms, i) => ms - (times[i] ?? 0));
        expect(Math.max(...pauses)).toBeLessThanOrEqual(8_500);
        expect(pauses.at(-1)).toBeGreaterThan(5_000);
        expect(pauses[0]).toBeLessThanOrEqual(1_000);
      },
      (api) => api.always({ status: 503 }),
    ));

  test('by 403 is named with the right that is missing, and asked again soon at first, then each minute', () =>
    withWatch(
      async ({ api, clock, watch, log }) => {
        await until(() => watch.status().state === 'forbidden');
        expect(watch.status()).toMatchObject({
          error: expect.stringContaining('cannot list resource "pods"'),
          hint: expect.stringContaining('list and watch'),
        });
        expect(log.at('warn')).toHaveLength(1);
        for (const seconds of [1, 2, 4, 8, 16, 32]) {
          const before = api.requests.length;
          await until(() => clock.sleepers === 1);
          await clock.advance(seconds * 1_000);
          await until(() => api.requests.length > before, { what: `a request after ${seconds} s` });
        }
        await until(() => clock.sleepers === 1);
        await clock.advance(59_000);
        expect(api.requests).toHaveLength(7);
        api.always(undefined);
        await clock.advance(2_000);
        await until(() => api.watches === 1);
      },
      (api) => api.always({ status: 403 }),
    ));

  test('by 410 after it was away is asked for a new list at once', () =>
    withWatch(async ({ api, clock, known }) => {
      api.put({ name: 'a' });
      await wait(clock, () => known().length === 1, 'the pod');
      api.always({ status: 503 });
      const before = api.requests.length;
      api.endWatches();
      await wait(clock, () => api.requests.length >= before + 8, 'pauses of 8 s');
      api.compact();
      api.always(undefined);
      api.put({ name: 'b' });
      await wait(clock, () => api.requests.length >= before + 9, 'the 410');
      await until(() => clock.sleepers === 1);
      await clock.advance(600);
      await until(() => known().length === 2);
    }));
});

test('a token that was renewed on disk is read again', () =>
  inTempDir(async (dir) => {
    const api = await fakeApiServer();
    const tokenFile = join(dir, 'token');
    const never = new AbortController().signal;
    const client = new ApiClient({ url: api.url, tokenFile }, 'test');
    try {
      await expect(client.get('/api/v1/pods', never)).rejects.toThrow('ENOENT');
      await writeFile(tokenFile, 'old\n');
      api.tokens(['old']);
      await client.get('/api/v1/pods', never);
      api.tokens(['new']);
      await expect(client.get('/api/v1/pods', never)).rejects.toMatchObject({ status: 401 });
      await writeFile(tokenFile, 'new\n');
      await client.get('/api/v1/pods', never);
      expect(api.requests.map(({ token }) => token)).toEqual(['old', 'old', 'new']);
    } finally {
      await client.close();
      await api.stop();
    }
  }));

test('a watch goes on with the token that was renewed while it was open', () =>
  inTempDir(async (dir) => {
    const api = await fakeApiServer();
    const tokenFile = join(dir, 'token');
    await writeFile(tokenFile, 'old');
    api.tokens(['old']);
    const client = new ApiClient({ url: api.url, tokenFile }, 'test');
    const clock = new HeldClock();
    const seen: string[] = [];
    const listener = { put: ({ name }: Pod) => void seen.push(name), remove: () => undefined };
    const watch = new PodWatch({ client, clock, log: new MemoryLog(), node: 'node-1', listener, random: () => 0.5 });
    const stop = new AbortController();
    const running = watch.run(stop.signal);
    try {
      await until(() => api.watches === 1);
      api.tokens(['new']);
      api.endWatches();
      await wait(clock, () => watch.status().error?.includes('401') === true, 'the old token is refused');
      api.put({ name: 'meanwhile' });
      await writeFile(tokenFile, 'new');
      await wait(clock, () => seen.length === 1, 'the pod');
      expect(listsOf(api)).toHaveLength(1);
      expect(watch.status()).toMatchObject({ state: 'watching' });
    } finally {
      stop.abort();
      await within(running, 5_000, 'the watch ends');
      await client.close();
      await api.stop();
    }
  }));

test('a server whose certificate is of another authority is sent no token', () =>
  inTempDir(async (dir) => {
    const own = selfSignedCertificate();
    const api = await fakeApiServer({ tls: own });
    const access = { url: api.url, tokenFile: join(dir, 'token'), caFile: join(dir, 'ca.crt') };
    const never = new AbortController().signal;
    const client = new ApiClient(access, 'test');
    try {
      await writeFile(access.tokenFile, 'secret');
      await writeFile(access.caFile, selfSignedCertificate().cert);
      await expect(client.get('/api/v1/pods', never)).rejects.toMatchObject({
        code: expect.stringMatching(/CERT|SIGN/),
      });
      expect(api.requests).toEqual([]);
      await writeFile(access.caFile, own.cert);
      await client.get('/api/v1/pods', never);
      expect(api.requests.map(({ token }) => token)).toEqual(['secret']);
    } finally {
      await client.close();
      await api.stop();
    }
  }));

test('the cluster around is found by what kubelet tells', () => {
  expect(inClusterAccess({}, '/sa')).toBeUndefined();
  expect(inClusterAccess({ KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: '6443' }, '/sa')).toEqual({
    url: 'https://10.96.0.1:6443',
    tokenFile: '/sa/token',
    caFile: '/sa/ca.crt',
  });
  expect(inClusterAccess({ KUBERNETES_SERVICE_HOST: 'fd00::1' }, '/sa')?.url).toBe('https://[fd00::1]:443');
});
