import { zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { describeInput, type Told } from '../../../test/contracts/input-contract.ts';
import { frameRecord } from '../../../test/fakes/frames.ts';
import { type FakeInputRuntime, fakeInputRuntime } from '../../../test/fakes/input-runtime.ts';
import { logRecord } from '../../../test/fakes/log-records.ts';
import { type ParcelRequest, parcelRequest, queueIdOf } from '../../../test/fakes/parcels.ts';
import { spanRecord } from '../../../test/fakes/requests.ts';
import type { ServedRoutes } from '../../../test/fakes/route-server.ts';
import { decodeSpans } from '../../codec/spans.ts';
import type { Input } from '../../contract/input.ts';
import type { QueueRecord } from '../../model/batch.ts';
import { hubInput } from './hub.ts';
import { recordsPath } from './hub-input.ts';
import { maxParcelBytes } from './inflating.ts';
import { KnownDictionaries } from './known-dictionaries.ts';

const queue = queueIdOf(1);

function recordOf(id: string, seq: number): QueueRecord {
  return spanRecord([{ traceId: id, id }], { seq, itemsBefore: seq - 1 });
}

async function post(url: string, { body, headers }: ParcelRequest): Promise<Response> {
  return fetch(`${url}${recordsPath}`, { method: 'POST', body: new Uint8Array(body), headers });
}

const told: Readonly<Record<number, Told>> = { 204: 'accepted', 400: 'refused', 503: 'try later' };

let lanes = 0;

describeInput({
  definition: hubInput,
  source: async ({ runtime }) => {
    let served: ServedRoutes | undefined;
    const send = async (request: ParcelRequest): Promise<Told> => {
      const answer = await post(served?.url ?? '', request);
      return told[answer.status] ?? 'refused';
    };
    return {
      config: {},
      open: async () => {
        served = await runtime.serve();
      },
      // Each from an agent of its own: requests of one lane come one behind the other.
      send: (id) => {
        lanes += 1;
        return send(parcelRequest([recordOf(id, 1)], queueIdOf(lanes)));
      },
      sendGarbage: () => send({ ...parcelRequest([recordOf('1', 1)], queue), body: Buffer.from('garbage') }),
      close: async () => served?.close(),
    };
  },
  ids: (emission) => decodeSpans(emission).map(({ id }) => id),
  count: (emission) => decodeSpans(emission).length,
});

interface Rig {
  readonly runtime: FakeInputRuntime;
  readonly input: Input;
  send(records: readonly QueueRecord[], change?: Partial<ParcelRequest>): Promise<readonly [number, string]>;
}

async function withHub(run: (rig: Rig) => Promise<void>, runtime = fakeInputRuntime()): Promise<void> {
  const input = hubInput.create({}, runtime);
  await input.start();
  const served = await runtime.serve();
  try {
    const send: Rig['send'] = async (records, change) => {
      const request = parcelRequest(records, queue);
      const headers = { ...request.headers, ...change?.headers };
      const answer = await post(served.url, { body: change?.body ?? request.body, headers });
      return [answer.status, await answer.text()];
    };
    await run({ runtime, input, send });
  } finally {
    await served.close();
    await input.stop();
  }
}

function seqs(runtime: FakeInputRuntime): number[] {
  return runtime.emitted.map(({ position }) => Number(position?.value.split(' ')[0]));
}

const series = ['a', 'b'].map((name) => ({
  name,
  labels: [['pod', 'p']] as const,
  type: 'counter' as const,
  measurement: 'm',
  field: name,
}));

describe('records', () => {
  test('go into the lane as they are, each with its number as position', () =>
    withHub(async ({ runtime, send }) => {
      const origin = { node: 'node-1', namespace: 'prod', pod: 'reviews-0', container: 'app' };
      const edits = { add: { env: 'prod' }, drop: ['x'] };
      const frame = frameRecord(series, [1, Number.NaN], { seq: 7, timestampMs: 1_000, stale: [1], edits });
      expect(await send([{ ...frame, origin }])).toEqual([204, '']);
      const line = logRecord([{ message: 'Grüße', timeNanos: 5n }], { seq: 3, origin });
      expect(await send([line], { headers: { 'x-meshbridge-queue': queueIdOf(2) } })).toEqual([204, '']);
      const { signal, format, payload, items, dictionary } = frame;
      const [first, second] = runtime.emitted;
      expect(first).toMatchObject({ signal, format, items, origin, edits, position: { key: `hub:${queue}:metrics` } });
      expect([first?.payload, first?.dictionary]).toEqual([payload, dictionary]);
      expect(second).toMatchObject({ signal: 'logs', format: 'log-block', items: 1, origin, payload: line.payload });
      expect(seqs(runtime)).toEqual([7, 3]);
    }));

  test('that came before are not taken again, be it in part, in another life or under a later queue id', async () => {
    const runtime = fakeInputRuntime();
    const records = [1, 2, 5, 6].map((seq) => recordOf(String(seq), seq));
    await withHub(async ({ send }) => {
      expect((await send(records.slice(0, 3)))[0]).toBe(204);
      expect((await send(records.slice(0, 3)))[0]).toBe(204);
      expect((await send(records.slice(1, 4)))[0]).toBe(204);
    }, runtime);
    expect(seqs(runtime)).toEqual([1, 2, 5, 6]);
    const later = runtime.restart();
    await withHub(async ({ send }) => {
      expect((await send(records))[0]).toBe(204);
      expect(later.emitted).toEqual([]);
      // The agent's lane lost what came behind 5.
      const headers = { 'x-meshbridge-queue': queueIdOf(9), 'x-meshbridge-ancestors': `${queueIdOf(3)}:2,${queue}:5` };
      expect(
        (
          await send(
            [4, 5, 6, 7].map((seq) => recordOf(String(seq), seq)),
            { headers },
          )
        )[0],
      ).toBe(204);
      expect(seqs(later)).toEqual([6, 7]);
    }, later);
  });

  test('of two requests of one lane at once are taken once', () =>
    withHub(async ({ runtime, send }) => {
      runtime.hold();
      const both = Promise.all([send([recordOf('1', 1)]), send([recordOf('1', 1), recordOf('2', 2)])]);
      while (runtime.held.length === 0) {
        await new Promise(setImmediate);
      }
      runtime.release();
      expect((await both).map(([status]) => status)).toEqual([204, 204]);
      expect(seqs(runtime).toSorted()).toEqual([1, 2]);
    }));

  test('of lanes that said nothing for a month leave no position', async () => {
    const runtime = fakeInputRuntime();
    await withHub(async ({ send }) => {
      await send([recordOf('1', 1)]);
      await runtime.clock.advance(20 * 86_400_000);
      await send([recordOf('1', 1)], { headers: { 'x-meshbridge-queue': queueIdOf(2) } });
      await runtime.clock.advance(20 * 86_400_000);
      await send([recordOf('1', 1)], { headers: { 'x-meshbridge-queue': queueIdOf(3) } });
    }, runtime);
    expect([...runtime.positions('traces', 'hub:').keys()]).toEqual([
      `hub:${queueIdOf(2)}:traces`,
      `hub:${queueIdOf(3)}:traces`,
    ]);
  });

  test('that this very process sends are not taken, and nothing is said against them', () =>
    withHub(async ({ runtime, send }) => {
      const headers = { 'x-meshbridge-instance': runtime.instance };
      const [status, text] = await send([recordOf('1', 1)], { headers });
      expect([status, text]).toEqual([403, expect.stringContaining('must name another one')]);
      expect([runtime.emitted, runtime.refusals]).toEqual([[], []]);
    }));

  test('of no number at all are a question whether records would be taken', () =>
    withHub(async ({ runtime, send }) => {
      expect(await send([], { body: Buffer.alloc(0) })).toEqual([204, '']);
      expect(runtime.emitted).toEqual([]);
    }));
});

describe('dictionaries', () => {
  test('that are not here are asked for, and known from then on', () =>
    withHub(async ({ runtime, send }) => {
      const frames = [1, 2, 3].map((seq) => frameRecord(series, [seq, 0], { seq, timestampMs: seq }));
      const without = (record: QueueRecord | undefined) => {
        const { body, headers } = parcelRequest(record === undefined ? [] : [record], queue, () => false);
        return send([], { body, headers });
      };
      expect(await without(frames[0])).toEqual([409, expect.stringContaining('send it along')]);
      expect(runtime.emitted).toEqual([]);
      expect((await send(frames.slice(0, 2)))[0]).toBe(204);
      expect((await without(frames[2]))[0]).toBe(204);
      expect(runtime.emitted.map(({ dictionary }) => dictionary)).toEqual(frames.map(({ dictionary }) => dictionary));
    }));

  test('of records that are here already are known too', async () => {
    const runtime = fakeInputRuntime();
    const [first, second] = [1, 2].map((seq) => frameRecord(series, [seq, 0], { seq, timestampMs: seq }));
    if (first === undefined || second === undefined) {
      throw new Error('there are two');
    }
    await withHub(async ({ send }) => void (await send([first])), runtime);
    const later = runtime.restart();
    await withHub(async ({ send }) => {
      expect((await send([first]))[0]).toBe(204);
      const { body, headers } = parcelRequest([second], queue, () => false);
      expect((await send([], { body, headers }))[0]).toBe(204);
    }, later);
    expect(seqs(later)).toEqual([2]);
  });

  test('used last are kept when there are too many', () => {
    const known = new KnownDictionaries(10);
    known.keep('a', Buffer.alloc(4));
    known.keep('b', Buffer.alloc(4));
    known.get('a');
    known.keep('c', Buffer.alloc(4));
    expect(['a', 'b', 'c'].map((id) => known.get(id)?.bytes.length)).toEqual([4, undefined, 4]);
    known.keep('large', Buffer.alloc(100));
    expect(['a', 'c', 'large'].map((id) => known.get(id)?.bytes.length)).toEqual([undefined, undefined, 100]);
  });
});

describe('a request is refused', () => {
  test.each([
    [
      'as 415, to be sent again after an upgrade',
      { 'content-type': 'application/vnd.meshbridge.records; version=2' },
      415,
    ],
    ['for a version that there never was', { 'content-type': 'application/vnd.meshbridge.records; version=0' }, 400],
    ['for another content type', { 'content-type': 'application/json' }, 400],
    ['for another encoding', { 'content-encoding': 'gzip' }, 400],
    ['for no queue', { 'x-meshbridge-queue': 'x' }, 400],
    ['for a signal that there is not', { 'x-meshbridge-signal': 'smoke' }, 400],
    ['for records of another signal', { 'x-meshbridge-signal': 'logs' }, 400],
    ['for ancestors that are none', { 'x-meshbridge-ancestors': 'x:1' }, 400],
    ['for more bytes than it says', { 'x-meshbridge-bytes': '10' }, 400],
    ['for fewer bytes than it says', { 'x-meshbridge-bytes': '1000000' }, 400],
    ['for more bytes than there may be', { 'x-meshbridge-bytes': String(maxParcelBytes + 1) }, 413],
  ])('%s', (_, headers, status) =>
    withHub(async ({ runtime, send }) => {
      expect((await send([recordOf('1', 1)], { headers: headers as Record<string, string> }))[0]).toBe(status);
      expect(runtime.emitted).toEqual([]);
    }),
  );

  test('for a format of a later version, which says what to upgrade', () =>
    withHub(async ({ send }) => {
      const odd = { ...recordOf('1', 1), format: 'zipkin-json-v9' } as unknown as QueueRecord;
      const [status, text] = await send([odd]);
      expect(status).toBe(415);
      expect(text).toContain('upgrade the hub');
    }));

  test('for bytes that inflate to more than they say', () =>
    withHub(async ({ runtime, send }) => {
      const bomb = zstdCompressSync(Buffer.alloc(64 * 1024 * 1024));
      expect((await send([], { body: bomb, headers: { 'x-meshbridge-bytes': '1000' } }))[0]).toBe(400);
      expect(runtime.log.at('warn')).toHaveLength(1);
      expect(runtime.refusals).toEqual([{ signal: 'metrics', items: 1, reason: 'malformed' }]);
    }));

  test('for each bit that is not what was sent', () =>
    withHub(async ({ runtime, send }) => {
      const { headers } = parcelRequest([recordOf('1', 1), recordOf('2', 2)], queue);
      const { ParcelWriter } = await import('../../record/parcel.ts');
      const parcel = new ParcelWriter().pack([recordOf('1', 1), recordOf('2', 2)], () => true);
      for (let at = 0; at < parcel.length; at += 1) {
        const bad = Buffer.from(parcel);
        bad[at] = (bad[at] ?? 0) ^ 0x10;
        const [status] = await send([], { body: zstdCompressSync(bad), headers });
        expect([400, 415]).toContain(status);
      }
      expect(runtime.emitted).toEqual([]);
    }));
});

test('two agents under one queue id are named, and one that changes its name is not', () =>
  withHub(async ({ runtime, send }) => {
    const from = (seq: number, node: string) => send([recordOf('1', seq)], { headers: { 'x-meshbridge-node': node } });
    await from(1, 'node-1');
    await runtime.clock.advance(61_000);
    await from(2, 'node%20two');
    expect(runtime.log.at('error')).toEqual([]);
    await from(3, 'node-1');
    expect(runtime.log.at('error')).toMatchObject([{ fields: { queueId: queue, nodes: ['node two', 'node-1'] } }]);
  }));

test('the status tells who sends, how far it was taken, and how long that took', () =>
  withHub(async ({ runtime, input, send }) => {
    const nowMs = runtime.clock.now();
    const record = { ...recordOf('1', 4), origin: { node: 'node-1' }, receivedAtMs: nowMs - 250 };
    await send([record], { headers: { 'x-meshbridge-sent': String(nowMs - 40) } });
    expect(input.status?.()).toEqual({
      path: recordsPath,
      agents: [
        {
          node: 'node-1',
          address: expect.stringContaining('127.0.0.1'),
          version: '9.9.9',
          lastSeenMs: nowMs,
          skewMs: -40,
          delayMs: 210,
          lanes: { traces: { queueId: queue, seq: 4, items: 1 } },
        },
      ],
    });
  }));
