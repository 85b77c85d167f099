import type { Fault } from '../../config/fault.ts';
import type { Pod } from '../../kube/kube.ts';
import { hostOf } from './annotation.ts';
import { annotationConfig, type PromConfig } from './config.ts';

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
  const more = { measurement_name: of('param_measurement'), tags: tagsOf(of('param_tags')) };
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

/** What Istio runs has its pages at known places, with or without annotations. */
export function istioItself(pod: Pod, istiodUrl: string | undefined): RuleResult {
  const rule = 'istio';
  if (pod.labels['app'] === 'istiod' && runs(pod, 'discovery')) {
    return istiodUrl === undefined
      ? { pages: [page(pod, { port: 15_014, path: '/metrics', rule, source: 'istiod', more: istioNames })] }
      : { pages: [], leftAlone: `istiod is scraped by [[inputs.prom]] ${istiodUrl}` };
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

/** Whether Istio's proxy runs in it. */
export function isInjected(pod: Pod): boolean {
  return runs(pod, istioProxy);
}

function runs(pod: Pod, container: string): boolean {
  return pod.containers.some(({ name, kind }) => name === container && kind !== 'init');
}

function page(pod: Pod, { scheme = 'http', port, path, rule, source, more }: PageParts): FoundPage {
  const own = path.startsWith('/') ? path : `/${path}`;
  const url = new URL(own, `${scheme}://${hostOf(pod.ips[0] ?? '')}:${port}`);
  // A path such as `//other/` would be read as a host.
  url.hostname = hostOf(pod.ips[0] ?? '');
  url.port = String(port);
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
