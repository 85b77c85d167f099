import type { StatusView } from './api.ts';

interface Sample {
  readonly atMs: number;
  readonly values: ReadonlyMap<string, number>;
}

const kept = 61;
/** Longer than the usual time from scrape to scrape, so that a rate does not come and go. */
const windowMs = 30_000;

/** What was counted at the last looks, so that the page can say how fast it grows. Begins anew when the process does. */
export class RateBook {
  #samples: Sample[] = [];
  #startedAtMs = 0;

  add(status: StatusView): void {
    if (status.startedAtMs !== this.#startedAtMs) {
      this.#samples = [];
      this.#startedAtMs = status.startedAtMs;
    }
    const last = this.#samples.at(-1);
    if (last === undefined || status.nowMs > last.atMs) {
      this.#samples = [...this.#samples, { atMs: status.nowMs, values: countersOf(status) }].slice(-kept);
    }
  }

  /** Per second over the last 30 s; undefined until there are two looks. */
  rate(key: string): number | undefined {
    const last = this.#samples.at(-1);
    const first = this.#samples.find((sample) => last !== undefined && sample.atMs >= last.atMs - windowMs);
    return last === undefined || first === undefined ? undefined : between(first, last, key);
  }

  /** Per second from look to look, oldest first. */
  history(key: string): readonly number[] {
    return this.#samples.slice(1).map((sample, i) => between(this.#samples[i] ?? sample, sample, key) ?? 0);
  }
}

export const inputKey = (id: string, signal: string): string => `in ${id} ${signal}`;
export const laneKey = (signal: string): string => `lane ${signal}`;
export const outputKey = (signal: string, output: string): string => `out ${signal} ${output}`;

function countersOf(status: StatusView): ReadonlyMap<string, number> {
  const values = new Map<string, number>();
  for (const input of status.inputs) {
    values.set(inputKey(input.id, input.signal), input.accepted);
  }
  for (const lane of status.lanes) {
    values.set(laneKey(lane.signal), lane.cumItems);
    for (const output of lane.outputs) {
      values.set(outputKey(lane.signal, output.output), output.delivered);
    }
  }
  return values;
}

function between(first: Sample, last: Sample, key: string): number | undefined {
  const before = first.values.get(key);
  const after = last.values.get(key);
  if (before === undefined || after === undefined || last.atMs <= first.atMs) {
    return undefined;
  }
  return Math.max(0, ((after - before) * 1_000) / (last.atMs - first.atMs));
}
