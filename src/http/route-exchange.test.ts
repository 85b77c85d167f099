import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { MemoryLog } from '../../test/fakes/runtime.ts';
import { until } from '../../test/fakes/until.ts';
import type { HttpRoute } from '../contract/http.ts';
import { systemClock } from '../lib/clock.ts';
import { AccessPolicy } from './access.ts';
import { Listeners } from './listeners.ts';

const opened: Listeners[] = [];

afterEach(async () => {
  await Promise.all(opened.splice(0).map((listeners) => listeners.close()));
});

async function open(
  ...routes: readonly HttpRoute[]
): Promise<{ readonly listeners: Listeners; readonly port: number }> {
  const access = new AccessPolicy({
    auth: 'none',
    trusted: [],
    allowedHosts: [],
    token: 'a-token-of-enough-characters',
  });
  const listeners = new Listeners({ log: new MemoryLog(), clock: systemClock, access });
  opened.push(listeners);
  for (const one of routes) {
    listeners.add(one);
  }
  const [status] = await listeners.open([{ name: 'main', host: '127.0.0.1', port: 0, onTaken: 'fail' }]);
  return { listeners, port: Number(status?.address?.split(':').at(-1)) };
}

function route(path: string, name: string, more: Partial<HttpRoute> = {}): HttpRoute {
  const handle = async () => ({ status: 200, body: name });
  return { method: 'POST', path, listeners: ['main'], access: 'open', maxBodyBytes: 1_000, handle, ...more };
}

/** Over one connection, which tells its own port. */
class Caller {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly ports = new Set<number>();
  readonly #port: number;

  constructor(port: number) {
    this.#port = port;
  }

  call(path: string, method: 'GET' | 'POST' = 'POST'): Promise<string> {
    return new Promise((resolve, reject) => {
      const out = request({ host: '127.0.0.1', port: this.#port, path, method, agent: this.#agent }, (response) => {
        this.ports.add(response.socket.localPort ?? 0);
        let body = '';
        response.on('data', (chunk) => {
          body += chunk;
        });
        response.once('end', () => resolve(`${response.statusCode} ${body}`));
      });
      out.once('error', reject);
      out.end(method === 'POST' ? 'body' : undefined);
    });
  }

  end(): void {
    this.#agent.destroy();
  }
}

describe('routes that are exchanged while the listeners are open', () => {
  test('answer from the next request on, over connections that stay', async () => {
    const old = route('/spans', 'old');
    const { listeners, port } = await open(old, route('/other', 'other'));
    const caller = new Caller(port);
    expect(await caller.call('/spans')).toBe('200 old');
    const next = route('/spans', 'next');
    await listeners.exchange([old], [next, route('/more/:id', 'more', { method: 'GET' })]);
    expect(await caller.call('/spans')).toBe('200 next');
    expect(await caller.call('/more/1', 'GET')).toBe('200 more');
    expect(await caller.call('/other')).toBe('200 other');
    await listeners.exchange([next], []);
    expect(await caller.call('/spans')).toMatch(/^404/);
    await listeners.exchange([], [old]);
    expect(await caller.call('/spans')).toBe('200 old');
    expect(caller.ports.size).toBe(1);
    caller.end();
  });

  test('leave a request that is under way to the one that it came for', async () => {
    const answer = Promise.withResolvers<void>();
    let asked = 0;
    const old = route('/spans', 'old', {
      handle: async () => {
        asked += 1;
        await answer.promise;
        return { status: 200, body: 'old' };
      },
    });
    const { listeners, port } = await open(old);
    const caller = new Caller(port);
    const underWay = caller.call('/spans');
    await until(() => asked === 1);
    await listeners.exchange([old], [route('/spans', 'new')]);
    answer.resolve();
    expect(await underWay).toBe('200 old');
    expect(await caller.call('/spans')).toBe('200 new');
    caller.end();
  });

  test('are found by a request whose head came before them', async () => {
    const old = route('/spans', 'old');
    const { listeners, port } = await open(old);
    const socket = connect(port, '127.0.0.1');
    let seen = '';
    socket.on('data', (chunk) => {
      seen += chunk;
    });
    const head = 'POST /spans HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\n';
    socket.write(`${head}body`);
    await until(() => seen.includes('old'));
    socket.write(`${head}bo`);
    await listeners.exchange([old], [route('/spans', 'new')]);
    socket.write('dy');
    await until(() => seen.includes('new'));
    socket.destroy();
  });

  test('are refused as a whole when one is there already', async () => {
    const [kept, gone] = [route('/kept', 'kept'), route('/gone', 'gone')];
    const { listeners, port } = await open(kept, gone);
    const caller = new Caller(port);
    await expect(listeners.exchange([gone], [route('/kept', 'twice')])).rejects.toMatchObject({
      code: 'BRIDGE_CONFIG',
    });
    expect(() => listeners.checkExchange([], [route('/gone', 'twice')])).toThrow(/two components/);
    listeners.checkExchange([gone], [route('/gone', 'instead')]);
    expect(await caller.call('/gone')).toBe('200 gone');
    caller.end();
  });
});
