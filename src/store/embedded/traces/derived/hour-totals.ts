import { Durations } from './durations.ts';
import type { LinkEntry, OperationEntry } from './minute-row.ts';

/** Minutes of arrival that are added up together. */
export const hourMinutes = 60;
/** Two days: what is asked for again and again. */
const keptHours = 48;

interface Kept<T> {
  /** Minutes of the hour that there were. */
  readonly minutes: number;
  readonly total: readonly T[];
}

/** What the rows of an hour of arrival add up to, so that a day is not added up minute by minute each time. */
export class HourTotals<T> {
  readonly #hours = new Map<number, Kept<T>>();

  /** Undefined where it is to be added up again. */
  get(hour: number, minutes: number): readonly T[] | undefined {
    const known = this.#hours.get(hour);
    if (known === undefined || known.minutes !== minutes) {
      return undefined;
    }
    this.#hours.delete(hour);
    this.#hours.set(hour, known);
    return known.total;
  }

  set(hour: number, kept: Kept<T>): void {
    this.#hours.set(hour, kept);
    const [oldest] = this.#hours.keys();
    if (this.#hours.size > keptHours && oldest !== undefined) {
      this.#hours.delete(oldest);
    }
  }

  /** A row of that minute is another now. */
  forget(minute: number): void {
    this.#hours.delete(Math.floor(minute / hourMinutes));
  }
}

/** Adds up entries of equal names; each kind of entry has its own. The first of them says the minute. */
export interface Sum<T> {
  add(entries: readonly T[]): void;
  total(): readonly T[];
}

export class LinkSum implements Sum<LinkEntry> {
  readonly #byParent = new Map<string, Map<string, LinkEntry>>();

  add(entries: readonly LinkEntry[]): void {
    for (const entry of entries) {
      const { parent, child, way } = entry;
      const byChild = this.#byParent.get(parent) ?? new Map<string, LinkEntry>();
      this.#byParent.set(parent, byChild);
      const key = way === 'direct' ? child : `${way} ${child}`;
      const sum = byChild.get(key) ?? {
        ...entry,
        calls: 0,
        errors: 0,
        server: new Durations(),
        client: new Durations(),
      };
      byChild.set(key, sum);
      sum.calls += entry.calls;
      sum.errors += entry.errors;
      sum.server.merge(entry.server);
      sum.client.merge(entry.client);
    }
  }

  total(): readonly LinkEntry[] {
    return [...this.#byParent.values()].flatMap((byChild) => [...byChild.values()]);
  }
}

export class OperationSum implements Sum<OperationEntry> {
  readonly #byService = new Map<string, Map<string, OperationEntry>>();

  add(entries: readonly OperationEntry[]): void {
    for (const entry of entries) {
      const { service, name, kind, failed } = entry;
      const byName = this.#byService.get(service) ?? new Map<string, OperationEntry>();
      this.#byService.set(service, byName);
      const key = `${failed ? '!' : ''}${kind} ${name}`;
      const sum = byName.get(key) ?? { ...entry, calls: 0, durations: new Durations() };
      byName.set(key, sum);
      sum.calls += entry.calls;
      sum.durations.merge(entry.durations);
    }
  }

  total(): readonly OperationEntry[] {
    return [...this.#byService.values()].flatMap((byName) => [...byName.values()]);
  }
}
