import type { LoadedConfig } from '../config/load.ts';
import type { BridgeStatus } from '../contract/status.ts';
import { hubOutput } from '../outputs/hub/hub.ts';

export interface RoleFacts {
  readonly config: Pick<LoadedConfig, 'inputs' | 'outputs' | 'kubernetes'>;
  readonly inCluster: boolean;
  /** Have agents sent records here of late? Asked only where nothing else tells. */
  readonly hasAgents: () => boolean;
}

/** Which of the shapes of docs/hub.md this process has, and where the others are. */
export function roleOf({ config, inCluster, hasAgents }: RoleFacts): Pick<BridgeStatus, 'role' | 'hub' | 'isAlone'> {
  const link = config.outputs.find(({ type }) => type === 'hub');
  if (link !== undefined) {
    const { urls, page } = hubOutput.config.parse(link.config);
    return { role: 'agent', hub: { urls, page: page ?? originOf(urls[0]) } };
  }
  const isMeant = config.inputs.some(({ type, byDefault }) => type === 'hub' && !byDefault);
  if (isMeant || config.kubernetes.token_secret !== undefined || hasAgents()) {
    return { role: 'hub' };
  }
  return { role: 'all-in-one', ...(inCluster ? { isAlone: true } : {}) };
}

function originOf(url: string | undefined): string {
  return url === undefined ? '' : `${new URL(url).origin}/`;
}
