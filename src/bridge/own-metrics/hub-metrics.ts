import { agentsOf } from '../../api/setup/machine.ts';
import type { BridgeStatus } from '../../contract/status.ts';
import type { Telemetry } from '../../telemetry/telemetry.ts';

/** What a hub says of its agents, as they were heard since it began. */
export function observeAgents(telemetry: Telemetry, status: () => BridgeStatus): void {
  const name = 'meshbridge_hub_agent_silence_seconds';
  const help = 'Time since an agent sent something.';
  telemetry.observe({ kind: 'gauge', name, help, labels: ['node'] }, () => {
    const now = status();
    return agentsOf(now).map(({ node, lastSeenMs }) => ({
      labels: { node },
      value: Math.max(0, now.nowMs - lastSeenMs) / 1000,
    }));
  });
}
