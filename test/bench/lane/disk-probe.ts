/**
 * What the disk itself takes: `node disk-probe.ts '{"dir":…,"bytes":…,"seconds":…}'` appends that many bytes and makes them
 * durable, 200 times a second at most, and prints the times in ms as JSON.
 */
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

export interface ProbePlan {
  readonly dir: string;
  readonly bytes: number;
  readonly seconds: number;
}

const gapMs = 5;

async function main({ dir, bytes, seconds }: ProbePlan): Promise<void> {
  const folder = mkdtempSync(join(dir, 'meshbridge-disk-'));
  const file = openSync(join(folder, 'probe'), 'w');
  const content = Buffer.alloc(bytes, 1);
  const times: number[] = [];
  for (const endMs = performance.now() + seconds * 1000; performance.now() < endMs; await delay(gapMs)) {
    const startedMs = performance.now();
    writeSync(file, content);
    fdatasyncSync(file);
    times.push(performance.now() - startedMs);
  }
  closeSync(file);
  rmSync(folder, { recursive: true });
  console.log(JSON.stringify(times));
}

await main(JSON.parse(process.argv[2] ?? '{}'));
