import { stat } from 'node:fs/promises';
import type { LaneLoss } from '../contract/status.ts';
import { listSegments, type SegmentName } from '../record/segment.ts';
import type { Ancestor, CursorBooks } from './lane-state.ts';
import type { OpenEnd } from './open-segment.ts';
import { firstHeader, Replay } from './replay.ts';
import type { LogEnd } from './segment-log.ts';

export interface Recovered {
  readonly end: LogEnd;
  /** undefined: no intact snapshot says it; the lane begins anew behind what is there. */
  readonly queueId: string | undefined;
  readonly ancestors: readonly Ancestor[];
  readonly positions: ReadonlyMap<string, string>;
  readonly cursors: ReadonlyMap<string, CursorBooks>;
  readonly losses: readonly LaneLoss[];
  /** The newest segment, if it can be gone on in. */
  readonly open: OpenEnd | undefined;
  /** The last record that survived; `end.seq` may be later where only the number of a lost one is known. */
  readonly survivingSeq: number;
  /** Files that end in bytes behind which nothing good follows: to be cut to `bytes`. Earlier queue ids end here. */
  readonly cuts: readonly { readonly path: string; readonly bytes: number }[];
  /** Files without a byte: begun, and nothing came of it. */
  readonly empties: readonly string[];
}

/** Reads what an earlier life left in a lane's directory; changes nothing. Throws BRIDGE_START at records of a later version. */
export async function recover(dir: string): Promise<Recovered> {
  const names = await listSegments(dir);
  const replay = new Replay();
  const from = await snapshotBefore(names);
  for (const [i, name] of names.entries()) {
    const { size } = await stat(name.path);
    if (i < from) {
      replay.older(name, size, await firstHeader(name));
    } else {
      await replay.segment(name, size);
    }
  }
  return replay.end();
}

/** Where replaying must begin: the newest segment whose snapshot is intact, else the oldest. */
async function snapshotBefore(names: readonly SegmentName[]): Promise<number> {
  for (let from = names.length - 1; from > 0; from -= 1) {
    const name = names[from];
    const first = name === undefined ? undefined : await firstHeader(name);
    if (first?.intact === true && first.facts.kind === 'snapshot') {
      return from;
    }
  }
  return 0;
}
