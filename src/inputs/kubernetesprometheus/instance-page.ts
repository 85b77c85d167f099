import type { Fault } from '../../config/fault.ts';
import { type PromConfig, promConfig } from '../../scrape/config.ts';
import type { Instance, KubernetesPrometheusConfig } from './kubernetesprometheus.ts';
import type { Resolve } from './placeholders.ts';

/** A page that an instance names of an object. */
export interface InstancePage {
  readonly url: string;
  readonly rule: string;
  readonly config: PromConfig;
}

/** The object of a cluster that an instance is held against. */
export interface Candidate {
  /** What the page is called where the instance has no measurement: DataKit's `<namespace>/<name>`. */
  readonly name: string;
  /** Address of the page, without brackets. */
  readonly ip: string;
  readonly resolve: Resolve;
  /** Port of the object behind that number or name; undefined where it has none such. Default: the number itself. */
  readonly portOf?: (port: string) => number | undefined;
}

export interface Settings {
  readonly config: KubernetesPrometheusConfig;
  readonly instance: Instance;
  /** Where the instance is written. */
  readonly key: string;
}

export const instanceRule = '[[inputs.kubernetesprometheus.instances]]';
const leastIntervalMs = 1_000;
const timeoutMs = 10_000;

/** The page of an object that the instance is meant for, undefined where its `scrape` says no, or why there is none. */
export function instancePage(settings: Settings, candidate: Candidate): InstancePage | Fault | undefined {
  const { instance } = settings;
  const { resolve } = candidate;
  if (resolve(instance.scrape) !== 'true') {
    return undefined;
  }
  const written = resolve(instance.port) ?? '';
  const port = candidate.portOf === undefined ? portOf(written) : candidate.portOf(written);
  if (port === undefined) {
    const why = written === '' ? 'stands for nothing here' : `stands for "${written}", which is no port here`;
    return fault(settings, 'port', why);
  }
  const scheme = resolve(instance.scheme)?.toLowerCase() ?? 'http';
  if (scheme !== 'http' && scheme !== 'https') {
    return fault(settings, 'scheme', `stands for "${scheme}", which is neither http nor https`);
  }
  // Part by part: a path such as `//other/` would be read as a host.
  const url = new URL(`${scheme}://${candidate.ip.includes(':') ? `[${candidate.ip}]` : candidate.ip}:${port}`);
  const [own = '', ...query] = (resolve(instance.path) ?? '/metrics').split('?');
  url.pathname = own;
  url.search = [...query, instance.params].filter((part) => part !== '').join('&');
  return { url: url.href, rule: instanceRule, config: pageConfig(settings, candidate, url) };
}

export function isFault(found: InstancePage | Fault): found is Fault {
  return 'message' in found;
}

/** Where an instance is written. */
export function instanceKey(index: number): string {
  return `inputs.kubernetesprometheus.instances[${index}]`;
}

function portOf(text: string): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 65_535 ? port : undefined;
}

function fault(settings: Settings, key: 'port' | 'scheme', message: string): Fault {
  const { instance } = settings;
  const keyPath = `${settings.key}.${key}`;
  return {
    code: 'value',
    keyPath,
    message: `"${instance[key]}" ${message}`,
    hint: 'nothing is scraped by this instance',
  };
}

function pageConfig({ config, instance }: Settings, { name, resolve }: Candidate, url: URL): PromConfig {
  const { http_headers, auth, custom } = instance;
  const { tls_config: tls, bearer_token_file: tokenFile } = auth;
  const measurement = custom.measurement === '' ? '' : (resolve(custom.measurement) ?? '');
  const { cert, cert_key, server_name } = tls;
  return {
    ...promConfig.parse({
      url: url.href,
      source: measurement === '' ? name : measurement,
      measurement_name: measurement,
      keep_exist_metric_name: config.keep_exist_metric_name,
      honor_timestamps: config.honor_timestamps,
      tags: tagsOf({ ...config.global_tags, ...custom.tags }, resolve, url),
      http_headers,
      ...(tokenFile !== undefined && { auth: { token_file: tokenFile } }),
      insecure_skip_verify: tls.insecure_skip_verify,
      ca_certs: tls.ca_certs,
      ...(cert !== undefined && { cert }),
      ...(cert_key !== undefined && { cert_key }),
      ...(server_name !== undefined && { server_name }),
    }),
    interval: Math.max(config.scrape_interval, leastIntervalMs),
    timeout: timeoutMs,
  };
}

/** What stands for nothing here is left out. */
function tagsOf(tags: Readonly<Record<string, string>>, resolve: Resolve, url: URL): Readonly<Record<string, string>> {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const own: Resolve = (value) => {
    if (value === '__kubernetes_mate_instance') {
      return hostAndPort(url);
    }
    return value === '__kubernetes_mate_host' ? withoutLoopback(host) : resolve(value);
  };
  return Object.fromEntries(
    Object.entries(tags).flatMap(([name, value]) => {
      const found = own(value);
      return found === undefined ? [] : [[name, found]];
    }),
  );
}

function hostAndPort({ host, port, protocol, hostname }: URL): string {
  return port === '' ? `${hostname}:${protocol === 'https:' ? 443 : 80}` : host;
}

function withoutLoopback(host: string): string | undefined {
  return host === 'localhost' || host === '::1' || host.startsWith('127.') ? undefined : host;
}
