import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { openLane } from '../../../test/crash/segment-lane.ts';
import { inTempDir } from '../../../test/fakes/temp-dir.ts';
import { until } from '../../../test/fakes/until.ts';
import { decodeSpans } from '../../codec/spans.ts';
import { systemClock } from '../../lib/clock.ts';
import { EmbeddedStore } from './embedded-store.ts';
import { LaneFollower } from './lane-follower.ts';
import type { Stored } from './messages.ts';
import { Watermark } from './watermark.ts';

/** A lane of one span, the store before it and a follower, on a file system with as many free bytes as `disk` says. */
async function follower(dir: string) {
  const laneDir = join(dir, 'queue');
  const lane = await openLane(laneDir);
  await lane.attach({ output: 'store', onFull: 'block', start: 'beginning' });
  const payload = Buffer.from('[{"traceId":"a","id":"b"}]');
  await lane.append({ signal: 'traces', format: 'zipkin-json-v2', payload, items: 1, origin: {} });
  const disk = { freeBytes: 0, asked: 0 };
  const clock = {
    ...systemClock,
    sleep: (_ms: number, signal?: AbortSignal) => systemClock.sleep(1, signal),
  };
  const settings = { dir: join(dir, 'store'), retentionMs: 86_400_000, maxBytes: 1e9 };
  const store = new EmbeddedStore({ ...settings, decodeSpans, clock });
  await store.open();
  const part = store.parts.find(({ signal }) => signal === 'traces');
  if (part === undefined) {
    throw new Error('the store takes no traces');
  }
  const watermark = new Watermark();
  watermark.raise(lane.durableSeq);
  const stored: Stored[] = [];
  const waits: number[] = [];
  const one = new LaneFollower({
    part,
    follow: { signal: 'traces', dir: laneDir, queueId: lane.queueId, afterSeq: 0, watermark: watermark.memory },
    clock,
    freeBytes: () => {
      disk.asked += 1;
      return disk.freeBytes;
    },
    events: {
      stored: (each) => stored.push(each),
      ingesting: () => undefined,
      lost: () => undefined,
      waitsForRoom: (wantedBytes) => waits.push(wantedBytes),
    },
  });
  const running = one.run();
  const end = async () => {
    one.stop();
    await running;
    await store.close();
    await lane.close();
  };
  return { disk, stored, waits, part, end };
}

test('a file system without room makes the store wait, and it goes on by itself once there is room', () =>
  inTempDir(async (dir) => {
    const { disk, stored, waits, end } = await follower(dir);
    await until(() => disk.asked > 3, { what: 'several looks at the free space' });
    expect(stored).toEqual([]);
    expect(waits).toEqual([expect.any(Number)]);
    expect(waits[0]).toBeGreaterThan(1_000_000);
    disk.freeBytes = 1e9;
    await until(() => stored.length === 1, { what: 'the commit' });
    expect(stored[0]).toMatchObject({ signal: 'traces', seq: 1, items: 1 });
    await end();
  }));

test('a store that is stopped while there is no room leaves its lane as it is', () =>
  inTempDir(async (dir) => {
    const { disk, stored, part, end } = await follower(dir);
    await until(() => disk.asked > 0, { what: 'a look at the free space' });
    await end();
    expect(stored).toEqual([]);
    expect(part.position).toBeUndefined();
  }));
