import { type Fault, formatFault } from '../../config/fault.ts';
import type { TomlSource } from '../../config/toml-document.ts';
import type { PodExplanation, PodLogsExplanation, PodTargetExplanation } from '../../contract/status.ts';
import type { Pod } from '../../kube/kube.ts';
import type { Origin } from '../../model/batch.ts';
import type { PromConfig } from '../../scrape/config.ts';
import { leftOutBy } from '../../scrape/left-out.ts';
import type { Pair } from '../../scrape/naming.ts';
import type { TargetPod } from '../../scrape/target.ts';
import { hostsOf, readAnnotation } from './annotation.ts';
import {
  type FoundPage,
  isInjected,
  istioItself,
  istioTargets,
  type PodService,
  prometheusIo,
  type RuleResult,
  serviceReplica,
} from './pod-rules.ts';
import { shownAnnotations } from './shown-annotations.ts';

export interface PodPlanOptions {
  readonly istio: 'auto' | 'off';
  /** Services that tables of the configuration name: their replicas are scraped as those say. */
  readonly services?: readonly PodService[];
  /** Rules of the configuration that choose pods, each for itself. */
  readonly rules?: readonly ((pod: Pod) => RuleResult)[];
  /** For a pod of the host network: the other one that declares this port of the node. */
  readonly ownerOfPort?: (pod: Pod, port: number) => string | undefined;
  /** Where an annotation stands, for messages. */
  readonly sourceOf?: SourceOf;
  /** What follows for its logs, from whoever reads those. */
  readonly logsOf?: (pod: Pod, sourceOf?: SourceOf) => LogsOfPod;
}

type SourceOf = (annotation: string, text: string) => TomlSource;

export interface LogsOfPod {
  readonly containers: readonly PodLogsExplanation[];
  readonly faults: readonly Fault[];
  readonly warnings: readonly Fault[];
}

export interface PlannedTarget {
  /** One of its kind among all targets: pod uid, scheme, port and path. */
  readonly key: string;
  readonly url: string;
  readonly config: PromConfig;
  /** What it was found by, where no pod is known behind it. */
  readonly rule?: string;
  readonly pod?: TargetPod;
  /** It is of the cluster, and not of the node of whoever scrapes it. */
  readonly once?: true;
}

export interface PodPlan {
  readonly targets: readonly PlannedTarget[];
  /** Keys of what the elected agent scrapes in place of this one. */
  readonly elsewhere: ReadonlySet<string>;
  readonly explanation: PodExplanation;
  /** The same as in the explanation, with their places. */
  readonly faults: readonly Fault[];
  readonly warnings: readonly Fault[];
}

/** Annotations with `[[inputs.prom]]`, the stronger first. */
export const promAnnotations = ['meshbridge.io/prom.instances', 'datakit/prom.instances'] as const;

const mostTargets = 10;

/**
 * What is scraped of a pod, and why (design.md §7). Of several rules that name the same port and path the first counts:
 * a table of the configuration that names its Service, `meshbridge.io/prom.instances`, `datakit/prom.instances`, instances of
 * `[inputs.kubernetesprometheus]`, `prometheus.istio.io/scrape-targets`, `prometheus.io/*`, Istio known by itself.
 */
export function planOf(pod: Pod, options: PodPlanOptions): PodPlan {
  const planning = new Planning(pod, (port) => options.ownerOfPort?.(pod, port));
  const notNow = whyNotNow(pod);
  if (notNow === undefined) {
    planning.services(options.services ?? []);
    for (const annotation of promAnnotations) {
      planning.annotation(annotation, options);
    }
    for (const rule of options.rules ?? []) {
      planning.take(rule(pod));
    }
    planning.take(istioTargets(pod));
    planning.take(prometheusIo(pod));
    if (options.istio === 'auto') {
      planning.take(istioItself(pod));
    }
  }
  return planning.done(notNow ?? whyNothing(options), options.logsOf?.(pod, options.sourceOf));
}

function whyNotNow(pod: Pod): string | undefined {
  if (pod.deleting) {
    return 'it is being deleted';
  }
  if (pod.phase !== 'Running') {
    return `it is not running but ${pod.phase === '' ? 'of no known phase' : pod.phase}`;
  }
  return pod.ips.length === 0 ? 'it has no address yet' : undefined;
}

function whyNothing({ istio }: PodPlanOptions): string {
  const known = `${promAnnotations.join(', ')}, prometheus.io/scrape`;
  return istio === 'auto'
    ? `it has none of the annotations ${known}, and nothing of Istio runs in it`
    : `it has none of the annotations ${known}`;
}

class Planning {
  readonly #pod: Pod;
  readonly #targets = new Map<string, PlannedTarget>();
  readonly #explained: PodTargetExplanation[] = [];
  readonly #faults: Fault[] = [];
  readonly #warnings: Fault[] = [];
  /** Pages that a stronger rule has. */
  readonly #taken = new Set<string>();
  readonly #elsewhere = new Set<string>();
  #leftAlone: string | undefined;

  readonly #ownerOfPort: (port: number) => string | undefined;

  constructor(pod: Pod, ownerOfPort: (port: number) => string | undefined) {
    this.#pod = pod;
    this.#ownerOfPort = ownerOfPort;
  }

  services(services: readonly PodService[]): void {
    for (const service of services) {
      const page = service.isBehind(this.#pod) ? serviceReplica(this.#pod, service) : undefined;
      if (page === undefined) {
        continue;
      }
      const base = targetKey(this.#pod, page.url);
      // Two tables may want the same page in different ways; whatever else names it gives way.
      const key = `${base} of ${service.key}`;
      this.#taken.add(base);
      if (service.by === 'holder') {
        this.#elsewhere.add(key);
        this.#leftAlone ??= `the agent that holds the lease scrapes it, as [[inputs.prom]] has ${bare(service.url)}`;
      } else {
        this.#add(key, page);
      }
    }
  }

  annotation(name: string, { sourceOf }: PodPlanOptions): void {
    const text = this.#pod.annotations[name];
    if (text === undefined) {
      return;
    }
    const source = sourceOf?.(name, text) ?? { file: `${this.#pod.namespace}/${this.#pod.name}`, text, within: name };
    const read = readAnnotation(source, this.#pod);
    this.#faults.push(...read.faults);
    this.#warnings.push(...read.warnings);
    this.take({ pages: read.pages.map((page) => ({ ...page, rule: name })) });
  }

  take({ pages, refused, leftAlone }: RuleResult): void {
    this.#leftAlone ??= leftAlone;
    if (refused !== undefined) {
      this.#faults.push(refused);
    }
    for (const page of pages) {
      this.#page(page);
    }
  }

  #page(page: FoundPage): void {
    const key = targetKey(this.#pod, page.url);
    if (!this.#taken.has(key)) {
      this.#taken.add(key);
      this.#add(key, page);
    }
  }

  #add(key: string, page: FoundPage): void {
    const owner = this.#ownerOfPort(Number(portOfUrl(new URL(page.url))));
    if (owner !== undefined) {
      const message = `${page.written ?? page.url} is left out; that port of the node is the one of ${owner}`;
      this.#faults.push({ code: 'value', keyPath: page.rule, message });
      return;
    }
    if (this.#targets.size >= mostTargets) {
      const message = `${page.written ?? page.url} is left out; a pod has ${mostTargets} targets at most`;
      this.#faults.push({ code: 'value', keyPath: page.rule, message });
      return;
    }
    const pod = targetPodOf(this.#pod, page);
    this.#targets.set(key, { key, url: page.url, config: page.config, pod });
    this.#explained.push(explained(page, pod.labels));
  }

  done(whyNothing: string, logs?: LogsOfPod): PodPlan {
    const { namespace, name, workload } = this.#pod;
    const annotations = shownAnnotations(this.#pod);
    const why =
      this.#faults.length === 0 ? (this.#leftAlone ?? whyNothing) : 'what its annotations say cannot be followed';
    const faults = [...this.#faults, ...(logs?.faults ?? [])];
    const warnings = [...this.#warnings, ...(logs?.warnings ?? [])];
    const explanation = {
      namespace,
      pod: name,
      ...(workload !== undefined && { workload }),
      ...(isInjected(this.#pod) && { sidecar: true }),
      ...(annotations && { annotations }),
      targets: this.#explained,
      faults: faults.map(formatFault),
      warnings: warnings.map(formatFault),
      ...(this.#targets.size === 0 && { skipped: why }),
      ...(logs !== undefined && logs.containers.length > 0 && { logs: logs.containers }),
    };
    const found = { targets: [...this.#targets.values()], elsewhere: this.#elsewhere };
    return { ...found, explanation, faults, warnings };
  }
}

/** One of its kind among the targets of a pod. */
export function targetKey(pod: Pick<Pod, 'uid'>, address: string): string {
  const url = new URL(address);
  return [pod.uid, url.protocol, portOfUrl(url), url.pathname].join(' ');
}

export function portOfUrl({ port, protocol }: URL): string {
  return port === '' ? (protocol === 'https:' ? '443' : '80') : port;
}

/** What a target of the pod carries: its labels, and where redirects may lead. */
export function targetPodOf(pod: Pod, { url, rule }: Pick<FoundPage, 'url' | 'rule'>): TargetPod {
  const labels = labelsOf(pod, Number(portOfUrl(new URL(url))));
  return { origin: originOf(pod, labels), labels, hosts: hostsOf(pod), rule, injected: isInjected(pod) };
}

/** Labels that every target of the pod gets (interfaces.md, "Metric naming"). */
function labelsOf(pod: Pod, port: number): readonly Pair[] {
  const { labels } = pod;
  const container = containerOf(pod, port);
  const all: readonly (readonly [string, string | undefined])[] = [
    ['namespace', pod.namespace],
    ['pod', pod.name],
    ['container', container],
    ['node', pod.node],
    ['app', labels['app'] ?? labels['app.kubernetes.io/name']],
    ['version', labels['version'] ?? labels['app.kubernetes.io/version']],
  ];
  return all.flatMap(([name, value]) => (value === undefined || value === '' ? [] : [[name, value] as const]));
}

/** The one that declares the port; for a port that nobody declares, Istio's proxy for Istio's ports, else the only one. */
function containerOf({ containers }: Pod, port: number): string | undefined {
  const running = containers.filter(({ kind }) => kind !== 'init');
  const declared = running.find(({ ports }) => ports.some(({ number }) => number === port));
  if (declared !== undefined) {
    return declared.name;
  }
  const proxy = running.find(({ name }) => name === 'istio-proxy');
  if (proxy !== undefined && (port === 15_020 || port === 15_090)) {
    return proxy.name;
  }
  const others = running.filter((one) => one !== proxy);
  return others.length === 1 ? others[0]?.name : undefined;
}

function originOf(pod: Pod, labels: readonly Pair[]): Origin {
  const { container, app, version, node } = Object.fromEntries(labels);
  return {
    namespace: pod.namespace,
    pod: pod.name,
    podUid: pod.uid,
    ...(node !== undefined && { node }),
    ...(container !== undefined && { container }),
    ...(app !== undefined && { app }),
    ...(version !== undefined && { version }),
    ...(pod.workload !== undefined && { workload: pod.workload }),
  };
}

function explained({ url, written, rule, config }: FoundPage, labels: readonly Pair[]): PodTargetExplanation {
  const { source, interval, measurement_name: measurement, measurement_prefix: prefix } = config;
  return {
    url: bare(url),
    ...(written !== undefined && { written: written.replace(/\/\/[^/@]*@/, '//') }),
    rule,
    source,
    intervalMs: interval,
    ...(measurement !== '' && { measurement: prefix + measurement }),
    labels: { ...Object.fromEntries(labels), ...config.tags },
    leftOut: leftOutBy(config, rule),
  };
}

function bare(address: string): string {
  const url = new URL(address);
  url.username = '';
  url.password = '';
  return url.href;
}
