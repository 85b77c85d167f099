import type { z } from 'zod';
import type { InputDefinition } from '../../src/contract/input.ts';
import { closedAfterEach } from './closing.ts';
import { type FakeInputRuntime, fakeInputRuntime } from './input-runtime.ts';

export interface PostedInput<C extends z.ZodObject> {
  readonly definition: InputDefinition<C>;
  /** Where it takes what is sent. */
  readonly path: string;
  /** Of a request that says nothing else. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface PostedRig {
  readonly runtime: FakeInputRuntime;
  post(body: string | Uint8Array, headers?: Readonly<Record<string, string>>): Promise<Response>;
}

/** Starts the input, with the keys of a table, behind a real port; it ends after the test. */
export function postedInput<C extends z.ZodObject>(of: PostedInput<C>): (table?: object) => Promise<PostedRig> {
  const atTheEnd = closedAfterEach();
  return async (table = {}) => {
    const runtime = fakeInputRuntime();
    const input = of.definition.create(of.definition.config.parse(table), runtime);
    await input.start();
    const served = await runtime.serve('main');
    atTheEnd(
      () => served.close(),
      () => input.stop(),
    );
    return {
      runtime,
      post: (body, headers = of.headers) =>
        fetch(`${served.url}${of.path}`, { method: 'POST', body: Buffer.from(body), headers }),
    };
  };
}
