import type { PodAddress } from './addresses.ts';
import type { Identity } from './certificates.ts';
import { type Called, serviceHost, type Topology, type Workload } from './topology.ts';

/** What one Envoy of the mesh is told at its start. */
export interface ProxyPlan {
  readonly topology: Topology;
  readonly workload: Workload;
  readonly address: PodAddress;
  readonly identity: Identity;
  /** PEM of the authority that all identities are of. */
  readonly authority: string;
  /** `host` is an IP address. */
  readonly zipkin: { readonly host: string; readonly port: number };
  /** Where the files are whose content changes while it runs. */
  readonly files: ProxyFiles;
}

/** Absolute paths of discovery responses, as JSON. */
export interface ProxyFiles {
  readonly clusters: string;
  readonly routes: string;
  readonly runtime: string;
}

/** Prefix of the names of Envoy's types. */
export const types = 'type.googleapis.com/envoy';

/** Name of the cluster that is one port of the own workload. */
export function inboundCluster(port: number): string {
  return `inbound|${port}||`;
}

/** Name of the cluster of a service that is called, or of one subset of it. */
export function outboundCluster({ service, port }: Called, subset = ''): string {
  return `outbound|${port.number}|${subset}|${serviceHost(service)}`;
}

/** What a caller asks for in its TLS handshake: the cluster's name, in letters that host names may have. */
export function serverName({ service, port }: Called, subset = ''): string {
  return `outbound_.${port.number}_.${subset}_.${serviceHost(service)}`;
}

export function socket(host: string, port: number): object {
  return { socket_address: { address: host, port_value: port } };
}
