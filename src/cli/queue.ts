import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { LaneLoss } from '../contract/status.ts';
import type { CursorBooks } from '../lane/lane-state.ts';
import { type Recovered, recover } from '../lane/recover.ts';
import { Replay } from '../lane/replay.ts';
import { itemsAhead } from '../lane/skips.ts';
import { type Signal, signals } from '../model/batch.ts';
import { listSegments } from '../record/segment.ts';
import { counted } from './counted.ts';
import { exitCodes } from './exit-codes.ts';
import { deadLetterLines, deadLetterReports } from './queue-letters.ts';
import { repair } from './queue-repair.ts';
import type { QueueAction, RequeueWords } from './queue-words.ts';
import type { Terminal } from './terminal.ts';

export interface QueueQuestion {
  readonly action: QueueAction;
  readonly dataDir: string;
  readonly json: boolean;
  readonly requeue?: RequeueWords;
}

interface OutputReport extends CursorBooks {
  /** Items that wait for it. */
  readonly queuedItems: number;
}

interface LaneReport {
  readonly signal: Signal;
  readonly queueId: string | undefined;
  readonly segments: number;
  readonly bytes: number;
  readonly seq: number;
  readonly cumItems: number;
  readonly outputs: readonly OutputReport[];
  readonly losses: readonly LaneLoss[];
  /** Ends of files behind which nothing good follows; the daemon cuts them when it starts. */
  readonly tornBytes: number;
}

/** `meshbridge queue`: all but `repair` read what is on disk and change nothing. Resolves with the exit code. */
export async function queue(question: QueueQuestion, terminal: Terminal): Promise<number> {
  const root = join(question.dataDir, 'queue');
  if (!(await isDirectory(root))) {
    terminal.err(`meshbridge: there is no queue in ${question.dataDir}; say where it is with --data-dir`);
    return exitCodes.failed;
  }
  if (question.action === 'repair') {
    return repair(question, terminal);
  }
  const read = question.action === 'verify' ? readEverything : recover;
  const lanes: LaneReport[] = [];
  for (const signal of signals) {
    const dir = join(root, signal);
    if (await isDirectory(dir)) {
      lanes.push(await report(signal, await read(dir)));
    }
  }
  const verdict = question.action === 'verify' ? [verdictOf(lanes)] : [];
  const deadLetters = await deadLetterReports(question.dataDir);
  terminal.out(
    question.json
      ? JSON.stringify({ lanes, deadLetters }, undefined, 2)
      : [...lanes.flatMap(linesOf), ...deadLetters.flatMap(deadLetterLines), ...verdict].join('\n'),
  );
  return lanes.some(({ losses }) => losses.length > 0) ? exitCodes.failed : exitCodes.good;
}

async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

/** Every record of every segment, where `recover` begins at the newest intact snapshot. */
async function readEverything(dir: string): Promise<Recovered> {
  const replay = new Replay();
  for (const name of await listSegments(dir)) {
    const { size } = await stat(name.path);
    await replay.segment(name, size);
  }
  return replay.end();
}

async function report(signal: Signal, found: Recovered): Promise<LaneReport> {
  const { end, cursors, cuts } = found;
  const torn = await Promise.all(cuts.map(async ({ path, bytes }) => (await stat(path)).size - bytes));
  return {
    signal,
    queueId: found.queueId,
    segments: end.segments.length,
    bytes: end.segments.reduce((sum, segment) => sum + segment.bytes, 0),
    seq: end.seq,
    cumItems: end.cumItems,
    outputs: [...cursors.values()].map((books) => ({
      ...books,
      queuedItems: end.cumItems - books.cumItems - itemsAhead(books, end),
    })),
    losses: found.losses,
    tornBytes: torn.reduce((sum, bytes) => sum + bytes, 0),
  };
}

function linesOf(lane: LaneReport): readonly string[] {
  const { signal, segments, bytes, seq, cumItems, queueId, tornBytes } = lane;
  const held = `${counted(segments, 'segment')}, ${counted(bytes, 'byte')}`;
  const head = `${signal.padEnd(8)} ${counted(cumItems, 'item')} in ${counted(seq, 'record')} so far; on disk ${held}; queue ${queueId ?? 'without a name'}`;
  const outputs = lane.outputs.map((books) => {
    const leftOut = lane.cumItems - books.cumItems - books.queuedItems;
    const counts = { ...books.dropped, newest: (books.dropped['newest'] ?? 0) + leftOut };
    const given = Object.entries(counts).filter(([, items]) => items > 0);
    const dropped = given.map(([reason, items]) => `, ${items} dropped (${reason})`);
    return `         ${books.output}: ${books.delivered} delivered, ${books.queuedItems} waiting, ${books.lost} lost, ${books.routedAway} not for it${dropped.join('')}`;
  });
  const losses = lane.losses.map(
    ({ segment, offset, bytes: damaged, items, reason }) =>
      `         damaged: ${segment} at byte ${offset}, ${counted(damaged, 'byte')}${items === undefined ? '' : `, ${counted(items, 'item')}`}: ${reason}`,
  );
  const torn =
    tornBytes === 0
      ? []
      : [`         the end, ${counted(tornBytes, 'byte')}, is no whole record; the daemon cuts it off when it starts`];
  return [head, ...outputs, ...losses, ...torn];
}

/** What it comes to, for somebody who never saw a lane. */
function verdictOf(lanes: readonly LaneReport[]): string {
  const losses = lanes.flatMap((lane) => lane.losses);
  if (losses.length === 0) {
    return 'good: every record can be read';
  }
  const items = losses.reduce((sum, loss) => sum + (loss.items ?? 0), 0);
  const atLeast = losses.some((loss) => loss.items === undefined) ? 'at least ' : '';
  return `not good: ${counted(losses.length, 'damaged place')}, ${atLeast}${counted(items, 'item')}; the daemon passes over them and goes on, and what was delivered before stays delivered`;
}
