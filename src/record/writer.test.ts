import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { TestDisk } from '../../test/crash/segment-lane.ts';
import { inTempDir } from '../../test/fakes/temp-dir.ts';
import { stateAfter } from '../../test/fakes/until.ts';
import { hasCode } from '../contract/errors.ts';
import { recordBytes } from './frame.ts';
import { scan } from './scanner.ts';
import { RecordFile } from './writer.ts';

async function headersIn(path: string): Promise<string[]> {
  return [...scan(await readFile(path))].map((e) => (e.kind === 'record' ? e.header.toString() : e.kind));
}

describe('natural group commit', () => {
  test('what comes in one turn of the loop goes to disk by one write and one fdatasync', () =>
    inTempDir(async (dir) => {
      const disk = new TestDisk();
      const file = RecordFile.create(join(dir, 'a.rec'), { disk });
      const done = Array.from({ length: 100 }, (_, i) => file.append(Buffer.from(`r${i}`)));
      await Promise.all(done);
      expect([disk.writes, disk.datasyncs, disk.dirSyncs]).toEqual([1, 1, 1]);
      expect(await headersIn(file.path)).toHaveLength(100);
      await file.close();
    }));

  test('what comes while a commit runs shares the next one, and nobody is told before its own', () =>
    inTempDir(async (dir) => {
      const disk = new TestDisk();
      const gate = Promise.withResolvers<void>();
      disk.hold = gate.promise;
      const began: number[] = [];
      const file = RecordFile.create(join(dir, 'a.rec'), {
        disk,
        listener: { began: () => began.push(file.bytes) },
      });
      const first = file.append(Buffer.from('first'));
      while (disk.datasyncs === 0) {
        await new Promise((resolve) => setImmediate(resolve));
      }
      const later = ['second', 'third'].map((text) => file.append(Buffer.from(text)));
      expect(await stateAfter(Promise.race([first, ...later]), 5)).toBe('pending');
      expect(file.durableBytes).toBe(0);
      gate.resolve();
      await first;
      await Promise.all(later);
      expect([disk.writes, disk.datasyncs]).toEqual([2, 2]);
      expect(began).toHaveLength(2);
      expect(file.durableBytes).toBe(file.bytes);
      await file.close();
    }));

  test('the caller may use its buffers again at once', () =>
    inTempDir(async (dir) => {
      const file = RecordFile.create(join(dir, 'a.rec'));
      const header = Buffer.from('header');
      const payload = Buffer.from('payload');
      const done = file.append(header, [payload]);
      header.fill(0);
      payload.fill(0);
      await done;
      const [event] = scan(await readFile(file.path));
      expect(event?.kind === 'record' && `${event.header} ${event.payload}`).toBe('header payload');
      await file.close();
    }));

  test('a record larger than any buffer is written, and so is what follows it', () =>
    inTempDir(async (dir) => {
      const file = RecordFile.create(join(dir, 'a.rec'));
      const big = Buffer.alloc(5 * 1024 * 1024, 7);
      await Promise.all([file.append(Buffer.from('big'), [big]), file.append(Buffer.from('small'))]);
      await file.append(Buffer.from('after'));
      expect(file.durableBytes).toBe(recordBytes(3, big.length) + recordBytes(5, 0) + recordBytes(5, 0));
      expect(await headersIn(file.path)).toEqual(['big', 'small', 'after']);
      await file.close();
    }));
});

describe('a disk that fails', () => {
  test.each(['write', 'datasync', 'file'] as const)(
    'a failed %s rejects all that waits, and the file stays failed',
    (call) =>
      inTempDir(async (dir) => {
        const disk = new TestDisk();
        disk.failing = { call, code: 'EIO' };
        const file = RecordFile.create(join(dir, 'a.rec'), { disk });
        const waiting = [file.append(Buffer.from('a')), file.append(Buffer.from('b'))];
        for (const one of waiting) {
          await expect(one).rejects.toMatchObject({ code: 'EIO' });
        }
        disk.failing = undefined;
        expect(file.failed).toBe(true);
        await expect(file.append(Buffer.from('c'))).rejects.toMatchObject({ code: 'EIO' });
        await expect(file.flush()).rejects.toMatchObject({ code: 'EIO' });
        await expect(file.close()).rejects.toMatchObject({ code: 'EIO' });
        expect(file.durableBytes).toBe(0);
      }),
  );

  test('nothing is written before the file it follows is durable, nor after that one failed', () =>
    inTempDir(async (dir) => {
      const disk = new TestDisk();
      const before = Promise.withResolvers<void>();
      const file = RecordFile.create(join(dir, 'a.rec'), { disk, after: before.promise });
      const done = file.append(Buffer.from('a'));
      expect(await stateAfter(done, 10)).toBe('pending');
      expect(disk.writes).toBe(0);
      before.reject(new Error('the one before failed'));
      await expect(done).rejects.toThrow('the one before failed');
      expect(disk.writes).toBe(0);
    }));
});

test('an existing file is gone on in behind what is good, and the rest is cut off', () =>
  inTempDir(async (dir) => {
    const path = join(dir, 'a.rec');
    const first = RecordFile.create(path);
    await first.append(Buffer.from('one'));
    await first.close();
    const good = first.bytes;
    await writeFile(path, Buffer.concat([await readFile(path), Buffer.from('rubbish')]));
    const disk = new TestDisk();
    const again = await RecordFile.open(path, good, { disk });
    expect(disk.datasyncs).toBe(1);
    await again.append(Buffer.from('two'));
    await again.close();
    expect(await headersIn(path)).toEqual(['one', 'two']);
  }));

test('a file that is there is not written over', () =>
  inTempDir(async (dir) => {
    const path = join(dir, 'a.rec');
    await writeFile(path, 'precious');
    const file = RecordFile.create(path);
    await expect(file.append(Buffer.from('a'))).rejects.toMatchObject({ code: 'EEXIST' });
    expect(await readFile(path, 'utf8')).toBe('precious');
  }));

test('flush and close wait for what was appended, and do not hang when nothing was', () =>
  inTempDir(async (dir) => {
    const file = RecordFile.create(join(dir, 'a.rec'));
    await file.flush();
    const done = file.append(Buffer.from('a'));
    await file.flush();
    expect(file.durableBytes).toBe(file.bytes);
    await done;
    const last = file.append(Buffer.from('b'));
    await file.close();
    expect(file.durableBytes).toBe(file.bytes);
    await last;
    await file.close();
    await expect(file.append(Buffer.from('c'))).rejects.toThrow('closed');
  }));

test('a record past the caps is refused and the file goes on', () =>
  inTempDir(async (dir) => {
    const file = RecordFile.create(join(dir, 'a.rec'));
    let thrown: unknown;
    try {
      void file.append(Buffer.alloc(2 * 1024 * 1024));
    } catch (error) {
      thrown = error;
    }
    expect(hasCode(thrown, 'BRIDGE_TOO_LARGE')).toBe(true);
    await file.append(Buffer.from('a'));
    expect(await headersIn(file.path)).toEqual(['a']);
    await file.close();
  }));
