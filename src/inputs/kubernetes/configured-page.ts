import { isPath, type PromConfig } from '../../scrape/config.ts';

/** A page of an `[[inputs.prom]]` that is not on this machine. */
export interface ConfiguredPage {
  /** As it is written. */
  readonly url: string;
  /** Settings of this page alone. */
  readonly config: PromConfig;
  readonly service?: ServiceAddress;
  /** Of several agents that have the table, one is to scrape it. */
  readonly once: boolean;
}

/** The Service that a URL names. */
export interface ServiceAddress {
  readonly namespace: string;
  readonly name: string;
  /** One endpoint of a headless Service. */
  readonly hostname?: string;
  /** Undecided where the same name may be one of the internet, such as `node.example`. */
  readonly certain: boolean;
}

const label = '[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?';
const qualified = new RegExp(`^(?:(${label})\\.)?(${label})\\.(${label})\\.svc(?:\\.|$)`);
const short = new RegExp(`^(${label})\\.(${label})$`);

/** Undefined where the host is no name that a Service may have. */
export function serviceAddress(url: string): ServiceAddress | undefined {
  const host = hostOf(url).replace(/\.$/, '');
  const [, hostname, name, namespace] = qualified.exec(host) ?? [];
  if (name !== undefined && namespace !== undefined) {
    return { namespace, name, certain: true, ...(hostname !== undefined && { hostname }) };
  }
  const [, shortName, shortNamespace] = short.exec(host) ?? [];
  if (shortName === undefined || shortNamespace === undefined || /^\d+$/.test(shortNamespace)) {
    return undefined;
  }
  return { namespace: shortNamespace, name: shortName, certain: /^istiod(?:-[\w-]+)?$/.test(shortName) };
}

/** Files, unix sockets, and addresses that mean this machine: each agent has its own. */
export function isOnThisMachine(url: string, config: PromConfig): boolean {
  if (isPath(url) || config.uds_path !== undefined) {
    return true;
  }
  const host = hostOf(url);
  return (
    host === 'localhost' || host.endsWith('.localhost') || /^127\.|^0\.0\.0\.0$|^\[::1?\]$|^\[::ffff:7f/.test(host)
  );
}

/** Addresses of the node: each agent has its own, and pods of the host network may have them. */
export function isOfThisNode(url: string, ownAddresses: readonly string[]): boolean {
  return ownAddresses.includes(hostOf(url).replace(/^\[(.*)\]$/, '$1'));
}

function hostOf(url: string): string {
  return URL.parse(url)?.hostname.toLowerCase() ?? '';
}
