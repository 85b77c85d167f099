/**
 * A store on a file system of its own that becomes full in the middle of its work: `node full-store.ts DIR`, in a mount namespace of
 * its own. Prints a StoreReport as JSON.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '../../../src/lib/clock.ts';
import { writeWholeFile } from '../../../src/store/embedded/blocks/whole-file.ts';
import { commitSpans, openStore, spanCounts, traceOf } from '../store-rig.ts';

export interface StoreReport {
  /** What became of a commit that found no room: after three seconds, and when there was room again. */
  readonly commit: readonly string[];
  /** Spans of the traces before it and in it that a later life of the store finds. */
  readonly spans: readonly number[];
  /** What the writer of a file is told that had room for a part of its only part, and whether there is one. */
  readonly wholeFile: string;
  readonly wholeFileThere: boolean;
}

const mebibyte = 1024 * 1024;

/** All but that much of the room that there is. */
function fill(disk: string, leaveBytes: number): void {
  const { bavail, bsize } = statfsSync(disk);
  writeFileSync(join(disk, 'ballast'), Buffer.alloc(bavail * bsize - leaveBytes, 'x'));
}

function empty(disk: string): void {
  rmSync(join(disk, 'ballast'));
}

async function fullInCommit(disk: string): Promise<Pick<StoreReport, 'commit' | 'spans'>> {
  const dir = join(disk, 'store');
  const store = await openStore(dir, { clock: systemClock });
  await commitSpans(store, 1, traceOf(1, 10), systemClock.now());
  fill(disk, 0);
  const commit: string[] = [];
  const committing = commitSpans(store, 2, traceOf(2, 1_000), systemClock.now()).then(
    () => commit.push('durable'),
    (error) => commit.push(String(error)),
  );
  await delay(3_000);
  commit.push('no room');
  empty(disk);
  await committing;
  await store.close();
  const again = await openStore(dir, { clock: systemClock });
  const spans = await spanCounts(again, [1, 2]);
  await again.close();
  return { commit, spans };
}

async function fullInFile(disk: string): Promise<Pick<StoreReport, 'wholeFile' | 'wholeFileThere'>> {
  const path = join(disk, 'index');
  fill(disk, 64 * 1024);
  const wholeFile = await writeWholeFile(path, [Buffer.alloc(mebibyte, 'i')]).then(
    (bytes) => `${bytes} bytes`,
    ({ code }) => String(code),
  );
  return { wholeFile, wholeFileThere: existsSync(path) };
}

const disk = join(process.argv[2] ?? '', 'disk');
mkdirSync(disk);
execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${8 * mebibyte}`, 'tmpfs', disk]);
const report: StoreReport = { ...(await fullInCommit(disk)), ...(await fullInFile(disk)) };
process.stdout.write(JSON.stringify(report));
