import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { fakeRuntime, MemoryLog } from '../../../test/fakes/runtime.ts';
import { stateAfter } from '../../../test/fakes/until.ts';
import { BridgeError } from '../../contract/errors.ts';
import type { HttpRequest, HttpRoute } from '../../contract/http.ts';
import { defineInput } from '../../contract/input.ts';
import type { PlannedInput } from './discovery.ts';
import type { InputHost } from './inputs.ts';
import { type RouteTable, RunningInputs } from './running-inputs.ts';

class Table implements RouteTable {
  routes: readonly HttpRoute[] = [];

  add(route: HttpRoute): void {
    this.routes = [...this.routes, route];
  }

  checkExchange(gone: readonly HttpRoute[], come: readonly HttpRoute[]): void {
    const left = this.routes.filter((route) => !gone.includes(route)).map(({ path }) => path);
    if (come.some(({ path }) => left.includes(path))) {
      throw new BridgeError('BRIDGE_CONFIG', 'twice');
    }
  }

  async exchange(gone: readonly HttpRoute[], come: readonly HttpRoute[]): Promise<void> {
    this.checkExchange(gone, come);
    this.routes = [...this.routes.filter((route) => !gone.includes(route)), ...come];
  }

  async ask(path: string): Promise<unknown> {
    const route = this.routes.find((one) => one.path === path);
    return (await route?.handle({} as HttpRequest))?.body;
  }
}

/** Notes what is done to inputs, by their name. `fails` and `stuck` hold names whose next start fails, or waits. */
function rig() {
  const steps: string[] = [];
  const fails = new Set<string>();
  const waiting = new Map<string, Promise<void>>();
  const definition = defineInput({
    type: 'probe',
    summary: 'Notes what is done to it.',
    signals: ['traces'],
    config: z.strictObject({ name: z.string(), path: z.string().optional(), retires: z.boolean().default(true) }),
    create: ({ name, path, retires }, { routes }) => {
      if (path !== undefined) {
        const handle = async () => ({ status: 200, body: name });
        routes.add({ method: 'POST', path, listeners: ['main'], access: 'open', handle });
      }
      return {
        start: async () => {
          await waiting.get(name);
          if (fails.delete(name)) {
            throw new Error('EADDRINUSE');
          }
          steps.push(`start ${name}`);
        },
        stop: async () => {
          steps.push(`stop ${name}`);
        },
        ...(retires && {
          retire: async () => {
            steps.push(`retire ${name}`);
          },
        }),
      };
    },
  });
  const routes = new Table();
  const host: InputHost = {
    runtime: (id) => ({ ...fakeRuntime(), id }),
    lanes: {} as InputHost['lanes'],
    steps: (batch) => batch,
  };
  const inputs = new RunningInputs({ host, routes, log: new MemoryLog() });
  const of = (...names: readonly string[]): PlannedInput[] =>
    names.map((text, i) => {
      const [name = '', path] = text.split('@');
      const config = definition.config.parse({ name, ...(path !== undefined && { path }) });
      return { id: `inputs.probe[${i}]`, type: 'probe', definition, config, byDefault: false };
    });
  const take = async (...names: readonly string[]) => {
    steps.length = 0;
    return inputs.apply(inputs.plan(of(...names)));
  };
  return { inputs, routes, steps, fails, waiting, of, take, start: (...names: string[]) => inputs.start(of(...names)) };
}

describe('inputs that change while others run', () => {
  test('leave those alone, whose numbers stay though others go', async () => {
    const { inputs, take, start, steps } = rig();
    await start('a', 'b', 'c');
    const [, b] = inputs.all;
    expect(await take('b', 'c', 'd')).toEqual({ changed: ['inputs.probe[0] has new settings'], faults: [] });
    expect(steps).toEqual(['retire a', 'start d']);
    expect(inputs.all[0]).toBe(b);
    expect(inputs.all.map(({ id }) => id)).toEqual(['inputs.probe[1]', 'inputs.probe[2]', 'inputs.probe[0]']);
  });

  test('end before those begin that take their place, and what is taken out before that', async () => {
    const { take, start, steps } = rig();
    await start('a', 'b');
    expect(await take('x')).toEqual({
      changed: ['inputs.probe[1] is taken out', 'inputs.probe[0] has new settings'],
      faults: [],
    });
    expect(steps).toEqual(['retire b', 'retire a', 'start x']);
  });

  test('get the first number that is free', async () => {
    const { inputs, take, start } = rig();
    await start('a', 'b');
    await take('b');
    expect((await take('b', 'c')).changed).toEqual(['inputs.probe[0] is new']);
    expect(inputs.all.map(({ id }) => id)).toEqual(['inputs.probe[1]', 'inputs.probe[0]']);
  });

  test('do nothing where nothing differs', async () => {
    const { take, start, steps } = rig();
    await start('a', 'b@/p');
    expect(await take('b@/p', 'a')).toEqual({ changed: [], faults: [] });
    expect(steps).toEqual([]);
  });

  test('go on with the books of the one before', async () => {
    const { inputs, take, start } = rig();
    await start('a');
    const [status] = inputs.status();
    await take('b');
    expect(inputs.status()[0]?.id).toBe(status?.id);
  });
});

describe('an input that cannot start', () => {
  test('leaves the one before it in place, with its routes, and is named', async () => {
    const { inputs, take, start, steps, fails, routes } = rig();
    await start('a@/p', 'b');
    fails.add('x');
    const applied = await take('x@/p', 'b');
    expect(applied).toEqual({ changed: [], faults: ['inputs.probe[0] cannot start: EADDRINUSE'] });
    expect(steps).toEqual(['retire a', 'stop x', 'start a']);
    expect(await routes.ask('/p')).toBe('a');
    expect((await take('x@/p', 'b')).changed).toEqual(['inputs.probe[0] has new settings']);
    expect(await routes.ask('/p')).toBe('x');
    expect(inputs.all).toHaveLength(2);
  });

  test('that is new is left out, and tried again with the next configuration', async () => {
    const { inputs, take, start, fails, routes } = rig();
    await start('a');
    fails.add('x');
    expect((await take('a', 'x@/p')).faults).toEqual(['inputs.probe[1] cannot start: EADDRINUSE']);
    expect(inputs.all).toHaveLength(1);
    expect(routes.routes).toEqual([]);
    expect((await take('a', 'x@/p')).changed).toEqual(['inputs.probe[1] is new']);
    expect(await routes.ask('/p')).toBe('x');
  });

  test('of which neither the new nor the old one can start is gone, with its routes', async () => {
    const { inputs, take, start, fails, routes } = rig();
    await start('a@/p');
    fails.add('x').add('a');
    expect((await take('x@/p')).faults).toHaveLength(2);
    expect(inputs.all).toEqual([]);
    expect(routes.routes).toEqual([]);
  });
});

describe('routes', () => {
  test('of one that is replaced wait, and go to the new one', async () => {
    const { take, start, waiting, routes } = rig();
    await start('a@/p');
    const { promise, resolve } = Promise.withResolvers<void>();
    waiting.set('x', promise);
    const taking = take('x@/p');
    const asked = Promise.resolve().then(() => routes.ask('/p'));
    expect(await stateAfter(asked, 20)).toBe('pending');
    resolve();
    expect(await asked).toBe('x');
    await taking;
    expect(routes.routes).toHaveLength(1);
  });

  test('that two inputs want change nothing at all', async () => {
    const { inputs, of, start, steps } = rig();
    await start('a@/p', 'b');
    steps.length = 0;
    expect(() => inputs.plan(of('a@/p', 'c@/p'))).toThrow('twice');
    expect(steps).toEqual([]);
    expect(inputs.all).toHaveLength(2);
  });

  test('of one that was taken out are free for another', async () => {
    const { take, start, routes } = rig();
    await start('a@/p', 'b@/q');
    await take('b@/p');
    expect(routes.routes.map(({ path }) => path)).toEqual(['/p']);
    expect(await routes.ask('/p')).toBe('b');
  });
});

test('what an input counted goes on counting for its type once it is taken out', async () => {
  const { inputs, take, start } = rig();
  await start('a', 'b');
  expect(inputs.gone()).toEqual([]);
  await take('a');
  await take();
  expect(inputs.gone()).toHaveLength(1);
  expect(inputs.gone()[0]).toMatchObject({ type: 'probe', signal: 'traces', received: 0 });
  expect(inputs.all).toEqual([]);
});
