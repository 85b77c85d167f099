import type { ClusterAccess } from './cluster-access.ts';

/** The node that this runs on, and the way to the API server of its cluster. */
export interface NodePlace {
  readonly access: () => Promise<ClusterAccess>;
  readonly node: string;
  readonly nodeIp?: string;
}
