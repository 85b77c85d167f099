import { expect, test } from '@jest/globals';
import { batchOf, openLane, readAll, TestDisk } from '../../test/crash/segment-lane.ts';
import { MemoryLog } from '../../test/fakes/runtime.ts';
import { inTempDir } from '../../test/fakes/temp-dir.ts';
import { closeLanes } from './lanes.ts';

test('a queue whose disk takes nothing any more is closed as it is, which is said, and has what was acknowledged', () =>
  inTempDir(async (dir) => {
    const disk = new TestDisk();
    const log = new MemoryLog();
    const lane = await openLane(dir, { disk });
    const cursor = await lane.attach({ output: 'o', onFull: 'block', start: 'end' });
    await lane.append(batchOf('a'));
    disk.failing = { call: 'write', code: 'ENOSPC' };
    const refused = [lane.append(batchOf('b')), cursor.advance({ seq: 1, cumItems: 1, delivered: 1 })];
    const ends = Promise.allSettled(refused);
    await closeLanes([lane], () => log);
    expect((await ends).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(log.at('error').at(-1)).toMatchObject({
      fields: { signal: lane.signal, reason: expect.stringContaining('ENOSPC') },
    });
    const again = await openLane(dir);
    await again.attach({ output: 'o', onFull: 'block', start: 'end' });
    const { payloads, losses } = await readAll(again);
    expect([payloads, losses]).toEqual([['a'], []]);
    await again.close();
  }));
