/** One lane under appenders that each wait for their record to be durable: `node appenders.ts '{…AppendPlan}'` prints an AppendReport. */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Lane } from '../../../src/lane/lane.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import type { Batch } from '../../../src/model/batch.ts';
import { peakMegabytes } from '../zipkin/process-cost.ts';
import { groupsOf, recordedGroups } from '../zipkin/requests.ts';
import { TimedDisk } from './timed-disk.ts';

export interface AppendPlan {
  readonly dir: string;
  readonly appenders: number;
  readonly spans: number;
  readonly seconds: number;
}

export interface AppendReport {
  readonly records: number;
  readonly bytes: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly commits: number;
  /** Time in which a commit was on its way. */
  readonly diskSeconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly peakMegabytes: number;
}

const silent = (): void => undefined;
const origin = { node: 'bench' };

async function main(plan: AppendPlan): Promise<AppendReport> {
  const folder = mkdtempSync(join(plan.dir, 'meshbridge-bench-lane-'));
  const disk = new TimedDisk();
  const lane = await Lane.open({
    signal: 'traces',
    dir: join(folder, 'traces'),
    segmentBytes: 64 * 1024 * 1024,
    maxBytes: 2e9,
    freeBytes: () => 1e12,
    minFreeBytes: 0,
    clock: systemClock,
    log: { debug: silent, info: silent, warn: silent, error: silent },
    disk,
  });
  const spans = groupsOf(recordedGroups(), 0, plan.spans).flat();
  const batch: Batch = {
    signal: 'traces',
    origin,
    format: 'zipkin-json-v2',
    items: plan.spans,
    payload: Buffer.from(JSON.stringify(spans)),
  };
  const times: number[] = [];
  const appendUntil = async (endMs: number, note: (ms: number) => void): Promise<void> => {
    for (let startedMs = performance.now(); startedMs < endMs; startedMs = performance.now()) {
      await lane.append(batch);
      note(performance.now() - startedMs);
    }
  };
  const all = (seconds: number, note: (ms: number) => void): Promise<unknown> => {
    const endMs = performance.now() + seconds * 1000;
    return Promise.all(Array.from({ length: plan.appenders }, () => appendUntil(endMs, note)));
  };
  await all(1, silent);
  const before = { ...disk, cpu: process.cpuUsage(), startedMs: performance.now() };
  await all(plan.seconds, (ms) => times.push(ms));
  const cpu = process.cpuUsage(before.cpu);
  const seconds = (performance.now() - before.startedMs) / 1000;
  await lane.close();
  rmSync(folder, { recursive: true, force: true });
  const sorted = Float64Array.from(times).sort();
  return {
    records: times.length,
    bytes: disk.bytes - before.bytes,
    seconds,
    cpuSeconds: (cpu.user + cpu.system) / 1e6,
    commits: disk.commits - before.commits,
    diskSeconds: (disk.milliseconds - before.milliseconds) / 1000,
    p50Ms: sorted[Math.floor(sorted.length * 0.5)] ?? Number.NaN,
    p99Ms: sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN,
    peakMegabytes: peakMegabytes(process.pid),
  };
}

console.log(JSON.stringify(await main(JSON.parse(process.argv[2] ?? '{}'))));
