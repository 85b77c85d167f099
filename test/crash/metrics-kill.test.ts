import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { inTempDir } from '../fakes/temp-dir.ts';
import { ledgerMs, ledgerSeries, ledgerStore } from './metrics-ledger.ts';

const kills = 20;
const program = join(import.meta.dirname, 'metrics-writer.ts');

/** One life of the writer, in `dir`: where it began, and the last record of which it heard that it is stored. */
function life(dir: string, afterMs: number): Promise<{ begun: number; stored: number }> {
  const child = spawn(process.execPath, ['--no-warnings', program, dir], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  let complained = '';
  child.stdout.on('data', (chunk: Buffer) => {
    if (said === '') {
      setTimeout(() => child.kill('SIGKILL'), afterMs);
    }
    said += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    complained += chunk.toString();
  });
  return new Promise((resolve, reject) => {
    child.once('close', (_, signal) => {
      const begun = said === '' ? undefined : Number(said);
      const heard = existsSync(`${dir}.said`) ? readFileSync(`${dir}.said`, 'utf8').split('\n').slice(0, -1) : [];
      if (signal !== 'SIGKILL' || begun === undefined) {
        reject(new Error(`the writer ended by itself: ${complained}`));
      } else {
        resolve({ begun, stored: Math.max(begun, Number(heard.at(-1) ?? 0)) });
      }
    });
  });
}

test(
  `samples survive kill -9 ${kills} times, each one once`,
  () => inTempDir((dir) => killLoop(join(dir, 'store'))),
  600_000,
);

async function killLoop(dir: string): Promise<void> {
  let stored = 0;
  for (let kill = 0; kill < kills; kill++) {
    const one = await life(dir, 50 + Math.random() * 400);
    expect(one.begun).toBeGreaterThanOrEqual(stored);
    expect(one.begun).toBeLessThanOrEqual(stored + 1);
    ({ stored } = one);
  }
  const store = ledgerStore(dir, () => ledgerMs(stored + 1));
  await store.open();
  const last = (await store.position('metrics'))?.seq ?? 0;
  expect(last).toBeGreaterThanOrEqual(stored);
  expect(last).toBeGreaterThan(200);

  const query = `{__name__=~"ledger_.+"}[${last + 1}h]`;
  const answer = await store.ask({ kind: 'prom.query', query, timeMs: ledgerMs(last) });
  const { result } = JSON.parse(Buffer.from(answer.body).toString());
  const copies = new Map<string, number>();
  for (const { metric, values } of result as { metric: Record<string, string>; values: [number, string][] }[]) {
    for (const [seconds, value] of values) {
      const key = `${metric['__name__']} ${metric['set']} ${seconds} ${value}`;
      copies.set(key, (copies.get(key) ?? 0) + 1);
    }
  }
  const wanted = Array.from({ length: last }, (_, n) => n + 1).flatMap((seq) =>
    Array.from({ length: ledgerSeries }, (_, i) => `ledger_${i} ${seq % 2} ${ledgerMs(seq) / 1000} ${seq * 1000 + i}`),
  );
  expect(wanted.filter((key) => copies.get(key) !== 1)).toEqual([]);
  expect(copies.size).toBe(wanted.length);
  const { partitions, damage } = await store.status();
  expect(partitions.reduce((sum, { items }) => sum + items, 0)).toBe(wanted.length);
  expect(damage).toEqual([]);
  expect(partitions.filter(({ sealed }) => sealed).length).toBeGreaterThan(0);
  const dirs = readdirSync(join(dir, 'metrics')).sort();
  expect(readdirSync(join(dir, 'metrics', dirs[0] ?? ''))).toContain('index');
  await store.close();
}
