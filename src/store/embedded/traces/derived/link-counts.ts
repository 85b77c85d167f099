import { type Call, eachCall } from '../dependency-linker.ts';
import type { LinkSpan } from '../link-span.ts';
import { Durations } from './durations.ts';
import { minuteOf } from './minute.ts';
import type { BeginEntry, LinkEntry } from './minute-row.ts';

/** Counts the calls of traces by the minute in which the trace began. */
export class LinkCounts {
  readonly #links = new Map<string, LinkEntry>();
  readonly #begins = new Map<number, BeginEntry>();

  /** All spans of one trace; one without any time is left out. */
  add(spans: readonly LinkSpan[]): void {
    const micros = beginOf(spans);
    if (micros === undefined) {
      return;
    }
    const minute = minuteOf(micros);
    const begins = this.#begins.get(minute) ?? { minute, minMicros: micros, maxMicros: micros };
    begins.minMicros = Math.min(begins.minMicros, micros);
    begins.maxMicros = Math.max(begins.maxMicros, micros);
    this.#begins.set(minute, begins);
    eachCall(spans, (call) => this.#count(minute, call));
  }

  links(): LinkEntry[] {
    return [...this.#links].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, link]) => link);
  }

  begins(): BeginEntry[] {
    return [...this.#begins.values()].sort((a, b) => a.minute - b.minute);
  }

  #count(minute: number, { parent, child, way, failed, serverMicros, clientMicros }: Call): void {
    const key = `${minute} ${way} ${parent.length} ${parent} ${child}`;
    const link = this.#links.get(key) ?? {
      ...{ minute, parent, child, way },
      ...{ calls: 0, errors: 0, server: new Durations(), client: new Durations() },
    };
    link.calls++;
    link.errors += failed ? 1 : 0;
    link.server.add(serverMicros);
    link.client.add(clientMicros);
    this.#links.set(key, link);
  }
}

/** The root's timestamp, else the smallest. */
export function beginOf(spans: readonly LinkSpan[]): number | undefined {
  const timed = spans.filter(({ timestamp }) => timestamp > 0);
  const root = timed.find(({ parentId }) => parentId === undefined);
  return root?.timestamp ?? timed.map(({ timestamp }) => timestamp).sort((a, b) => a - b)[0];
}
