import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { openLane } from '../../../test/crash/segment-lane.ts';
import { inTempDir } from '../../../test/fakes/temp-dir.ts';
import { until, within } from '../../../test/fakes/until.ts';
import { BridgeError } from '../../contract/errors.ts';
import type { Lane } from '../../lane/lane.ts';
import type { Batch } from '../../model/batch.ts';
import { StoreClient } from './client.ts';
import type { Stored } from './messages.ts';

interface Rig {
  readonly lane: Lane;
  readonly client: StoreClient;
  readonly stored: Stored[];
  stop(): Promise<void>;
}

/** A lane and the store behind it, wired as the bridge does. */
async function start(dir: string): Promise<Rig> {
  const laneDir = join(dir, 'queue');
  const lane = await openLane(laneDir);
  await lane.attach({ output: 'store', onFull: 'block', start: 'beginning' });
  const client = await StoreClient.start({ dir: join(dir, 'store'), retentionMs: 86_400_000, maxBytes: 1e9 });
  const stored: Stored[] = [];
  client.onStored((each) => stored.push(each));
  const afterSeq = await lane.adopt('store', client.position('traces'));
  client.follow({ signal: 'traces', dir: laneDir, queueId: lane.queueId, afterSeq });
  lane.onDurable((seq) => client.durable('traces', seq));
  client.durable('traces', lane.durableSeq);
  return {
    lane,
    client,
    stored,
    stop: async () => {
      await client.stop();
      await lane.close();
    },
  };
}

/** One trace of that many spans. */
function spanBatch(trace: number, items: number): Batch {
  const traceId = trace.toString(16).padStart(16, '0');
  const spans = Array.from({ length: items }, (_, i) => ({
    traceId,
    id: (i + 1).toString(16).padStart(16, '0'),
    timestamp: Date.now() * 1000 + i,
    localEndpoint: { serviceName: 'reviews' },
  }));
  const payload = Buffer.from(JSON.stringify(spans));
  return { signal: 'traces', format: 'zipkin-json-v2', payload, items, origin: {} };
}

async function spansOf(client: StoreClient, traceId: string): Promise<number> {
  return (await client.ask({ kind: 'zipkin.trace', traceId })).count;
}

test('what a lane makes durable is stored by a worker of its own, once, over restarts', () =>
  inTempDir(async (dir) => {
    const first = await start(dir);
    for (let n = 1; n <= 40; n++) {
      await first.lane.append(spanBatch(n, 10));
    }
    await until(() => first.stored.at(-1)?.seq === 40, { what: '40 records stored' });
    expect(first.stored.reduce((sum, { items }) => sum + items, 0)).toBe(400);
    expect(first.client.position('traces')).toEqual({ queueId: first.lane.queueId, seq: 40 });
    await first.stop();
    const second = await start(dir);
    await second.lane.append(spanBatch(41, 10));
    await until(() => second.stored.at(-1)?.seq === 41, { what: 'the record of the second life' });
    for (const n of [1, 40, 41]) {
      expect(await spansOf(second.client, n.toString(16))).toBe(10);
    }
    expect(second.stored.map(({ items }) => items)).toEqual([10]);
    await until(() => second.client.status().partitions.reduce((sum, { items }) => sum + items, 0) === 410, {
      what: 'the status of all',
    });
    await second.stop();
  }));

test('what was durable but not stored when it stopped is stored in the next life', () =>
  inTempDir(async (dir) => {
    const first = await start(dir);
    await first.client.stop();
    await first.lane.append(spanBatch(1, 3));
    await first.stop();
    const second = await start(dir);
    await until(async () => (await spansOf(second.client, '1')) === 3, { what: 'the spans' });
    await second.stop();
  }));

test('a question ends with the reason of its signal, and a question after the end is refused', () =>
  inTempDir(async (dir) => {
    const { client, stop } = await start(dir);
    const gone = new AbortController();
    const asking = client.ask({ kind: 'zipkin.services' }, gone.signal);
    const reason = new Error('the caller went away');
    gone.abort(reason);
    await expect(asking).rejects.toBe(reason);
    await stop();
    await expect(client.ask({ kind: 'zipkin.services' })).rejects.toBeInstanceOf(BridgeError);
  }));

test('a store that cannot be opened rejects the start, and says why', async () => {
  const opening = StoreClient.start({ dir: '/dev/null/store', retentionMs: 1, maxBytes: 1 });
  await expect(within(opening, 10_000, 'the start')).rejects.toThrow('ENOTDIR');
});

test('a worker that dies is told to whoever listens', () =>
  inTempDir(async (dir) => {
    const { client, lane } = await start(dir);
    const died = new Promise<Error>((resolve) => client.onDeath(resolve));
    const asking = client.ask({ kind: 'zipkin.traces', query: undefined as never });
    await expect(asking).rejects.toThrow();
    client.follow({ signal: 'traces', dir: 'nowhere\0', queueId: 'q', afterSeq: 0 });
    client.durable('traces', 5);
    expect((await within(died, 10_000, 'the death')).message).toMatch(/null bytes/);
    await client.stop();
    await lane.close();
  }));
