/** Append and deliver at once: `node flow.ts '{…FlowPlan}'` prints a FlowReport. */
import { setTimeout as delay } from 'node:timers/promises';
import { peakMegabytes } from '../zipkin/process-cost.ts';
import { QueueHouse } from './house.ts';

export interface FlowPlan {
  readonly dir: string;
  readonly spans: number;
  readonly appenders: number;
  readonly seconds: number;
}

export interface FlowReport {
  /** Of payloads, from the first append until the last one was delivered. */
  readonly megabytesPerSecond: number;
  readonly batchesPerSecond: number;
  readonly microsPerBatch: number;
  readonly cpuMicrosPerBatch: number;
  readonly batchesPerCommit: number;
  /** Part of the time in which a commit was on its way. */
  readonly diskShare: number;
  readonly peakMegabytes: number;
}

async function main({ dir, spans, appenders, seconds }: FlowPlan): Promise<FlowReport> {
  const house = await QueueHouse.open(dir, spans);
  const warmMs = performance.now() + 1000;
  await house.appendUntil(appenders, () => performance.now() > warmMs);
  const { commits, milliseconds } = house.disk;
  const deliveredBefore = house.output.records;
  const cpuBefore = process.cpuUsage();
  const startedMs = performance.now();
  await house.appendUntil(appenders, () => performance.now() > startedMs + seconds * 1000);
  const appendedMs = performance.now() - startedMs;
  const diskMs = house.disk.milliseconds - milliseconds;
  const commitsMade = house.disk.commits - commits;
  while (house.output.records < house.lane.durableSeq) {
    await delay(5);
  }
  const tookMs = performance.now() - startedMs;
  const cpu = process.cpuUsage(cpuBefore);
  const batches = house.output.records - deliveredBefore;
  await house.close();
  return {
    megabytesPerSecond: (batches * house.batchBytes) / tookMs / 1000,
    batchesPerSecond: (batches / tookMs) * 1000,
    microsPerBatch: (tookMs / batches) * 1000,
    cpuMicrosPerBatch: (cpu.user + cpu.system) / batches,
    batchesPerCommit: batches / commitsMade,
    diskShare: diskMs / appendedMs,
    peakMegabytes: peakMegabytes(process.pid),
  };
}

console.log(JSON.stringify(await main(JSON.parse(process.argv[2] ?? '{}'))));
