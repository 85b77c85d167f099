import type { Fault } from '../../config/fault.ts';
import type { Pod } from '../../kube/kube.ts';
import { annotationConfig, type PromConfig } from '../../scrape/config.ts';
import { hostOf } from './annotation.ts';

/** A page that a rule finds in a pod. */
export interface FoundPage {
  readonly url: string;
  readonly written?: string;
  readonly rule: string;
  readonly config: PromConfig;
}

export interface RuleResult {
  readonly pages: readonly FoundPage[];
  /** Why the rule, though it concerns the pod, finds nothing. */
  readonly refused?: Fault;
  /** Why the pod is rightly left alone by it. */
  readonly leftAlone?: string;
}

const nothing: RuleResult = { pages: [] };
const scrapeTargets = 'prometheus.istio.io/scrape-targets';
const istioProxy = 'istio-proxy';
const mergedPort = 15_020;

interface PageParts {
  readonly scheme?: string;
  readonly port: number;
  readonly path: string;
  readonly rule: string;
  readonly source: string;
  readonly more?: Readonly<Record<string, unknown>>;
}

/** `prometheus.io/{scrape,port,path,scheme}`, and DataKit's `param_measurement` and `param_tags` (spec of DataKit §2.2). */
export function prometheusIo(pod: Pod): RuleResult {
  const of = (name: string): string => (pod.annotations[`prometheus.io/${name}`] ?? '').trim();
  if (of('scrape') !== 'true') {
    return nothing;
  }
  const rule = 'prometheus.io/scrape';
  const declared = [...new Set(pod.containers.flatMap(({ ports }) => ports.map(({ number }) => number)))];
  const port = of('port') === '' && declared.length === 1 ? declared[0] : portOf(of('port'));
  if (port === undefined) {
    return of('port') === ''
      ? refusal(rule, 'prometheus.io/port is missing', 'write the port of the page')
      : refusal(rule, `prometheus.io/port "${of('port')}" is no port`, 'write the port of the page');
  }
  const scheme = of('scheme') === '' ? 'http' : of('scheme').toLowerCase();
  if (scheme !== 'http' && scheme !== 'https') {
    return refusal(rule, `prometheus.io/scheme "${scheme}" is neither http nor https`, 'write one of them');
  }
  const path = of('path') === '' ? '/metrics' : of('path');
  // Injection writes these annotations for Istio's own page.
  const istios = (isInjected(pod) && port === mergedPort) || (isIstiod(pod) && port === 15_014);
  const measurement = of('param_measurement') === '' && istios ? istioNames.measurement_name : of('param_measurement');
  const more = { measurement_name: measurement, tags: tagsOf(of('param_tags')) };
  return { pages: [page(pod, { scheme, port, path, rule, source: 'kubernetes-pods', more })] };
}

/** A list of `port:path`. Where Istio's proxy runs in the pod, it merges them into its own page: they are not read twice. */
export function istioTargets(pod: Pod): RuleResult {
  const text = pod.annotations[scrapeTargets];
  if (text === undefined || isInjected(pod)) {
    return nothing;
  }
  const entries = text.split(',').map((entry) => /^(\d+)(?::(\/.*))?$/.exec(entry.trim()));
  const pages = entries.flatMap((entry) => {
    const port = portOf(entry?.[1] ?? '');
    const path = entry?.[2] ?? '/metrics';
    return port === undefined ? [] : [page(pod, { port, path, rule: scrapeTargets, source: 'kubernetes-pods' })];
  });
  return pages.length === entries.length
    ? { pages }
    : { ...refusal(scrapeTargets, `"${text}" is not a list of port:path`, 'write such as "8080:/metrics"'), pages };
}

/** A Service that an `[[inputs.prom]]` names, as far as it concerns the pods of this node. */
export interface PodService {
  /** Of the table that names it: two tables may name the same one. */
  readonly key: string;
  /** As it is written. */
  readonly url: string;
  readonly config: PromConfig;
  readonly isBehind: (pod: Pod) => boolean;
  /** Port of the pod that the port of the URL leads to. */
  readonly portOf: (pod: Pod) => number | undefined;
  /** Its replicas are scraped by the one agent that was elected, or each by the agent of its node. */
  readonly by: 'holder' | 'node';
}

/**
 * A Service answers with one replica at random, and every agent has its table: instead each replica is scraped at its own
 * address, with the settings of the table.
 */
export function serviceReplica(pod: Pod, { url: written, config, portOf: port }: PodService): FoundPage | undefined {
  const number = port(pod);
  return number === undefined ? undefined : replicaPage(pod.ips[0] ?? '', number, { written, config });
}

/** The page of one replica, where the configuration has the URL of its Service. */
export function replicaPage(
  ip: string,
  port: number,
  { written, config }: { readonly written: string; readonly config: PromConfig },
): FoundPage {
  const own = new URL(written);
  const { hostname } = own;
  own.hostname = hostOf(ip);
  own.port = String(port);
  // Its certificate is for the Service.
  const tls = own.protocol === 'https:' && config.server_name === undefined ? { server_name: hostname } : {};
  return { url: own.href, written, rule: configuredRule, config: { ...config, ...tls, url: own.href, urls: [] } };
}

export const configuredRule = '[[inputs.prom]]';

/** What Istio runs has its pages at known places, with or without annotations. */
export function istioItself(pod: Pod): RuleResult {
  const rule = 'istio';
  if (isIstiod(pod)) {
    return { pages: [page(pod, { port: 15_014, path: '/metrics', rule, source: 'istiod', more: istioNames })] };
  }
  if (!isInjected(pod)) {
    return nothing;
  }
  if (pod.annotations['prometheus.io/scrape'] === 'false') {
    return { pages: [], leftAlone: 'its prometheus.io/scrape is "false"' };
  }
  // Its container is called istio-proxy too.
  return pod.labels['app'] === 'ztunnel'
    ? { pages: [page(pod, { port: mergedPort, path: '/metrics', rule, source: 'ztunnel', more: istioNames })] }
    : {
        pages: [
          page(pod, { port: mergedPort, path: '/stats/prometheus', rule, source: 'envoy-stats', more: istioNames }),
        ],
      };
}

function refusal(keyPath: string, message: string, hint: string): RuleResult {
  return { pages: [], refused: { code: 'value', keyPath, message, hint } };
}

/** The measurement that DataKit's guide for Istio and its dashboards use. */
const istioNames = { measurement_name: 'istio_prom' };

export function isIstiod(pod: Pod): boolean {
  return pod.labels['app'] === 'istiod' && runs(pod, 'discovery');
}

/** Whether Istio's proxy runs in it. */
export function isInjected(pod: Pod): boolean {
  return runs(pod, istioProxy);
}

function runs(pod: Pod, container: string): boolean {
  return pod.containers.some(({ name, kind }) => name === container && kind !== 'init');
}

function page(pod: Pod, { scheme = 'http', port, path, rule, source, more }: PageParts): FoundPage {
  // Part by part: a path such as `//other/` would be read as a host.
  const url = new URL(`${scheme}://${hostOf(pod.ips[0] ?? '')}:${port}`);
  const [own = '', ...query] = path.split('?');
  url.pathname = own;
  url.search = query.join('?');
  const settings = { url: url.href, source, interval: '15s', timeout: '10s', keep_exist_metric_name: true, ...more };
  // Labels of Istio's pages are the truth about both sides of a call.
  const config = annotationConfig.parse({ ...settings, honor_labels: true, honor_timestamps: true });
  return { url: url.href, rule, config };
}

function portOf(text: string): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 65_535 ? port : undefined;
}

function tagsOf(text: string): Readonly<Record<string, string>> {
  const pairs = text.split(',').map((pair) => pair.split('=').map((part) => part.trim()));
  return Object.fromEntries(pairs.filter(([name = '', value = '']) => name !== '' && value !== ''));
}
