import { expect } from '@jest/globals';
import { systemClock } from '../../src/lib/clock.ts';
import type { Daemon } from '../e2e/daemon.ts';
import { ledgerLine } from './load.ts';
import { askJson, openStore } from './store-rig.ts';

/** How many copies of each span the store answers. */
export async function storedCopies(daemon: Daemon, ids: readonly string[]): Promise<Map<string, number>> {
  const copies = new Map<string, number>();
  for (let i = 0; i < ids.length; i += 50) {
    const some = ids.slice(i, i + 50);
    const traceIds = some.length === 1 ? [some[0], 'f'.repeat(32)] : some;
    const response = await fetch(`${daemon.url}/api/v2/traceMany?traceIds=${traceIds.join(',')}`);
    expect(response.status).toBe(200);
    const traces = (await response.json()) as { traceId: string }[][];
    for (const { traceId } of traces.flat()) {
      copies.set(traceId, (copies.get(traceId) ?? 0) + 1);
    }
  }
  return copies;
}

/** How many copies of each line the files of the store hold, once nobody writes them. */
export async function storedLines(dir: string, pod?: string): Promise<Map<string, number>> {
  const copies = new Map<string, number>();
  const store = await openStore(dir, { clock: systemClock });
  let before: string | undefined;
  do {
    const page: { lines: { message: string }[]; next?: string } = await askJson(store, {
      kind: 'logs.search',
      query: {
        startMs: 0,
        endMs: 4e12,
        matchers: pod === undefined ? [] : [{ name: 'pod', op: '=', value: pod }],
        texts: [],
        levels: [],
      },
      limit: 5_000,
      ...(before === undefined ? {} : { before }),
    });
    for (const { message } of page.lines) {
      copies.set(message, (copies.get(message) ?? 0) + 1);
    }
    before = page.next;
  } while (before !== undefined);
  await store.close();
  return copies;
}

/** Of the ledger, which was written up to that line. */
export function missing(lines: ReadonlyMap<string, number>, written: number): string[] {
  const absent: string[] = [];
  for (let i = 1; i <= written; i += 1) {
    const line = ledgerLine(i);
    if (!lines.has(line)) {
      absent.push(`line ${i}`);
    }
  }
  return absent;
}
