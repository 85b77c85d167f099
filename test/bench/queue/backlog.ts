/** An output that is away until much has queued up: `node backlog.ts '{…BacklogPlan}'` prints a BacklogReport. */
import { setTimeout as delay } from 'node:timers/promises';
import { peakMegabytes } from '../zipkin/process-cost.ts';
import { QueueHouse } from './house.ts';

export interface BacklogPlan {
  readonly dir: string;
  readonly spans: number;
  readonly appenders: number;
  readonly backlogBytes: number;
  /** What goes on coming in while the backlog is sent. */
  readonly inputBytesPerSecond: number;
}

export interface BacklogReport {
  readonly fillMegabytesPerSecond: number;
  readonly inputMegabytesPerSecond: number;
  /** Of all that was delivered until the output had caught up. */
  readonly drainMegabytesPerSecond: number;
  readonly ratio: number;
  readonly peakMegabytes: number;
  readonly peakMegabytesFilled: number;
}

const tickMs = 20;

async function main(plan: BacklogPlan): Promise<BacklogReport> {
  const { dir, spans, appenders, backlogBytes, inputBytesPerSecond } = plan;
  const house = await QueueHouse.open(dir, spans);
  house.output.isAway = true;
  const filledMs = performance.now();
  await house.appendUntil(appenders, () => house.lane.status().bytes >= backlogBytes);
  const fillMs = performance.now() - filledMs;
  const filledBytes = house.lane.durableSeq * house.batchBytes;
  const peakMegabytesFilled = peakMegabytes(process.pid);
  house.output.isAway = false;
  const startedMs = performance.now();
  let inputBytes = 0;
  while (house.lane.status().outputs.some(({ queuedItems }) => queuedItems > spans * 1_000)) {
    const owedBytes = ((performance.now() - startedMs) / 1000) * inputBytesPerSecond - inputBytes;
    const count = Math.floor(owedBytes / house.batchBytes);
    inputBytes += count * house.batchBytes;
    await Promise.all([delay(tickMs), ...Array.from({ length: count }, () => house.lane.append(house.batch))]);
  }
  const seconds = (performance.now() - startedMs) / 1000;
  const report = {
    fillMegabytesPerSecond: filledBytes / fillMs / 1000,
    inputMegabytesPerSecond: inputBytes / seconds / 1e6,
    drainMegabytesPerSecond: house.output.bytes / seconds / 1e6,
    ratio: house.output.bytes / inputBytes,
    peakMegabytes: peakMegabytes(process.pid),
    peakMegabytesFilled,
  };
  await house.close();
  return report;
}

console.log(JSON.stringify(await main(JSON.parse(process.argv[2] ?? '{}'))));
