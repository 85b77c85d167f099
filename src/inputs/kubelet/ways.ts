import type { ClusterAccess } from '../../kube/cluster-access.ts';
import type { NodePlace } from '../../kube/node-place.ts';
import type { Explained } from '../../scrape/explain.ts';
import type { KubeletConfig } from './kubelet.ts';

/** Where the kubelet is, as far as the cluster tells. */
export interface KubeletPlace extends Omit<NodePlace, 'access'> {
  readonly access: ClusterAccess;
}

/** One way to the pages of a kubelet. */
export interface Way {
  readonly name: 'kubelet' | 'API server';
  /** What the path of a page is put behind. */
  readonly base: string;
  /** `host:port` of the kubelet, whichever way leads there. */
  readonly instance: string;
  /** Empty where it is not known. */
  readonly node: string;
  /** Whether the other side must show a certificate of a known authority. */
  readonly verified: boolean;
  readonly tokenFile?: string;
  readonly caFile?: string;
}

const kubeletPort = 10_250;

/** The ways that the settings allow, the better first. None where nothing says where the kubelet is. */
export function waysOf(config: KubeletConfig, place: KubeletPlace | undefined): readonly Way[] {
  const direct = config.via === 'api_server' ? [] : directWays(config, place);
  return config.via === 'kubelet' ? direct : [...direct, ...proxiedWays(config, place)];
}

function directWays(config: KubeletConfig, place: KubeletPlace | undefined): readonly Way[] {
  const base = addressOf(config, place);
  if (base === undefined) {
    return [];
  }
  const isSecure = base.startsWith('https:');
  // No token goes over a line that anyone can read.
  const tokenFile = isSecure ? (config.token_file ?? place?.access.tokenFile) : undefined;
  const caFile = config.ca_file ?? place?.access.caFile;
  const way = {
    name: 'kubelet' as const,
    base,
    instance: new URL(base).host,
    node: place?.node ?? '',
    ...(tokenFile !== undefined && { tokenFile }),
    ...(caFile !== undefined && { caFile }),
  };
  const tries = { auto: isSecure ? [true, false] : [false], always: [true], never: [false] }[config.verify];
  return tries.map((verified) => ({ ...way, verified }));
}

/** Undefined outside a cluster, where none was written. */
function addressOf({ url }: KubeletConfig, place: KubeletPlace | undefined): string | undefined {
  if (url !== undefined) {
    return url.replace(/\/+$/, '');
  }
  const host = place?.nodeIp ?? place?.node;
  return host === undefined ? undefined : `https://${host.includes(':') ? `[${host}]` : host}:${kubeletPort}`;
}

function proxiedWays(config: KubeletConfig, place: KubeletPlace | undefined): readonly Way[] {
  // What a kubeconfig gives is not for targets.
  if (place === undefined || place.access.login !== undefined) {
    return [];
  }
  const { access, node } = place;
  const { tokenFile, caFile } = access;
  const direct = addressOf(config, place);
  return [
    {
      name: 'API server',
      base: `${access.url.replace(/\/+$/, '')}/api/v1/nodes/${encodeURIComponent(node)}/proxy`,
      instance: direct === undefined ? `${node}:${kubeletPort}` : new URL(direct).host,
      node,
      verified: true,
      ...(tokenFile !== undefined && { tokenFile }),
      ...(caFile !== undefined && { caFile }),
    },
  ];
}

const certificateFaults: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'CERT_HAS_EXPIRED',
]);

/** Nothing but the certificate was wrong. */
export function isCertificateFault({ code }: Explained): boolean {
  return code !== undefined && certificateFaults.has(code);
}

/** It answered, and does not let us in: asking often would not help. */
export function isRefusal({ code }: Explained): boolean {
  return code === 'HTTP 401' || code === 'HTTP 403';
}

/** The failure with what its reader may do about it here. */
export function explainedBy(way: Way, failure: Explained): Explained {
  const hint = hintFor(way, failure);
  return hint === undefined ? failure : { ...failure, hint };
}

const unreachable = new Set(['ECONNREFUSED', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'TIMEOUT']);

function hintFor({ name }: Way, { code, hint }: Explained): string | undefined {
  const isKubelet = name === 'kubelet';
  switch (code) {
    case 'HTTP 403': {
      const resource = isKubelet ? 'nodes/metrics' : 'nodes/proxy';
      return `grant it to the service account: ClusterRole rule {apiGroups: [""], resources: [${resource}], verbs: [get]}`;
    }
    case 'HTTP 401':
      return isKubelet
        ? 'the kubelet does not take the token: it needs authentication.webhook.enabled, and the pod a service account token'
        : 'the API server does not take the token: does the pod have a service account token?';
    case 'HTTP 404':
      return 'this kubelet has no such page; cadvisor = false or resource = false leaves it out';
    case 'ENOENT':
      return 'mount the service account (automountServiceAccountToken: true), or name token_file and ca_file';
    default:
  }
  if (isKubelet && code !== undefined && certificateFaults.has(code)) {
    return 'name its authority in ca_file, or write verify = "auto"';
  }
  return isKubelet && unreachable.has(code ?? '')
    ? 'set ENV_K8S_NODE_IP from status.hostIP, and let pods reach port 10250 of their node'
    : hint;
}
