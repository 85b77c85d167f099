import type { ReloadStatus } from '../../contract/status.ts';
import type { Reading, Telemetry } from '../../telemetry/telemetry.ts';

/** Whether the configuration that runs is the one on disk. */
export function observeReloads(telemetry: Telemetry, status: () => ReloadStatus | undefined): void {
  const observe = (
    kind: 'counter' | 'gauge',
    [name, help, ...labels]: readonly [string, string, ...string[]],
    read: (now: ReloadStatus) => readonly Reading[],
  ): void =>
    telemetry.observe({ kind, name, help, labels }, () => {
      const now = status();
      return now === undefined ? [] : read(now);
    });
  observe('gauge', ['meshbridge_config_reload_success', 'Was the last configuration taken as a whole?'], ({ ok }) => [
    { labels: {}, value: ok ? 1 : 0 },
  ]);
  observe(
    'counter',
    ['meshbridge_config_reloads_total', 'Configurations taken while running, and refused.', 'result'],
    ({ good, bad }) => [
      { labels: { result: 'good' }, value: good },
      { labels: { result: 'bad' }, value: bad },
    ],
  );
  observe(
    'gauge',
    ['meshbridge_config_last_good_timestamp_seconds', 'When the configuration that runs was taken.'],
    ({ lastGoodAtMs }) => [{ labels: {}, value: lastGoodAtMs / 1000 }],
  );
  observe(
    'gauge',
    ['meshbridge_config_settings_at_next_start', 'Changed settings that this process goes on without.'],
    ({ atNextStart }) => [{ labels: {}, value: atNextStart.length }],
  );
}
