/** Appends lines to many files at a steady rate, and to one more a marker line that says when it was written. A process of its own. */
import { appendFileSync, closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { LineMaker } from './corpus.ts';

export interface LivePlan {
  readonly root: string;
  readonly files: number;
  readonly bytesPerSecond: number;
  readonly seconds: number;
}

export const markerPod = 'marker';
const stepMs = 50;

function logFile(root: string, pod: string): string {
  const directory = join(root, `bench_${pod}_00000000-0000-4000-8000-000000000000`, 'app');
  mkdirSync(directory, { recursive: true });
  return join(directory, '0.log');
}

async function write({ root, files, bytesPerSecond, seconds }: LivePlan): Promise<{ bytes: number; records: number }> {
  const maker = new LineMaker();
  const open = Array.from({ length: files }, (_, i) => openSync(logFile(root, `pod-${i}`), 'a'));
  const marker = logFile(root, markerPod);
  const began = performance.now();
  let bytes = 0;
  let records = 0;
  for (let step = 0; step * stepMs < seconds * 1_000; step += 1) {
    const due = ((step + 1) * stepMs * bytesPerSecond) / 1_000;
    const share = Math.max(1, (due - bytes) / files);
    for (const file of open) {
      let text = '';
      while (text.length < share && bytes + text.length < due) {
        text += maker.record();
        records += 1;
      }
      bytes += text.length;
      writeSync(file, text);
    }
    appendFileSync(marker, `${new Date().toISOString()} stdout F marker ${Date.now()}\n`);
    records += 1;
    await delay(Math.max(0, began + (step + 1) * stepMs - performance.now()));
  }
  for (const file of open) {
    closeSync(file);
  }
  return { bytes, records };
}

const plan = process.argv[2];
if (plan?.startsWith('{')) {
  console.log(JSON.stringify(await write(JSON.parse(plan))));
}
