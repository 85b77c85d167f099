import { z } from 'zod';
import type { Clock } from '../contract/runtime.ts';
import { steadyMs } from './steady.ts';

/** Moves of the clock that are smaller than this are taken for time that passed. */
const jumpMs = 10_000;
const firstResolutionMs = 1_000;
const keptBuckets = 4096;
const keptJumps = 64;

const jump = z.object({ seq: z.number().int().min(0), byMs: z.number().min(0) });
const jumps = z.array(jump);
/** Between the record of that seq and the next one the clock went on by so much more than time did, or nobody ran. */
type Jump = z.output<typeof jump>;

export interface AgesOptions {
  readonly clock: Clock;
  /** Of the last record of an earlier life; `receivedAtMs` is 0 if there was none. */
  readonly end: { readonly seq: number; readonly receivedAtMs: number };
  /** As `noted` gave it in an earlier life. */
  readonly known: string | undefined;
}

/**
 * How long records have waited, by a clock that nobody sets: of this life by steady time; of an earlier one by what its
 * last record came after it, less what the clock jumped meanwhile, and the time that this life has run. So the time in
 * which nothing ran does not count, and a clock that is put forward makes nothing old. Where it is in doubt a record is
 * taken for younger than it is.
 */
export class Ages {
  readonly #clock: Clock;
  readonly #end: AgesOptions['end'];
  readonly #startMs: number;
  /** Of earlier lives. */
  readonly #jumps: readonly Jump[];
  #allJumps: Jump[];
  #last: { wallMs: number; steadyMs: number; seq: number } | undefined;
  /** Records of this life from `seq` on, the last of which came at `lastMs` (steady). */
  #buckets: { seq: number; firstMs: number; lastMs: number }[] = [];
  #resolutionMs = firstResolutionMs;

  constructor({ clock, end, known }: AgesOptions) {
    this.#clock = clock;
    this.#end = end;
    this.#startMs = steadyMs(clock);
    this.#jumps = parsed(known);
    this.#allJumps = [...this.#jumps];
    this.#last =
      end.receivedAtMs === 0 ? undefined : { wallMs: end.receivedAtMs, steadyMs: this.#startMs, seq: end.seq };
  }

  /** A record was taken now. Where the clock has jumped before it, what a later life must know of that, to be kept for it. */
  noted(seq: number, oldestSeq: number): string | undefined {
    const nowMs = steadyMs(this.#clock);
    const wallMs = this.#clock.now();
    const last = this.#last;
    this.#last = { wallMs, steadyMs: nowMs, seq };
    this.#note(seq, nowMs);
    const byMs = last === undefined ? 0 : wallMs - last.wallMs - (nowMs - last.steadyMs);
    if (last === undefined || byMs < jumpMs) {
      return undefined;
    }
    const kept = this.#allJumps.filter((one) => one.seq >= oldestSeq);
    this.#allJumps = merged([...kept, { seq: last.seq, byMs }]);
    return JSON.stringify(this.#allJumps);
  }

  ageMs(record: { readonly seq: number; readonly receivedAtMs: number }): number {
    const nowMs = steadyMs(this.#clock);
    if (record.seq <= this.#end.seq) {
      let beforeMs = this.#end.receivedAtMs - record.receivedAtMs;
      for (const { seq, byMs } of this.#jumps) {
        beforeMs -= seq >= record.seq ? byMs : 0;
      }
      return Math.max(0, beforeMs) + nowMs - this.#startMs;
    }
    const bucket = this.#buckets.findLast(({ seq }) => seq <= record.seq);
    return bucket === undefined ? 0 : nowMs - bucket.lastMs;
  }

  #note(seq: number, nowMs: number): void {
    const bucket = this.#buckets.at(-1);
    if (bucket !== undefined && nowMs - bucket.firstMs < this.#resolutionMs) {
      bucket.lastMs = nowMs;
      return;
    }
    this.#buckets.push({ seq, firstMs: nowMs, lastMs: nowMs });
    if (this.#buckets.length > keptBuckets) {
      this.#resolutionMs *= 2;
      this.#buckets = this.#buckets.flatMap((one, i, all) =>
        i % 2 === 1 ? [] : [{ ...one, lastMs: all[i + 1]?.lastMs ?? one.lastMs }],
      );
    }
  }
}

/** The oldest two become one where there are too many. */
function merged(list: readonly Jump[]): Jump[] {
  const [first, second, ...others] = list;
  return list.length > keptJumps && first !== undefined && second !== undefined
    ? [{ seq: second.seq, byMs: first.byMs + second.byMs }, ...others]
    : [...list];
}

function parsed(text: string | undefined): readonly Jump[] {
  try {
    return jumps.parse(JSON.parse(text ?? '[]'));
  } catch {
    return [];
  }
}
