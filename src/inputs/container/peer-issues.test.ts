import { appendFileSync, mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { CollectorRig, PodLogs } from '../../../test/fakes/pod-logs.ts';
import { type TempDir, tempDir } from '../../../test/fakes/temp-dir.ts';

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

function lines(from: number, to: number): readonly string[] {
  return Array.from({ length: to - from + 1 }, (_, i) => `line ${from + i}`);
}

function dockerLine(log: string, time = '2026-11-21T09:39:00.5Z'): string {
  return `${JSON.stringify({ log: `${log}\n`, stream: 'stdout', time })}\n`;
}

describe('which file is which', () => {
  test('contrib#10481: two containers whose first kilobytes are the same are both read', async () => {
    const same = Array.from({ length: 100 }, () => '2026-11-21T09:39:00Z stdout F the same\n').join('');
    const other = new PodLogs(dir.path, 'default_web-2_0b7d/app');
    logs.append(same);
    other.append(same);
    await rig.turn();
    logs.append('2026-11-21T09:39:01Z stdout F one\n');
    other.append('2026-11-21T09:39:01Z stdout F two\n');
    await rig.turn();
    expect(rig.texts).toHaveLength(202);
    expect(rig.texts.filter((text) => text !== 'the same').toSorted()).toEqual(['one', 'two']);
  });

  test('contrib#46496: a container that prints the same after each restart is read after each', async () => {
    for (const restart of [0, 1, 2]) {
      logs.append(dockerLine('starting').repeat(50), `${restart}.log`);
      await rig.turn();
    }
    expect(rig.texts).toHaveLength(150);
  });

  test('vector#643: files without bytes are nobody, and are told apart once they have some', async () => {
    logs.create('0.log');
    logs.create('1.log');
    await rig.turn();
    expect(rig.runtime.positions('logs', '').size).toBe(0);
    logs.append(logs.line('a'), '1.log');
    logs.append(logs.line('b'), '0.log');
    await rig.turn();
    expect(rig.texts.toSorted()).toEqual(['a', 'b']);
  });

  test('vector#1910: files of docker that get the inode of the one before are read from their beginning', async () => {
    const wanted: string[] = [];
    for (let i = 0; i < 6; i++) {
      logs.append(dockerLine(`only line ${i}`));
      wanted.push(`only line ${i}`);
      await rig.turn();
      logs.remove();
      logs.append(dockerLine(`next line ${i}`));
      wanted.push(`next line ${i}`);
      await rig.rest();
      logs.remove();
    }
    await rig.rest();
    expect(rig.texts).toEqual(wanted);
  });

  test.each(['while it runs', 'while it is down'])(
    'fluent-bit#11455: an inode that is used again %s is no stale offset',
    async (when) => {
      logs.write(...lines(1, 30));
      await rig.turn();
      const seen = [...rig.texts];
      if (when === 'while it is down') {
        rig = await rig.crash();
        seen.splice(0, seen.length);
      }
      logs.remove();
      logs.write(...lines(31, 90));
      await rig.rest();
      expect(rig.records.slice(seen.length)).toEqual(lines(31, 90));
    },
  );

  test('vector#12014, #18710: a pod of the same name that comes again is another pod', async () => {
    logs.write('first');
    await rig.turn();
    logs.removePod();
    const again = new PodLogs(dir.path, 'default_web-1_0b7e/app');
    again.write('second');
    await rig.rest();
    again.write('third');
    await rig.turn();
    expect(rig.texts).toEqual(['first', 'second', 'third']);
    expect(rig.runtime.emitted.filter(({ items }) => items > 0).map(({ origin }) => origin.podUid)).toEqual([
      '0b7c',
      '0b7e',
      '0b7e',
    ]);
  });

  test('kubernetes#99748: restarts that a reboot has counted anew are read', async () => {
    logs.append(logs.line('before'), '3.log');
    await rig.turn();
    logs.append(logs.line('after'), '0.log');
    await rig.turn();
    expect(rig.texts).toEqual(['before', 'after']);
  });
});

describe('rotations of a kubelet and of docker', () => {
  test('kubernetes#81132: a renamed log that its runtime goes on to write for minutes is read on', async () => {
    logs.write('1');
    await rig.turn();
    const rotated = logs.rename();
    for (let i = 2; i < 10; i++) {
      await rig.pass(20_000);
      logs.append(logs.line(`${i}`), rotated);
    }
    await rig.turn();
    logs.create();
    logs.write('10');
    await rig.rest();
    expect(rig.texts).toEqual(['1', '2', '3', '4', '5', '6', '7', '8', '9', '10']);
  });

  test('kubernetes#102553: a rotated file that stays for ever is read once, and no descriptor is kept', async () => {
    logs.write('1');
    logs.rotate();
    logs.write('2');
    await rig.rest();
    await rig.pass(600_000);
    expect(rig.texts).toEqual(['1', '2']);
    expect(rig.collector.logs[0]?.files.map((file) => file.isOpen)).toEqual([false, true]);
  });

  test('kubernetes#110630: a log far above the limit is read whole', async () => {
    const block = Array.from({ length: 4_000 }, (_, i) => logs.line(`${i} ${'.'.repeat(200)}`)).join('');
    for (let i = 0; i < 12; i++) {
      logs.append(block);
    }
    await rig.rest();
    expect(rig.texts).toHaveLength(48_000);
  });

  test.each([
    ['nothing', []],
    ['a line', ['2']],
  ])(
    'a file that gets its line and is compressed between two looks is read once, with %s behind it',
    async (_, later) => {
      logs.create();
      await rig.turn();
      const rotated = logs.rename();
      logs.append(logs.line('1'), rotated);
      logs.create();
      writeFileSync(logs.path(`${rotated}.gz`), gzipSync(readFileSync(logs.path(rotated))));
      logs.remove(rotated);
      for (const text of later) {
        logs.write(text);
      }
      await rig.rest();
      await rig.pass(10_000);
      expect(rig.texts).toEqual(['1', ...later]);
    },
  );

  test('contrib#46239: while a file is there plain and compressed, it is read once', async () => {
    logs.write('1');
    const rotated = logs.rotate();
    logs.write('2');
    writeFileSync(logs.path(`${rotated}.gz`), gzipSync(readFileSync(logs.path(rotated))));
    writeFileSync(logs.path(`${rotated}.tmp`), 'half of a');
    await rig.rest();
    logs.remove(rotated);
    await rig.rest();
    rig = await rig.crash();
    await rig.rest();
    expect(rig.texts).toEqual([]);
  });

  test('fluent-bit#5114: twenty rotations between two looks, as after a stall, lose nothing', async () => {
    logs.write('start');
    await rig.turn();
    const wanted: string[] = [];
    for (let i = 0; i < 20; i++) {
      const rotated = logs.rotate();
      logs.write(`${i}`);
      wanted.push(`${i}`);
      if (i % 2 === 0) {
        writeFileSync(logs.path(`${rotated}.gz`), gzipSync(readFileSync(logs.path(rotated))));
        logs.remove(rotated);
      }
    }
    await rig.turn();
    await rig.pass(20_000);
    expect(rig.texts).toEqual(['start', ...wanted]);
  });

  test('contrib#35777: the last lines of a renamed file keep their pod and container', async () => {
    logs.write('1');
    await rig.turn();
    logs.append(logs.line('2'), logs.rename());
    logs.create();
    logs.write('3');
    await rig.rest();
    const origins = rig.runtime.emitted
      .filter(({ items }) => items > 0)
      .map(({ origin }) => `${origin.pod}/${origin.container}`);
    expect(new Set(origins)).toEqual(new Set(['web-1/app']));
    expect(rig.texts).toEqual(['1', '2', '3']);
  });

  test('contrib#2946: the target of a link that is rotated is followed, and what was rotated away is finished', async () => {
    const docker = join(dir.path, 'docker');
    mkdirSync(docker);
    const active = join(docker, 'c-json.log');
    writeFileSync(active, dockerLine('1'));
    symlinkSync(active, logs.path());
    await rig.turn();
    appendFileSync(active, dockerLine('2', '2026-11-21T09:39:01.5Z'));
    renameSync(active, `${active}.1`);
    writeFileSync(active, dockerLine('3', '2026-11-21T09:39:02.5Z'));
    await rig.rest();
    expect(rig.texts).toEqual(['1', '2', '3']);
  });
});

describe('lines', () => {
  test('contrib#31512: CRI-O’s times with an offset are times', async () => {
    logs.append('2026-11-21T04:39:00.250000000-05:00 stdout F with an offset\n');
    await rig.turn();
    expect(rig.lines[0]).toMatchObject({
      text: 'with an offset',
      time: `${Date.UTC(2026, 10, 21, 9, 39) / 1000}.250000000`,
    });
  });

  test('contrib#4849, #32170: a line whose end comes long after its beginning is one line', async () => {
    const [head = '', tail = ''] = logs.line('first half and second half').split(' half and');
    logs.append(`${head} half and`);
    await rig.pass(60_000);
    expect(rig.texts).toEqual([]);
    logs.append(tail);
    await rig.turn();
    expect(rig.texts).toEqual(['first half and second half']);
  });

  test('contrib#35042: a record of many fragments that takes longer than the wait for its end is not cut while it grows', async () => {
    for (let i = 0; i < 10; i++) {
      logs.append(logs.line(`${i},`, 'P'));
      await rig.pass(2_000);
    }
    logs.append(logs.line('end'));
    await rig.turn();
    expect(rig.texts).toEqual(['0,1,2,3,4,5,6,7,8,9,end']);
  });

  test('contrib#14118: a record of thousands of fragments is whole', async () => {
    const piece = '.'.repeat(100);
    logs.append(Array.from({ length: 5_000 }, () => logs.line(piece, 'P')).join('') + logs.line('end'));
    await rig.turn();
    expect(rig.texts.map((text) => text.length)).toEqual([500_003]);
  });

  test('fluent-bit#10435: one line above all limits does not stop its file', async () => {
    logs.append(logs.line('x'.repeat(5_000_000)) + logs.line('next'));
    await rig.rest();
    expect(rig.lines.map(({ truncated, bytes }) => [truncated, bytes.length])).toEqual([
      [true, 1_048_576],
      [false, 4],
    ]);
  });

  test('containerd#4813: output that ends without a newline is given out though the agent restarts all the time', async () => {
    logs.append(logs.line('no newline', 'P'));
    const seen: string[] = [];
    for (let life = 0; life < 8; life++) {
      await rig.turn();
      await rig.pass(1_000);
      seen.push(...rig.texts);
      if (life === 4) {
        // The file’s own time tells how long nothing has come.
        rig.clock.step(Date.now() + 10_000 - rig.clock.now());
      }
      rig = await rig.crash();
    }
    expect(seen).toEqual(['no newline']);
  });
});

describe('time and load', () => {
  test('alloy#7192: a quiet log says nothing again, by the hour or by the day', async () => {
    logs.write('only line');
    await rig.turn();
    for (let hour = 0; hour < 48; hour++) {
      await rig.clock.advance(3_600_000);
      await rig.turn();
    }
    expect(rig.texts).toEqual(['only line']);
  });

  test('alloy#1728: a lane that refuses over a rotation does not stop the log for good', async () => {
    logs.write('1');
    await rig.turn();
    for (let i = 2; i < 8; i++) {
      rig.runtime.overload();
      logs.write(`${i}`);
      await rig.turn();
      logs.rotate();
      await rig.turn();
      rig.runtime.recover();
      await rig.pass(2_000);
    }
    logs.write('8');
    await rig.rest();
    expect(rig.texts).toEqual(['1', '2', '3', '4', '5', '6', '7', '8']);
  });

  test('fluent-bit#5382: hundreds of containers that start at once are all read, without any event of a directory', async () => {
    for (let i = 0; i < 300; i++) {
      new PodLogs(dir.path, `default_web-${i}_uid-${i}/app`).write(`of ${i}`);
    }
    await rig.turn();
    expect(new Set(rig.texts).size).toBe(300);
  });

  test('vector#6305, #19293: nothing of a deleted pod is held once it is read', async () => {
    const before = readdirSync('/proc/self/fd').length;
    const pods = Array.from({ length: 50 }, (_, i) => new PodLogs(dir.path, `default_job-${i}_uid-${i}/app`));
    for (const pod of pods) {
      pod.write('done');
    }
    await rig.turn();
    for (const pod of pods) {
      pod.removePod();
    }
    await rig.rest();
    await rig.pass(5_000);
    expect(rig.collector.logs).toEqual([]);
    expect(readdirSync('/proc/self/fd').length).toBeLessThanOrEqual(before + 2);
  });

  test('containerd#10692: a pod that lives for less than a second is read to its end if one look saw it', async () => {
    logs.append(logs.line('short', 'P'));
    await rig.look();
    logs.removePod();
    await rig.rest();
    expect(rig.texts).toEqual(['short']);
  });
});
