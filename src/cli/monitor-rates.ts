import type { MonitorStatus } from './monitor-status.ts';

interface Look {
  readonly atMs: number;
  readonly values: ReadonlyMap<string, number>;
}

const kept = 61;
/** Longer than the usual time from scrape to scrape, so that a rate does not come and go. */
const windowMs = 30_000;

export const inputKey = (id: string, signal: string): string => `in ${id} ${signal}`;
export const laneKey = (signal: string): string => `lane ${signal}`;
export const outputKey = (signal: string, output: string): string => `out ${signal} ${output}`;

/** How fast the counters grow from look to look. Begins anew when the daemon did. */
export class MonitorRates {
  #looks: Look[] = [];
  #startedAtMs: number | undefined;

  add(status: MonitorStatus): void {
    if (status.startedAtMs !== this.#startedAtMs) {
      this.#looks = [];
      this.#startedAtMs = status.startedAtMs;
    }
    if (status.nowMs > (this.#looks.at(-1)?.atMs ?? Number.NEGATIVE_INFINITY)) {
      this.#looks = [...this.#looks, { atMs: status.nowMs, values: countersOf(status) }].slice(-kept);
    }
  }

  /** Per second over the last 30 s; undefined until there are two looks. */
  rate(key: string): number | undefined {
    const last = this.#looks.at(-1);
    const first = this.#looks.find(({ atMs }) => last !== undefined && atMs >= last.atMs - windowMs);
    return first === undefined || last === undefined ? undefined : growth(first, last, key);
  }

  /** Per second from look to look, the oldest first. */
  history(key: string, most: number): readonly number[] {
    const looks = this.#looks.slice(-most - 1);
    return looks.slice(1).map((look, i) => growth(looks[i] ?? look, look, key) ?? 0);
  }
}

function growth(first: Look, last: Look, key: string): number | undefined {
  const [before, after] = [first.values.get(key), last.values.get(key)];
  return before === undefined || after === undefined || last.atMs <= first.atMs
    ? undefined
    : Math.max(0, ((after - before) * 1000) / (last.atMs - first.atMs));
}

function countersOf({ inputs, lanes }: MonitorStatus): ReadonlyMap<string, number> {
  return new Map([
    ...inputs.map(({ id, signal, accepted }) => [inputKey(id, signal), accepted] as const),
    ...lanes.map(({ signal, cumItems }) => [laneKey(signal), cumItems] as const),
    ...lanes.flatMap(({ signal, outputs }) =>
      outputs.map(({ output, delivered }) => [outputKey(signal, output), delivered] as const),
    ),
  ]);
}
