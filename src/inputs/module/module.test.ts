import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
// @ts-expect-error: an example in plain JavaScript
import { input as deploys } from '../../../docs/examples/input-module/deploys.mjs';
import { describeInput, type Source } from '../../../test/contracts/input-contract.ts';
import { type Emission, type FakeInputRuntime, fakeInputRuntime } from '../../../test/fakes/input-runtime.ts';
import type { ServedRoutes } from '../../../test/fakes/route-server.ts';
import { inTempDir } from '../../../test/fakes/temp-dir.ts';
import { inputDefinition, itemsOf, recordDecoders } from '../../../test/testing/index.ts';
import { moduleInput } from './module.ts';

const decode = recordDecoders();

function messages(emission: Emission): readonly string[] {
  const record = { ...emission, seq: 1, cumItems: emission.items, receivedAtMs: 1 };
  return itemsOf(record, decode).map(({ message }) => String(message).replace('deployed ', ''));
}

async function source({ runtime }: { readonly runtime: FakeInputRuntime }): Promise<Source> {
  let served: ServedRoutes | undefined;
  const post = async (body: string) => {
    const { status } = await fetch(`${served?.url}/hooks/deploys`, { method: 'POST', body });
    return status === 204 ? 'accepted' : status === 400 ? 'refused' : 'try later';
  };
  return {
    config: {},
    open: async () => {
      served = await runtime.serve();
    },
    send: (id) => post(JSON.stringify({ namespace: 'prod', workload: 'reviews', version: id })),
    sendGarbage: () => post('{"namespace":'),
    close: async () => served?.close(),
  };
}

describeInput({
  definition: await inputDefinition(deploys),
  source,
  ids: messages,
  count: (emission) => messages(emission).length,
});

async function look(source: string) {
  return inTempDir(async (dir) => {
    const path = join(dir, 'mine.mjs');
    await writeFile(path, source);
    return await moduleInput.look?.({ path, config: {} });
  });
}

describe('an input of somebody else', () => {
  test('that is none is named', async () => {
    expect((await look('export const output = {}'))?.faults[0]?.message).toBe('exports nothing called input');
    const without = await look('export const input = { create: () => ({}) }');
    expect(() => without?.definition?.create({ path: '', config: {} }, fakeInputRuntime())).toThrow(
      expect.objectContaining({
        code: 'BRIDGE_START',
        message: expect.stringContaining('what create() returned has no function start'),
      }),
    );
  });

  test('whose start fails is named at the start, and whose status throws has none', async () => {
    const looked = await look(`export const input = { signals: ['logs'], create: () => ({
      start: async () => { throw new Error('no licence') }, status() { throw new Error('x') } }) }`);
    const made = looked?.definition?.create({ path: '', config: {} }, fakeInputRuntime());
    await expect(made?.start()).rejects.toMatchObject({ code: 'BRIDGE_START' });
    expect([made?.status?.(), made?.warnings?.()]).toEqual([{}, []]);
    await made?.stop();
  });

  test('is told which item is wrong', async () => {
    const looked = await look(`export const input = { create: (_config, runtime) => ({
      start: () => runtime.emitItems([{ signal: 'logs', message: 5 }]) }) }`);
    const made = looked?.definition?.create({ path: '', config: {} }, fakeInputRuntime());
    await expect(made?.start()).rejects.toThrow(/item 0: message: /);
  });
});
