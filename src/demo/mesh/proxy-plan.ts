import type { PodAddress } from './addresses.ts';
import type { Identity } from './certificates.ts';
import { serviceHost, servicePort, type Workload } from './topology.ts';

/** What one Envoy of the mesh is told. */
export interface ProxyPlan {
  readonly workload: Workload;
  readonly address: PodAddress;
  /** For each service that the workload calls: where the sidecars of its pods listen. */
  readonly endpoints: Readonly<Record<string, readonly PodAddress[]>>;
  readonly identity: Identity;
  /** PEM of the authority that all identities are of. */
  readonly authority: string;
  /** `host` is an IP address. */
  readonly zipkin: { readonly host: string; readonly port: number };
}

/** Prefix of the names of Envoy's types. */
export const types = 'type.googleapis.com/envoy';

/** Name of the cluster that is the own workload. */
export const inboundCluster = `inbound|${servicePort}||`;

/** Name of the cluster of a service that is called. */
export function outboundCluster(service: string): string {
  return `outbound|${servicePort}||${serviceHost(service)}`;
}

export function socket(host: string, port: number): object {
  return { socket_address: { address: host, port_value: port } };
}
