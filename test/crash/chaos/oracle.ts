/** What was sent: by kind of item, the ids that were acknowledged, and those of which nobody knows. */
export interface Sent {
  readonly kind: string;
  readonly acknowledged: readonly string[];
  /** Their request failed or was refused: they may be there or not. */
  readonly unknown: readonly string[];
  /** Fewer would prove nothing. Default: 1. */
  readonly leastAcknowledged?: number;
}

/** What an output has. */
export interface Kept {
  readonly output: string;
  /** How often each id is there. */
  readonly copies: ReadonlyMap<string, number>;
  /** Requests, or runs of items, that had been there before. */
  readonly repeats: number;
  /** How many of those what happened explains. None: every item is there once. */
  readonly repeatsAllowed: number;
  readonly repeatedItemsAllowed: number;
}

const listed = 10;

/** Everything that is wrong, one line each; nothing where each acknowledged item is at each output. */
export function faultsOf(sent: readonly Sent[], kept: readonly Kept[]): readonly string[] {
  const everSent = new Set(sent.flatMap(({ acknowledged, unknown }) => [...acknowledged, ...unknown]));
  const faults: string[] = [];
  const tell = (what: string, ids: readonly string[]): void => {
    if (ids.length > 0) {
      faults.push(`${what}: ${ids.length} (${ids.slice(0, listed).join(', ')})`);
    }
  };
  for (const { kind, acknowledged, leastAcknowledged = 1 } of sent) {
    if (acknowledged.length < leastAcknowledged) {
      faults.push(`of ${kind} only ${acknowledged.length} were acknowledged`);
    }
  }
  const anywhere = new Set(kept.flatMap(({ copies }) => [...copies.keys()]));
  for (const { output, copies, repeats, repeatsAllowed, repeatedItemsAllowed } of kept) {
    for (const { kind, acknowledged } of sent) {
      tell(
        `${output} lost ${kind} that were acknowledged`,
        acknowledged.filter((id) => !copies.has(id)),
      );
    }
    const unlike = [...anywhere].filter((id) => !copies.has(id));
    tell(`${output} has not what another output has`, unlike);
    tell(
      `${output} has what nobody sent`,
      [...copies.keys()].filter((id) => !everSent.has(id)),
    );
    const doubled = [...copies].filter(([, count]) => count > 1);
    const doubles = doubled.reduce((sum, [, count]) => sum + count - 1, 0);
    if (doubles > repeatedItemsAllowed || repeats > repeatsAllowed) {
      tell(
        `${output} has ${doubles} doubles in ${repeats} repeats, where ${repeatedItemsAllowed} in ${repeatsAllowed} can be explained`,
        doubled.map(([id, count]) => `${id} × ${count}`),
      );
    }
  }
  return faults;
}

/** Counts what arrives in order, and how often a run of it had arrived before. */
export class Counter {
  readonly copies = new Map<string, number>();
  repeats = 0;
  readonly #inRun = new Map<string, boolean>();

  /** `lane`: whose order it is. */
  add(lane: string, id: string): void {
    const before = this.copies.get(id) ?? 0;
    this.copies.set(id, before + 1);
    if (before > 0 && this.#inRun.get(lane) !== true) {
      this.repeats += 1;
    }
    this.#inRun.set(lane, before > 0);
  }

  /** One request: at most one repeat. */
  addRequest(ids: readonly string[]): void {
    if (ids.some((id) => this.copies.has(id))) {
      this.repeats += 1;
    }
    for (const id of ids) {
      this.copies.set(id, (this.copies.get(id) ?? 0) + 1);
    }
  }
}
