import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { CollectorRig, linesOf, PodLogs } from '../../../test/fakes/pod-logs.ts';
import { type TempDir, tempDir } from '../../../test/fakes/temp-dir.ts';
import { until } from '../../../test/fakes/until.ts';

let dir: TempDir;
let logs: PodLogs;
let rig: CollectorRig;

beforeEach(async () => {
  dir = await tempDir();
  logs = new PodLogs(dir.path);
  rig = new CollectorRig(dir.path);
});

afterEach(async () => {
  await rig.stop();
  await dir.remove();
});

async function crash(): Promise<void> {
  rig = await rig.crash();
}

/** As the kubelet does with a rotated file at the rotation after it. */
function compress(rotated: string, damage: (bytes: Buffer) => Buffer = (bytes) => bytes): void {
  writeFileSync(logs.path(`${rotated}.gz`), damage(gzipSync(readFileSync(logs.path(rotated)))));
  logs.remove(rotated);
}

function lines(from: number, to: number): readonly string[] {
  return Array.from({ length: to - from + 1 }, (_, i) => `line ${from + i}`);
}

function missedBytes(): number {
  return rig.runtime.meter.value('meshbridge_log_missed_bytes_total') ?? 0;
}

describe('compressed files', () => {
  test('contrib#46105: go on in the middle, at the offset in what they hold', async () => {
    logs.write(...lines(1, 3_000));
    await rig.turn();
    await crash();
    logs.write(...lines(3_001, 6_000));
    compress(logs.rotate());
    logs.write('last');
    await rig.rest();
    expect(rig.texts).toEqual([...lines(3_001, 6_000), 'last']);
  });

  test('contrib#50167: two rotations while nobody looks lose nothing', async () => {
    logs.write('1');
    await rig.turn();
    await crash();
    logs.write('2');
    const first = logs.rotate();
    logs.write(...lines(1, 3_000));
    const second = logs.rotate();
    compress(first);
    logs.write('4');
    compress(second);
    logs.rotate();
    logs.write('5');
    await rig.rest();
    expect(rig.texts).toEqual(['2', ...lines(1, 3_000), '4', '5']);
    await crash();
    await rig.rest();
    expect(rig.texts).toEqual([]);
  });

  test('vector#20798: of an earlier life are not read again, whether they were compressed before or after it', async () => {
    logs.write('1');
    await rig.turn();
    const first = logs.rotate();
    logs.write('2');
    await rig.rest();
    compress(first);
    const second = logs.rotate();
    logs.write('3');
    await rig.rest();
    await crash();
    compress(second);
    logs.write('4');
    await rig.rest();
    expect(rig.texts).toEqual(['4']);
    await crash();
    await rig.rest();
    expect(rig.texts).toEqual([]);
  });

  test('contrib#46239: that hold more than was read of their original are read on', async () => {
    logs.write('1');
    await rig.turn();
    const rotated = logs.rotate();
    logs.write('3');
    await rig.rest();
    logs.append(logs.line('2, written late'), rotated);
    compress(rotated);
    await rig.rest();
    expect(rig.texts).toEqual(['1', '3', '2, written late']);
  });

  test('contrib#46105: of a file that is read itself are no second copy', async () => {
    logs.write('1');
    await rig.turn();
    const rotated = logs.rotate();
    logs.write('2');
    writeFileSync(logs.path(`${rotated}.gz`), gzipSync(readFileSync(logs.path(rotated))));
    await rig.rest();
    logs.remove(rotated);
    await rig.rest();
    logs.write('3');
    await rig.rest();
    expect(rig.texts).toEqual(['1', '2', '3']);
  });

  test('that are there at the first start are read, the oldest first', async () => {
    logs.write('1');
    compress(logs.rotate());
    logs.write('2');
    compress(logs.rotate());
    logs.write('3');
    await rig.rest();
    expect(rig.texts).toEqual(['1', '2', '3']);
  });

  test('that are there at the first start are left out when it begins at the end, in later lives too', async () => {
    const options = { from: 'end' as const };
    rig = new CollectorRig(dir.path, options);
    logs.write('1');
    compress(logs.rotate());
    logs.write('2');
    await rig.rest();
    logs.write('3');
    await rig.rest();
    await crash();
    logs.write('4');
    await rig.rest();
    expect(rig.texts).toEqual(['4']);
  });

  test('that a rotation replaces while the lane is full are read from the descriptor, and not twice', async () => {
    logs.write('1');
    await rig.turn();
    rig.runtime.overload();
    logs.write('2');
    const first = logs.rotate();
    logs.write('3');
    await rig.turn();
    compress(first);
    const second = logs.rotate();
    logs.write('4');
    await rig.turn();
    compress(second);
    logs.rotate();
    logs.write('5');
    await rig.turn();
    rig.runtime.recover();
    await rig.pass(2_000);
    await rig.rest();
    expect(rig.texts).toEqual(['1', '2', '3', '4', '5']);
  });

  test('of many logs at once are all read, a few at a time', async () => {
    const pods = Array.from({ length: 12 }, (_, i) => new PodLogs(dir.path, `default_web-${i}_0b7c/app`));
    for (const pod of pods) {
      pod.write(...lines(1, 5_000));
      const rotated = pod.rotate();
      writeFileSync(pod.path(`${rotated}.gz`), gzipSync(readFileSync(pod.path(rotated))));
      pod.remove(rotated);
      pod.write('last');
    }
    await rig.turn();
    await rig.pass(20_000);
    expect(rig.texts.filter((text) => text === 'last')).toHaveLength(pods.length);
    expect(rig.texts).toHaveLength(pods.length * 5_001);
  });
});

describe('a gap', () => {
  test('of a damaged file is said once, behind what could be read of it', async () => {
    logs.write('1');
    await rig.turn();
    await crash();
    logs.write(...Array.from({ length: 20_000 }, (_, i) => `line ${i} ${Math.sin(i)}`));
    compress(logs.rotate(), (bytes) => bytes.subarray(0, bytes.length / 2));
    logs.write('last');
    await rig.rest();
    expect(rig.records.length).toBeGreaterThan(5_000);
    expect(rig.records.at(-1)).toBe('last');
    expect(rig.gaps).toEqual([
      expect.stringMatching(/unknown number of bytes of 0[.]log[.]2026.*[.]gz, in a damaged file/),
    ]);
    expect(rig.runtime.log.at('error')).toHaveLength(1);
    await crash();
    await rig.rest();
    expect(rig.texts).toEqual([]);
  });

  test('of a file that is no gzip at all is said once, and what comes before it once nobody asks again', async () => {
    logs.write('1');
    await rig.turn();
    await crash();
    logs.write('2');
    compress(logs.rotate(), () => Buffer.alloc(4_096, 7));
    logs.write('3');
    await rig.rest();
    expect(rig.records).toEqual(['3']);
    expect(rig.gaps.some((gap) => gap.includes('in a damaged file'))).toBe(true);
    const before = rig.gaps.length;
    await rig.rest();
    expect(rig.gaps).toHaveLength(before);
  });

  test('is said of a file that was rotated away and deleted while nobody looked, with the times between which it lies', async () => {
    logs.write('1', '2');
    await rig.turn();
    await crash();
    logs.write('3');
    rmSync(logs.path(logs.rotate()));
    logs.write('4');
    await rig.rest();
    expect(rig.records).toEqual(['4']);
    expect(rig.gaps).toEqual([
      '[meshbridge] gap: an unknown number of bytes of 0.log, deleted before they were read, ' +
        'between 2026-11-21T09:39:00.000002000Z and 2026-11-21T09:39:00.000004000Z',
    ]);
    expect(rig.lines.find((line) => line.gap)).toMatchObject({
      time: `${Date.UTC(2026, 10, 21, 9, 39) / 1000}.000002000`,
    });
    expect(missedBytes()).toBe(0);
  });

  test('lies between the records that it is missing between, however many short lives follow', async () => {
    logs.write('1');
    await rig.turn();
    await crash();
    rmSync(logs.path(logs.rotate()));
    for (let life = 0; life < 5; life++) {
      logs.write(`life ${life}`);
      await rig.turn();
      await crash();
    }
    await rig.rest();
    expect(rig.gaps).toEqual([
      expect.stringMatching(/between 2026-11-21T09:39:00.000001000Z and 2026-11-21T09:39:00.000002000Z/),
    ]);
  });

  test('counts the bytes that had been seen, and survives a lane that is full', async () => {
    logs.write('1');
    await rig.turn();
    rig.runtime.overload();
    const unread = logs.line('2');
    logs.append(unread);
    await rig.turn();
    logs.truncate();
    await rig.pass(10_000);
    expect(rig.gaps).toEqual([]);
    rig.runtime.recover();
    logs.write('3');
    await rig.rest();
    expect(rig.records).toEqual(['1', '3']);
    expect(rig.gaps).toEqual([expect.stringContaining(`${Buffer.byteLength(unread)} bytes of 0.log, truncated away`)]);
    expect(missedBytes()).toBe(Buffer.byteLength(unread));
  });

  test('that was emitted but is not durable is said by the next life', async () => {
    logs.write('1');
    await rig.turn();
    await crash();
    rmSync(logs.path(logs.rotate()));
    logs.write('2');
    await rig.turn();
    rig.runtime.hold();
    await rig.clock.advance(6_000);
    await rig.look();
    await until(() => rig.runtime.held.some((emission) => linesOf(emission).some((line) => line.gap)));
    await crash();
    await rig.rest();
    expect(rig.gaps).toHaveLength(1);
    await crash();
    await rig.rest();
    expect(rig.gaps).toEqual([]);
  });

  test('is not said of a file that was read to its end before it went', async () => {
    logs.write('1');
    await rig.turn();
    const first = logs.rotate();
    logs.write('2');
    await rig.rest();
    logs.remove(first);
    await rig.rest();
    await crash();
    await rig.rest();
    expect(rig.gaps).toEqual([]);
  });

  test('is said of restarts whose logs came and went while nobody looked', async () => {
    logs.append(logs.line('a'), '0.log');
    logs.append(logs.line('b'), '1.log');
    await rig.turn();
    await crash();
    logs.remove('0.log');
    logs.remove('1.log');
    logs.append(logs.line('e'), '4.log');
    await rig.turn();
    expect(rig.texts).toEqual([
      '[meshbridge] gap: an unknown number of bytes of 2.log to 3.log, of restarts whose logs are gone, ' +
        'between 2026-11-21T09:39:00.000002000Z and 2026-11-21T12:00:00.000000000Z',
      'e',
    ]);
  });

  test('vector#17563: is not said of a crash loop that was watched all along', async () => {
    for (let restart = 0; restart < 5; restart++) {
      logs.append(logs.line(`${restart}`), `${restart}.log`);
      await rig.turn();
      if (restart > 1) {
        logs.remove(`${restart - 2}.log`);
      }
      await rig.pass(10_000);
    }
    expect(rig.texts).toEqual(['0', '1', '2', '3', '4']);
  });
});

describe('deleted files that are held open', () => {
  test.each([
    ['for too long', { ms: 60_000, bytes: 1e9 }, 61_000],
    ['and take too much room', { ms: 3_600_000, bytes: 30 }, 1_000],
  ])('vector#22143: %s are let go, and what is left in them is counted', async (_, pinned, ms) => {
    rig = new CollectorRig(dir.path, { pinned });
    rig.runtime.overload();
    const unread = logs.line('1');
    logs.append(unread);
    await rig.turn();
    logs.removePod();
    await rig.look();
    await rig.pass(ms);
    rig.runtime.recover();
    await rig.pass(3_000);
    expect(rig.texts).toEqual([
      expect.stringContaining(`${Buffer.byteLength(unread)} bytes of 0.log, of a deleted file`),
    ]);
    expect(missedBytes()).toBe(Buffer.byteLength(unread));
    expect(rig.collector.logs).toEqual([]);
    expect(rig.runtime.positions('logs', '').size).toBe(0);
  });
});
