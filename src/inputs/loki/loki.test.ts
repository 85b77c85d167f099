import { gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { compressSync } from 'snappy';
import { describeInput } from '../../../test/contracts/input-contract.ts';
import { type Emission, fakeInputRuntime } from '../../../test/fakes/input-runtime.ts';
import { postedInput } from '../../../test/fakes/posted-input.ts';
import type { ServedRoutes } from '../../../test/fakes/route-server.ts';
import { attributesOf } from '../../codec/log-block/attributes.ts';
import { decodeLogBlock } from '../../codec/log-block/log-block.ts';
import { encodePushProto } from '../../codec/loki-push/proto.ts';
import { logFlags, logLevels } from '../../model/log.ts';
import { lokiInput } from './loki.ts';

const json = { 'content-type': 'application/json' };
const proto = { 'content-type': 'application/x-protobuf' };
const rig = postedInput({ definition: lokiInput, path: '/loki/api/v1/push', headers: json });

function pushOf(stream: object, ...values: readonly (readonly unknown[])[]): string {
  return JSON.stringify({ streams: [{ stream, values }] });
}

function linesIn(emission: Emission): object[] {
  const block = decodeLogBlock(emission.payload);
  return Array.from({ length: block.count }, (_, i) => ({
    time: `${block.seconds[i]}.${block.nanos[i]}`,
    message: Buffer.from(block.bytes.subarray(block.offsets[i], block.offsets[i + 1])).toString(),
    level: logLevels[block.levels[i] ?? 0],
    stderr: ((block.flags[i] ?? 0) & logFlags.stderr) !== 0,
    attributes: attributesOf(block, i),
  }));
}

describe('a push', () => {
  test('in JSON becomes lines with the origin that its labels name', async () => {
    const { runtime, post } = await rig({ tags: { cluster: 'c', job: 'no' } });
    const stream = { app: 'reviews', namespace: 'default', k8s_pod_name: 'r-1', stream: 'stderr', job: 'alloy' };
    const body = pushOf(stream, ['1795253153000000007', 'oh', { level: 'warn', trace_id: 'abc' }], ['5', '[error] x']);
    const answer = await post(gzipSync(body), { ...json, 'content-encoding': 'gzip' });
    expect([answer.status, await answer.text()]).toEqual([204, '']);
    expect(runtime.emitted).toHaveLength(1);
    const [emission] = runtime.emitted;
    expect(emission).toMatchObject({
      signal: 'logs',
      items: 2,
      format: 'log-block-2',
      origin: { app: 'reviews', namespace: 'default', pod: 'r-1' },
      edits: { add: { cluster: 'c', job: 'alloy' } },
    });
    expect(linesIn(emission!)).toEqual([
      { time: '1795253153.7', message: 'oh', level: 'warn', stderr: true, attributes: { trace_id: 'abc' } },
      { time: '0.5', message: '[error] x', level: 'error', stderr: true, attributes: undefined },
    ]);
  });

  test('in protobuf is the same, one batch a stream', async () => {
    const { runtime, post } = await rig();
    const entry = { seconds: 7, nanos: 8, line: Buffer.from('x'), metadata: [] };
    const streams = ['a', 'b'].map((app) => ({ labels: [['app', app]] as const, entries: [entry] }));
    const body = compressSync(Buffer.from(encodePushProto([...streams, { labels: [], entries: [] }])));
    expect((await post(body, proto)).status).toBe(204);
    expect(runtime.emitted.map(({ origin, format }) => [origin, format])).toEqual([
      [{ app: 'a' }, 'log-block'],
      [{ app: 'b' }, 'log-block'],
    ]);
    expect(linesIn(runtime.emitted[0]!)).toMatchObject([{ time: '7.8', message: 'x', level: 'unknown' }]);
  });

  test('without lines is taken', async () => {
    const { runtime, post } = await rig();
    expect((await post('{"streams":[]}')).status).toBe(204);
    expect(runtime.emitted).toEqual([]);
  });

  test('is not answered before its lines are on disk', async () => {
    const { runtime, post } = await rig();
    runtime.hold();
    let answered = false;
    const answer = post(pushOf({ app: 'a' }, ['1', 'x'])).then((response) => {
      answered = true;
      return response.status;
    });
    while (runtime.held.length === 0) {
      await new Promise(setImmediate);
    }
    expect(answered).toBe(false);
    runtime.release();
    expect(await answer).toBe(204);
  });
});

describe('what is refused', () => {
  test.each([
    ['{"streams":[{"stream":{},"values":[["x","y"]]}]}', json, 400, 'streams[0].values[0][0] should be ns'],
    [pushOf({}, ['9999999999000000000', 'y']), json, 400, 'the time of streams[0].values[0]'],
    ['not snappy', proto, 400, 'nor compressed by snappy'],
    [Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f, 0]), proto, 413, 'inflates to more than'],
  ])('%s is told what is wrong, and counted', async (body, headers, status, text) => {
    const { runtime, post } = await rig();
    const answer = await post(body, headers);
    expect(answer.status).toBe(status);
    expect(await answer.text()).toContain(text);
    expect(runtime.refusals).toHaveLength(1);
    expect(runtime.emitted).toEqual([]);
  });

  test('may only be sent by those who may write', () => {
    const runtime = fakeInputRuntime();
    lokiInput.create(lokiInput.config.parse({}), runtime);
    expect(runtime.collectedRoutes).toMatchObject([{ path: '/loki/api/v1/push', access: 'ingest' }]);
  });
});

describeInput({
  definition: lokiInput,
  source: async ({ runtime }) => {
    let served: ServedRoutes | undefined;
    const told = async (body: string) => {
      const { status } = await fetch(`${served?.url}/loki/api/v1/push`, { method: 'POST', body, headers: json });
      return status === 204 ? 'accepted' : status === 503 ? 'try later' : 'refused';
    };
    return {
      config: {},
      open: async () => {
        served = await runtime.serve('main');
      },
      send: (id) => told(pushOf({ app: 'a' }, ['1', id])),
      sendGarbage: () => told('garbage'),
      close: async () => served?.close(),
    };
  },
  ids: (emission) => linesIn(emission).map((line) => ('message' in line ? String(line.message) : '')),
  count: (emission) => linesIn(emission).length,
});
