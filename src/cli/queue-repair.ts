import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Logger } from '../contract/runtime.ts';
import type { LaneLoss } from '../contract/status.ts';
import { deadLetterPaths, fileFacts } from '../lane/dead-letter-file.ts';
import { Lane } from '../lane/lane.ts';
import { recover } from '../lane/recover.ts';
import { requeue } from '../lane/requeue.ts';
import { systemClock } from '../lib/clock.ts';
import { lockDirectory } from '../lib/data-dir-lock.ts';
import { type Signal, signals } from '../model/batch.ts';
import { counted } from './counted.ts';
import { exitCodes } from './exit-codes.ts';
import { deadLetterDir, outputsWithLetters } from './queue-letters.ts';
import type { RequeueWords } from './queue-words.ts';
import type { Terminal } from './terminal.ts';

export interface RepairQuestion {
  readonly dataDir: string;
  readonly json: boolean;
  readonly requeue?: RequeueWords;
}

interface LaneRepair {
  readonly signal: Signal;
  /** Ends of files that were cut off, since nothing good stood in them or behind them. */
  readonly cuts: readonly { readonly segment: string; readonly bytes: number }[];
  readonly losses: readonly LaneLoss[];
  /** Where it had to be changed: the far side must not take new records for old ones. */
  readonly newQueueId?: string;
  readonly requeued: readonly { readonly output: string; readonly records: number; readonly items: number }[];
  /** Letters that stay where they are, and why. */
  readonly refused: readonly string[];
}

const silent = (): void => undefined;
const log: Logger = { debug: silent, info: silent, warn: silent, error: silent };
const segmentBytes = 64 * 1024 * 1024;

/** Does to each lane what the daemon does when it starts, and says what; with `requeue` queues dead letters again. */
export async function repair(question: RepairQuestion, terminal: Terminal): Promise<number> {
  const { dataDir, json } = question;
  const lock = await lockDirectory(dataDir);
  if (lock === undefined) {
    terminal.err(
      `meshbridge: a daemon is using ${dataDir}; it repaired its queue when it started. To do it by hand, or to queue dead letters again, stop it first`,
    );
    return exitCodes.failed;
  }
  try {
    const lanes: LaneRepair[] = [];
    for (const signal of signals) {
      const dir = join(dataDir, 'queue', signal);
      if ((await stat(dir).catch(() => undefined))?.isDirectory() === true) {
        lanes.push(await repairLane(signal, dir, question));
      }
    }
    terminal.out(json ? JSON.stringify({ lanes }, undefined, 2) : lanes.flatMap(linesOf).join('\n'));
    return lanes.some(({ refused }) => refused.length > 0) ? exitCodes.failed : exitCodes.good;
  } finally {
    await lock.release();
  }
}

async function repairLane(signal: Signal, dir: string, question: RepairQuestion): Promise<LaneRepair> {
  const found = await recover(dir);
  const cuts = await Promise.all(
    found.cuts.map(async ({ path, bytes }) => ({ segment: basename(path), bytes: (await stat(path)).size - bytes })),
  );
  const lane = await Lane.open({
    signal,
    dir,
    segmentBytes,
    maxBytes: Number.POSITIVE_INFINITY,
    freeBytes: () => Number.POSITIVE_INFINITY,
    minFreeBytes: 0,
    clock: systemClock,
    log,
  });
  try {
    const isRenamed = lane.queueId !== found.queueId;
    const again = await requeueAll(lane, question);
    return {
      signal,
      cuts,
      losses: lane.status().losses,
      ...(isRenamed ? { newQueueId: lane.queueId } : {}),
      ...again,
    };
  } finally {
    await lane.close();
  }
}

async function requeueAll(
  lane: Lane,
  { dataDir, requeue: words }: RepairQuestion,
): Promise<Pick<LaneRepair, 'requeued' | 'refused'>> {
  const requeued: LaneRepair['requeued'][number][] = [];
  const refused: string[] = [];
  if (words === undefined || (words.signal ?? lane.signal) !== lane.signal) {
    return { requeued, refused };
  }
  const known = new Set(lane.status().outputs.map(({ output }) => output));
  for (const output of await outputsWithLetters(dataDir)) {
    const dir = deadLetterDir(dataDir, output);
    if ((words.output ?? output) !== output || !(await hasLetters(dir, lane.signal))) {
      continue;
    }
    if (known.has(output)) {
      requeued.push({ output, ...(await requeue(lane, output, dir)) });
    } else {
      refused.push(
        `${output} has no place in this queue, so nobody would get its dead letters; configure it, start the daemon once, and try again`,
      );
    }
  }
  return { requeued, refused };
}

async function hasLetters(dir: string, signal: Signal): Promise<boolean> {
  const { before, now } = deadLetterPaths(dir, signal);
  return (await fileFacts(before)) !== undefined || (await fileFacts(now)) !== undefined;
}

function linesOf({ signal, cuts, losses, newQueueId, requeued, refused }: LaneRepair): readonly string[] {
  const isGood = cuts.length === 0 && losses.length === 0 && newQueueId === undefined;
  return [
    `${signal.padEnd(8)} ${isGood ? 'good as it was' : 'repaired'}`,
    ...cuts.map(({ segment, bytes }) => `         cut off: ${counted(bytes, 'byte')} at the end of ${segment}`),
    ...losses.map(
      ({ segment, offset, bytes, items, reason }) =>
        `         lost: ${items === undefined ? `${counted(bytes, 'byte')}, of how many items is not known` : counted(items, 'item')}, in ${segment} at byte ${offset}: ${reason}`,
    ),
    ...(newQueueId === undefined ? [] : [`         goes on under a new name, ${newQueueId}`]),
    ...requeued.map(
      ({ output, records, items }) =>
        `         queued again for ${output} alone: ${counted(records, 'record')} of ${counted(items, 'item')}`,
    ),
    ...refused.map((why) => `         not queued again: ${why}`),
  ];
}
