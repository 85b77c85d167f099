import { expect, test } from '@jest/globals';
import { TestDisk } from '../../../../test/crash/segment-lane.ts';
import { HeldClock } from '../../../../test/fakes/clock.ts';
import { inTempDir } from '../../../../test/fakes/temp-dir.ts';
import { stateAfter } from '../../../../test/fakes/until.ts';
import { RecordFile } from '../../../record/writer.ts';
import { patientDisk, unlessDiskFull } from './disk-full.ts';

test.each(['ENOSPC', 'EDQUOT'])('a write that finds no room (%s) is done when there is some', (code) =>
  inTempDir(async (dir) => {
    const [disk, clock] = [new TestDisk(), new HeldClock()];
    disk.failing = { call: 'write', code, missingBytes: 3 };
    const file = RecordFile.create(`${dir}/blocks.rec`, { disk: patientDisk(clock, disk) });
    const written = file.append(Buffer.from('header'), [Buffer.from('payload')]);
    expect(await stateAfter(written, 100)).toBe('pending');
    await clock.advance(1000);
    expect(await stateAfter(written, 100)).toBe('pending');
    disk.failing = undefined;
    await clock.advance(1000);
    await written;
    expect(file.durableBytes).toBe(file.bytes);
    await file.close();
  }),
);

test('a file that finds no room is begun when there is some', () =>
  inTempDir(async (dir) => {
    const [disk, clock] = [new TestDisk(), new HeldClock()];
    disk.failing = { call: 'file', code: 'ENOSPC' };
    const begun = patientDisk(clock, disk).file(`${dir}/blocks.rec`, 'create');
    expect(await stateAfter(begun, 100)).toBe('pending');
    disk.failing = undefined;
    await clock.advance(1000);
    await (await begun).close();
  }));

test('whatever else the disk says is said at once', () =>
  inTempDir(async (dir) => {
    const disk = new TestDisk();
    disk.failing = { call: 'write', code: 'EIO' };
    const file = RecordFile.create(`${dir}/blocks.rec`, { disk: patientDisk(new HeldClock(), disk) });
    await expect(file.append(Buffer.from('header'))).rejects.toThrow('EIO');
  }));

test('work that may wait for room gives nothing where there is none, and fails for other reasons', async () => {
  const no = (code: string) => Promise.reject(Object.assign(new Error(code), { code }));
  expect(await unlessDiskFull(Promise.resolve(7))).toBe(7);
  expect(await unlessDiskFull(no('ENOSPC'))).toBeUndefined();
  await expect(unlessDiskFull(no('EROFS'))).rejects.toThrow('EROFS');
});
