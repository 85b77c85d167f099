import { decodeSpans } from '../../src/codec/spans.ts';
import type { Series } from '../../src/model/metric.ts';
import { EmbeddedStore } from '../../src/store/embedded/embedded-store.ts';

export const ledgerSeries = 20;

/** When record `seq` of the ledger is written, ms since 1970. */
export function ledgerMs(seq: number): number {
  return Date.UTC(2026, 10, 21) + seq * 120_000;
}

/** What stands in record `seq` of the ledger: two sets of series take turns. */
export function ledger(seq: number): { readonly series: readonly Series[]; readonly values: readonly number[] } {
  const series = Array.from({ length: ledgerSeries }, (_, i): Series => {
    const labels = [['set', String(seq % 2)]] as const;
    return { name: `ledger_${i}`, labels, type: 'counter', measurement: 'ledger', field: String(i) };
  });
  return { series, values: series.map((_, i) => seq * 1000 + i) };
}

export function ledgerStore(dir: string, now: () => number): EmbeddedStore {
  const sleep = (): Promise<void> => Promise.resolve();
  const clock = { now, sleep };
  return new EmbeddedStore({ dir, retentionMs: 1e12, maxBytes: 1e9, clock, decodeSpans });
}
