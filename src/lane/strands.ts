import type { QueueRecord } from '../model/batch.ts';
import type { Answered, Retry } from './asking.ts';
import { both, nothing, type Outcome } from './outcome.ts';

type Group = readonly QueueRecord[];

export interface StrandLimits {
  readonly strands: number;
  /** Of one request. */
  readonly batchItems: number;
  readonly batchBytes: number;
}

/** Requests that go out one after the other, while other strands have theirs under way. */
export class Strand {
  readonly #groups: Group[];
  #outcome: Outcome = nothing;

  constructor(groups: readonly Group[]) {
    this.#groups = [...groups];
  }

  /** Of the requests that are done with. */
  get outcome(): Outcome {
    return this.#outcome;
  }

  get isDone(): boolean {
    return this.#groups.length === 0;
  }

  /** Asks until all is done with (undefined), `isEnough` says so, or one request must wait, which is then the answer. */
  async run(ask: (group: Group) => Promise<Answered>, isEnough: () => boolean): Promise<Retry | undefined> {
    for (let group = this.#groups[0]; group !== undefined && !isEnough(); group = this.#groups[0]) {
      const answer = await ask(group);
      if (answer === 'split') {
        this.#groups.splice(0, 1, ...halves(group));
      } else if (answer.status === 'retry') {
        return answer;
      } else {
        this.#groups.shift();
        this.#outcome = both(this.#outcome, answer.outcome);
      }
    }
    return undefined;
  }
}

export function halves(group: Group): readonly [Group, Group] {
  const middle = Math.ceil(group.length / 2);
  return [group.slice(0, middle), group.slice(middle)];
}

/**
 * Spreads records over strands. Those of one key stay in one strand, in order; those without a key go wherever least is.
 */
export function strandsOf(
  records: Group,
  keyOf: (record: QueueRecord) => string | undefined,
  limits: StrandLimits,
): readonly Strand[] {
  const loads = Array.from({ length: limits.strands }, () => ({ records: [] as QueueRecord[], items: 0 }));
  const byKey = new Map<string, (typeof loads)[number]>();
  for (const record of records) {
    const key = keyOf(record);
    const known = key === undefined ? undefined : byKey.get(key);
    const load = known ?? loads.reduce((least, one) => (one.items < least.items ? one : least));
    if (key !== undefined) {
      byKey.set(key, load);
    }
    load.records.push(record);
    load.items += record.items;
  }
  return loads.filter((load) => load.records.length > 0).map((load) => new Strand(groupsOf(load.records, limits)));
}

/** Cut so that none is larger than a request may be; one record may be. */
function groupsOf(records: Group, { batchItems, batchBytes }: StrandLimits): readonly Group[] {
  const groups: QueueRecord[][] = [];
  let [items, bytes] = [0, 0];
  for (const record of records) {
    items += record.items;
    bytes += record.payload.length;
    const last = groups.at(-1);
    if (last === undefined || items > batchItems || bytes > batchBytes) {
      groups.push([record]);
      [items, bytes] = [record.items, record.payload.length];
    } else {
      last.push(record);
    }
  }
  return groups;
}
