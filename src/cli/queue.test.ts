import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { batchOf, openLane } from '../../test/crash/segment-lane.ts';
import { inTempDir } from '../../test/fakes/temp-dir.ts';
import type { QueueAction } from './command-line.ts';
import { queue } from './queue.ts';

async function ask(action: QueueAction, dataDir: string, json = false) {
  const out: string[] = [];
  const err: string[] = [];
  const code = await queue({ action, dataDir, json }, { out: (text) => out.push(text), err: (text) => err.push(text) });
  return { code, out: out.join('\n'), err: err.join('\n') };
}

/** A lane of ten records for one output; gives the path of its segment. */
async function filled(dataDir: string): Promise<string> {
  const dir = join(dataDir, 'queue', 'traces');
  await mkdir(dir, { recursive: true });
  const lane = await openLane(dir);
  await lane.attach({ output: 'far-side', onFull: 'drop_oldest', start: 'beginning' });
  for (let i = 0; i < 10; i++) {
    await lane.append(batchOf(`record ${i} `.padEnd(200, '.'), { items: 3 }));
  }
  await lane.close();
  const [name = ''] = await readdir(dir).then((names) => names.filter((one) => one.endsWith('.seg')));
  return join(dir, name);
}

test('inspect says what a lane holds and how far its outputs are', () =>
  inTempDir(async (dir) => {
    const segment = await filled(dir);
    const { code, out } = await ask('inspect', dir);
    expect(code).toBe(0);
    const { size } = await stat(segment);
    expect(out).toMatch(
      new RegExp(`^traces   30 items in 10 records so far; on disk 1 segment, ${size} bytes; queue [\\w-]+\\n`),
    );
    expect(out).toContain('         far-side: 0 delivered, 30 waiting, 0 lost, 0 not for it');
  }));

test('verify of a sound queue is good, and says the same as JSON', () =>
  inTempDir(async (dir) => {
    await filled(dir);
    const { code, out } = await ask('verify', dir, true);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      lanes: [
        {
          signal: 'traces',
          segments: 1,
          seq: 10,
          cumItems: 30,
          losses: [],
          tornBytes: 0,
          outputs: [{ queuedItems: 30 }],
        },
      ],
    });
    expect((await ask('verify', dir)).out.split('\n').at(-1)).toBe('good: every record can be read');
  }));

test('verify names damage to the item, changes nothing, and ends with 1', () =>
  inTempDir(async (dir) => {
    const segment = await filled(dir);
    const bytes = await readFile(segment);
    const at = bytes.indexOf('record 4 ');
    bytes[at] = 0;
    await writeFile(segment, bytes);
    const { code, out } = await ask('verify', dir);
    expect(code).toBe(1);
    expect(out).toMatch(/^ {9}damaged: \d{20}\.seg at byte \d+, \d+ bytes, 3 items: \S/m);
    expect(out.split('\n').at(-1)).toMatch(/^not good: 1 damaged place, 3 items; the daemon passes over them/);
    expect(await readFile(segment)).toEqual(bytes);
  }));

test('a torn end is named', () =>
  inTempDir(async (dir) => {
    const segment = await filled(dir);
    const bytes = await readFile(segment);
    await writeFile(segment, bytes.subarray(0, bytes.length - 1));
    const { out } = await ask('verify', dir);
    expect(out).toMatch(/the end, \d+ bytes, is no whole record; the daemon cuts it off when it starts/);
  }));

test('where there is no queue, that is said', () =>
  inTempDir(async (dir) => {
    expect(await ask('inspect', dir)).toEqual({
      code: 1,
      out: '',
      err: `meshbridge: there is no queue in ${dir}; say where it is with --data-dir`,
    });
    expect((await ask('repair', dir)).code).toBe(64);
  }));
