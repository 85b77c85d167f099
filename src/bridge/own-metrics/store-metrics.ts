import type { StoreStatus } from '../../contract/store.ts';
import type { Telemetry } from '../../telemetry/telemetry.ts';

/** What the store deleted, so that somebody can tell whether it keeps as long as it should. */
export function observeStore(telemetry: Telemetry, status: () => StoreStatus): void {
  telemetry.observe(
    {
      kind: 'counter',
      name: 'meshbridge_store_evicted_total',
      help: 'Items that the store deleted, by age or for room.',
      labels: ['signal', 'reason'],
    },
    () => (status().evictions ?? []).map(({ signal, reason, items }) => ({ labels: { signal, reason }, value: items })),
  );
}
