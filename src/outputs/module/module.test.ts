import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
// @ts-expect-error: an example in plain JavaScript
import { output as webhook } from '../../../docs/examples/output-module/webhook.mjs';
import { describeOutput } from '../../../test/contracts/output-contract.ts';
import { fakeRuntime } from '../../../test/fakes/runtime.ts';
import { inTempDir } from '../../../test/fakes/temp-dir.ts';
import { outputDefinition, recordDecoders, sampleRequest } from '../../../test/testing/index.ts';
import type { UserOutput } from '../../contract/user-component.ts';
import { moduleOutput } from './module.ts';

describeOutput({
  kind: 'http',
  definition: await outputDefinition(webhook),
  decode: recordDecoders(),
  request: (records) => sampleRequest('logs', records),
  config: (url) => ({ url: `${url}/hook` }),
  itemsIn: ({ body }) => (body.length === 0 ? 0 : JSON.parse(body.toString()).length),
});

const never = new AbortController().signal;
const runtime = { ...fakeRuntime(), name: 'module', decode: recordDecoders() };

async function look(source: string, config: Readonly<Record<string, unknown>> = {}) {
  return inTempDir(async (dir) => {
    const path = join(dir, 'mine.mjs');
    await writeFile(path, source);
    return await moduleOutput.look?.({ path, config });
  });
}

async function output(exported: UserOutput) {
  return (await outputDefinition(exported)).create({}, runtime);
}

describe('a module that is no output', () => {
  test.each([
    ['export const input = {}', 'exports nothing called output'],
    ['export const output = 5', 'its output is no definition: an object with create() is wanted'],
    ['export const output = {}', 'its output has no function create'],
    [
      'export const output = { create() {}, signals: ["spans"] }',
      'its signals are not a list of metrics, traces, logs, rum',
    ],
    [
      'export const output = { create() {}, config: {} }',
      'its config is not a z.object, made with the z that it is given',
    ],
  ])('%j: %s', async (source, message) => {
    const looked = await look(source);
    expect(looked?.faults).toEqual([{ path: ['path'], message, hint: 'docs/extending.md shows one' }]);
    expect(looked?.definition).toBeUndefined();
  });

  test('says why it cannot be loaded', async () => {
    const gone = await moduleOutput.look?.({ path: '/nowhere/mine.mjs', config: {} });
    expect(gone?.faults[0]?.message).toBe('cannot be loaded: there is no such file');
  });
});

describe('the settings of a module', () => {
  const source = `export const output = ({ z }) => ({
    signals: ['logs'], config: z.strictObject({ url: z.string() }), create: () => ({ write: async () => ({ status: 'delivered' }) })
  });`;

  test('are held against its own schema, with what to write instead and without a value, which may be secret', async () => {
    const looked = await look(source, { urll: 'x' });
    expect(looked?.faults).toEqual([
      { path: ['config', 'url'], message: 'is missing', hint: 'write url = "..."' },
      { path: ['config', 'urll'], message: 'unknown key', hint: 'did you mean "url"?' },
    ]);
    expect((await look(source, { url: 7 }))?.faults).toEqual([
      { path: ['config', 'url'], message: 'must be text in quotes, and is a number', hint: 'write url = "..."' },
    ]);
  });

  test('and what it takes are those of the output', async () => {
    const looked = await look(source, { url: 'x' });
    expect([looked?.faults, looked?.definition?.signals]).toEqual([[], ['logs']]);
    const made = looked?.definition?.create({ path: 'ignored', config: {} }, runtime);
    await made?.start();
    expect(await made?.write(sampleRequest('logs', 1), never)).toEqual({ status: 'delivered' });
    expect(await made?.check()).toEqual({ ok: true });
    await made?.stop();
    await made?.stop();
  });
});

describe('an output of somebody else', () => {
  test('is handed items in the shape of the file output', async () => {
    const seen: unknown[] = [];
    const mine = await output({
      create: (_config, { items }) => ({
        write: async ({ records }) => {
          seen.push(...records.flatMap(items));
          return { status: 'delivered' };
        },
      }),
    });
    await mine.start();
    for (const signal of ['metrics', 'traces', 'logs', 'rum'] as const) {
      await mine.write(sampleRequest(signal, 1), never);
    }
    expect(seen).toHaveLength(8);
    expect(seen[0]).toMatchObject({ signal: 'metrics', name: 'requests_total', labels: { path: '/1' }, value: 1 });
    expect(seen[2]).toMatchObject({ signal: 'traces', name: 'get /', localEndpoint: { serviceName: 'reviews' } });
    expect(seen[4]).toMatchObject({ signal: 'logs', message: 'line 1', level: 'info', namespace: 'prod' });
    expect(seen[6]).toMatchObject({ signal: 'rum', measurement: 'view', tags: { app_id: 'shop' } });
  });

  test('whose create or start fails is named at the start', async () => {
    const broken = await look('export const output = { create() { throw new Error("no licence") } };');
    const made = broken?.definition?.create({ path: '', config: {} }, runtime);
    await expect(made?.start()).rejects.toMatchObject({
      code: 'BRIDGE_START',
      message: expect.stringMatching(/mine\.mjs does not start: no licence/),
    });
    const without = await output({ create: () => ({}) as never });
    await expect(without.start()).rejects.toThrow('what create() returned has no function write');
  });

  test('gives the answers of HTTP their meaning with attempt', async () => {
    const answers = [
      new Response('no', { status: 400 }),
      new Response('later', { status: 503, headers: { 'retry-after': '7' } }),
    ];
    const mine = await output({
      create: (_config, { attempt }) => ({
        write: (request, signal) =>
          attempt(request, signal, async () => {
            const answer = answers.shift();
            if (answer === undefined) {
              throw new TypeError('fetch failed', { cause: new Error('nobody there') });
            }
            return answer;
          }),
      }),
    });
    await mine.start();
    expect(await mine.write(sampleRequest('logs', 2), never)).toEqual({ status: 'split', reason: 'HTTP 400: no' });
    expect(await mine.write(sampleRequest('logs', 2), never)).toEqual({
      status: 'retry',
      reason: 'HTTP 503: later',
      cause: 'busy',
      afterMs: 7_000,
    });
    expect(await mine.write(sampleRequest('logs', 2), never)).toEqual({
      status: 'retry',
      reason: 'nobody there',
      cause: 'unreachable',
    });
  });
});
