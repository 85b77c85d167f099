import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
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

function missedBytes(): number | undefined {
  return rig.runtime.meter.value('meshbridge_log_missed_bytes_total');
}

describe('rotation by rename', () => {
  test('contrib#35137: in the middle of writing loses and doubles nothing', async () => {
    logs.write('1', '2');
    await rig.turn();
    logs.write('3');
    const rotated = logs.rename();
    logs.append(logs.line('4'), rotated);
    await rig.turn();
    logs.append(logs.line('5'), rotated);
    logs.create();
    await rig.turn();
    logs.append(logs.line('6'), rotated);
    logs.write('7');
    await rig.rest();
    expect(rig.texts).toEqual(['1', '2', '3', '4', '5', '6', '7']);
  });

  test('fluent-bit#1108: that a look falls into, so that it finds the file under neither name, doubles nothing', async () => {
    logs.write('1', '2');
    await rig.turn();
    const rotated = logs.rename();
    logs.create();
    logs.write('3');
    const aside = join(dir.path, 'aside');
    renameSync(logs.path(rotated), aside);
    await rig.turn();
    await rig.pass(1_000);
    renameSync(aside, logs.path(rotated));
    await rig.rest();
    expect(rig.texts).toEqual(['1', '2', '3']);
  });

  test('of a file that had been read to its end long ago, which a look does not find, doubles nothing', async () => {
    logs.write('1');
    await rig.turn();
    const rotated = logs.rotate();
    logs.write('2');
    await rig.rest();
    const aside = join(dir.path, 'aside');
    renameSync(logs.path(rotated), aside);
    await rig.turn();
    renameSync(aside, logs.path(rotated));
    await rig.rest();
    expect(rig.texts).toEqual(['1', '2']);
  });

  test('of a file that grew after it was let go, and that is not found when it is to be read, loses nothing', async () => {
    logs.write('1');
    await rig.turn();
    const rotated = logs.rotate();
    logs.write('3');
    await rig.rest();
    rig.runtime.overload();
    logs.append(logs.line('4'));
    await rig.turn();
    logs.append(logs.line('2'), rotated);
    await rig.look();
    const aside = join(dir.path, 'aside');
    renameSync(logs.path(rotated), aside);
    await rig.look();
    rig.runtime.recover();
    await rig.pass(2_000);
    renameSync(aside, logs.path(rotated));
    await rig.rest();
    expect(rig.texts.toSorted()).toEqual(['1', '2', '3', '4']);
  });

  test('that a look falls into is known after a crash as well', async () => {
    logs.write('1', '2');
    await rig.turn();
    const rotated = logs.rename();
    logs.create();
    logs.write('3');
    const aside = join(dir.path, 'aside');
    renameSync(logs.path(rotated), aside);
    await rig.turn();
    await rig.pass(1_000);
    logs.write('4');
    await rig.turn();
    expect(rig.texts).toEqual(['1', '2', '3', '4']);
    rig = await rig.crash();
    renameSync(aside, logs.path(rotated));
    await rig.rest();
    expect(rig.texts).toEqual([]);
  });

  test('contrib#35137: waits a while for a runtime that still writes to the renamed file', async () => {
    logs.write('1');
    await rig.turn();
    const rotated = logs.rotate();
    logs.write('3');
    await rig.turn();
    logs.append(logs.line('2'), rotated);
    await rig.rest();
    expect(rig.texts).toEqual(['1', '2', '3']);
  });

  test('keeps a line whole whose first half is in the old file and whose end is in the new one', async () => {
    logs.append(logs.line('first half, ', 'P'));
    await rig.turn();
    logs.rotate();
    logs.append(logs.line('second half'));
    await rig.rest();
    expect(rig.texts).toEqual(['first half, second half']);
  });

  test('vector#7934: twice between two looks finds the file in between', async () => {
    logs.write('1');
    await rig.turn();
    logs.write('2');
    logs.rotate();
    logs.write('3');
    logs.rotate();
    logs.write('4');
    await rig.rest();
    expect(rig.texts).toEqual(['1', '2', '3', '4']);
  });

  test('fluent-bit#2110: twice while the lane is full is read when there is room again', async () => {
    logs.write('1');
    await rig.turn();
    rig.runtime.overload();
    logs.write('2');
    await rig.turn();
    for (const text of ['3', '4']) {
      logs.rotate();
      logs.write(text);
      await rig.turn();
    }
    expect(rig.texts).toEqual(['1']);
    rig.runtime.recover();
    await rig.rest();
    expect(rig.texts).toEqual(['1', '2', '3', '4']);
  });

  test('contrib#46105: is drained from the descriptor when the kubelet compresses the file before it was read', async () => {
    logs.write('1');
    await rig.turn();
    rig.runtime.overload();
    logs.write('2');
    const rotated = logs.rotate();
    await rig.turn();
    writeFileSync(logs.path(`${rotated}.gz`), gzipSync(readFileSync(logs.path(rotated))));
    logs.remove(rotated);
    logs.write('3');
    await rig.turn();
    rig.runtime.recover();
    await rig.rest();
    expect(rig.texts).toEqual(['1', '2', '3']);
    expect(missedBytes()).toBe(0);
  });

  test('splunk-otel-collector-chart#1690: reads rotated files that nobody has read, the oldest first, and docker’s by falling number', async () => {
    logs.append(logs.line('3'), '0.log.20261121-000003');
    logs.append(logs.line('2'), '0.log.20261121-000002');
    logs.append(logs.line('never'), '0.log.20261121-000001.tmp');
    logs.write('4');
    logs.append(logs.line('b'), '1.log.1');
    logs.append(logs.line('a'), '1.log.10');
    logs.append(logs.line('c'), '1.log');
    await rig.rest();
    const of = (wanted: RegExp): readonly string[] => rig.texts.filter((text) => wanted.test(text));
    expect(of(/\d/)).toEqual(['2', '3', '4']);
    expect(of(/\D/)).toEqual(['a', 'b', 'c']);
  });

  test('does not wait out the grace for a file whose successor was written much later', async () => {
    logs.append(logs.line('1'), '0.log.20261121-000001');
    utimesSync(logs.path('0.log.20261121-000001'), new Date(0), new Date(0));
    logs.write('2');
    await rig.turn();
    await rig.turn();
    expect(rig.texts).toEqual(['1', '2']);
  });

  test('vector#8101: leaves a file that is done alone, and lets go of its descriptor', async () => {
    logs.write('1');
    await rig.turn();
    logs.rotate();
    logs.write('2');
    await rig.rest();
    await rig.pass(10_000);
    expect(rig.texts).toEqual(['1', '2']);
    const open = rig.collector.logs.flatMap((log) => log.files.filter((file) => file.isOpen));
    expect(open.map((file) => file.seen.name)).toEqual(['0.log']);
  });

  test('contrib#2946: finds a file again that grows after it was taken for done', async () => {
    logs.write('1');
    await rig.turn();
    const rotated = logs.rotate();
    logs.write('2');
    await rig.rest();
    logs.append(logs.line('late'), rotated);
    await rig.rest();
    expect(rig.texts).toEqual(['1', '2', 'late']);
  });
});

describe('truncation in place', () => {
  test('loki#6503: reads the new content from its beginning', async () => {
    logs.write('1', '2');
    await rig.turn();
    logs.truncate();
    await rig.turn();
    logs.write('3');
    await rig.rest();
    expect(rig.texts).toEqual(['1', '2', '3']);
    expect(missedBytes()).toBe(0);
  });

  test('loki#8039: is noticed though the file is longer than before by then', async () => {
    logs.write(...Array.from({ length: 40 }, (_, i) => `old ${i}`));
    await rig.turn();
    logs.truncate();
    logs.write(...Array.from({ length: 60 }, (_, i) => `new ${i}`));
    await rig.rest();
    expect(rig.texts.slice(40)).toEqual(Array.from({ length: 60 }, (_, i) => `new ${i}`));
  });

  test('loki#9864: is noticed after a restart, before anything was read', async () => {
    logs.write(...Array.from({ length: 40 }, (_, i) => `old ${i}`));
    await rig.turn();
    rig = await rig.crash();
    await rig.look();
    await rig.collector.settled();
    logs.truncate();
    logs.write(...Array.from({ length: 60 }, (_, i) => `new ${i}`));
    await rig.rest();
    expect(rig.texts).toEqual(Array.from({ length: 60 }, (_, i) => `new ${i}`));
  });

  test('loki#394: of bytes that were not read yet is counted', async () => {
    logs.write('1');
    await rig.turn();
    rig.runtime.overload();
    const unread = logs.line('never read');
    logs.append(unread);
    await rig.turn();
    logs.truncate();
    logs.write('2');
    rig.runtime.recover();
    await rig.rest();
    expect(rig.records).toEqual(['1', '2']);
    expect(rig.gaps).toEqual([expect.stringContaining(`${Buffer.byteLength(unread)} bytes of 0.log, truncated`)]);
    expect(missedBytes()).toBe(Buffer.byteLength(unread));
    expect(rig.runtime.log.at('error')).toHaveLength(1);
  });

  test.each(['before', 'after'])('after a copy that is found %s it goes on in the copy', async (found) => {
    logs.write('1', '2', '3', '4');
    await rig.turn();
    rig.runtime.overload();
    logs.write('5', '6');
    await rig.turn();
    copyFileSync(logs.path(), logs.path('0.log.1'));
    if (found === 'before') {
      await rig.turn();
    }
    logs.truncate();
    logs.write('7');
    rig.runtime.recover();
    await rig.rest();
    expect([...rig.texts].sort()).toEqual(['1', '2', '3', '4', '5', '6', '7']);
    expect(missedBytes()).toBe(0);
  });

  test('contrib#46496: does not read a copy that stays', async () => {
    logs.write('1', '2', '3');
    await rig.turn();
    copyFileSync(logs.path(), logs.path('0.log.1'));
    await rig.rest();
    logs.write('4');
    await rig.rest();
    expect(rig.texts).toEqual(['1', '2', '3', '4']);
  });
});

describe('deletion', () => {
  test('fluent-bit#3702: drains what was written, then lets go of the descriptor and the position', async () => {
    logs.write('1');
    await rig.turn();
    logs.write('2');
    logs.append(logs.line('end without newline', 'P'));
    logs.append('2026-11-21T09:39:09Z stdout F torn');
    logs.removePod();
    await rig.rest();
    await rig.turn();
    expect(rig.texts).toEqual(['1', '2', 'end without newlinetorn']);
    expect(rig.collector.logs).toEqual([]);
    expect(rig.runtime.positions('logs', '').size).toBe(0);
  });

  test('fluent-bit#4895, #8025, #11455: and a new file of the same name and inode is another file', async () => {
    const inodes = new Set<string>();
    const wanted: string[] = [];
    for (let i = 0; i < 8; i++) {
      logs.write(`line ${i}`);
      wanted.push(`line ${i}`);
      await rig.turn();
      inodes.add(rig.collector.logs[0]!.files.at(-1)!.id);
      logs.remove();
      await rig.pass(8_000);
    }
    await rig.rest();
    expect(rig.texts).toEqual(wanted);
  });

  test('vector#20541: of a short-lived container’s log after one look loses nothing', async () => {
    logs.write('1', '2', '3');
    await rig.look();
    logs.removePod();
    await rig.rest();
    expect(rig.texts).toEqual(['1', '2', '3']);
  });

  test('vector#22143: while the lane is full keeps the file until it is read', async () => {
    rig.runtime.overload();
    logs.write('1');
    await rig.turn();
    logs.removePod();
    await rig.pass(60_000);
    rig.runtime.recover();
    await rig.rest();
    expect(rig.texts).toEqual(['1']);
  });
});

describe('docker’s files behind a link', () => {
  test('are followed over rotation in docker’s own directory', async () => {
    const docker = join(dir.path, '../', `${dir.path.split('/').at(-1)}-docker`);
    mkdirSync(docker);
    const own = (text: string): string =>
      `${JSON.stringify({ log: `${text}\n`, stream: 'stderr', time: '2026-11-21T09:39:00.5Z' })}\n`;
    const active = join(docker, 'abc-json.log');
    writeFileSync(active, own('1'));
    symlinkSync(active, logs.path());
    await rig.turn();
    appendFileSync(active, own('2'));
    renameSync(active, `${active}.1`);
    writeFileSync(active, own('3'));
    await rig.rest();
    renameSync(`${active}.1`, `${active}.2`);
    renameSync(active, `${active}.1`);
    writeFileSync(active, own('4'));
    await rig.rest();
    expect(rig.texts).toEqual(['1', '2', '3', '4']);
    expect(rig.lines[0]).toMatchObject({ stream: 'stderr', container: 'app' });
    rmSync(docker, { recursive: true });
  });

  test('that lead to nothing are no error, and are read once they do', async () => {
    const target = join(dir.path, 'target.txt');
    symlinkSync(target, logs.path());
    await rig.turn();
    writeFileSync(target, logs.line('1'));
    await rig.turn();
    expect(rig.texts).toEqual(['1']);
  });
});
