import type { Fault } from '../../config/fault.ts';
import type { Endpoint, EndpointSlice, Service } from '../../kube/kube.ts';
import { type InstancePage, instanceKey, instancePage, isFault, type Settings } from './instance-page.ts';
import { instanceSchema, type KubernetesPrometheusConfig } from './kubernetesprometheus.ts';
import { endpointValues, type Resolve, serviceValues } from './placeholders.ts';
import { parseSelector } from './selector.ts';

/** One endpoint behind a Service. */
export interface EndpointFacts {
  readonly slice: EndpointSlice;
  readonly endpoint: Endpoint;
  readonly ip: string;
  readonly service: Service | undefined;
}

/** What an instance finds at an endpoint: a page, or why there is none. */
export interface EndpointPages {
  readonly pages: readonly InstancePage[];
  readonly refused?: Fault;
}

/** An instance of role `service` or `endpoints`. */
export interface EndpointRule {
  readonly key: string;
  readonly namespaces: readonly string[];
  /** For the API server: empty where it would not understand it. */
  readonly labelSelector: string;
  readonly services: 'wanted' | 'not wanted';
  readonly find: (facts: EndpointFacts) => EndpointPages;
}

const nothing: EndpointPages = { pages: [] };

/**
 * One rule for each instance of role `service` or `endpoints`, in their order, and one for the annotations of Services where
 * those are wanted.
 */
export function endpointRules(config: KubernetesPrometheusConfig): readonly EndpointRule[] {
  const written = config.instances.flatMap((instance, index) =>
    instance.role === 'service' || instance.role === 'endpoints'
      ? [ruleOf({ config, instance, key: instanceKey(index) })]
      : [],
  );
  return config.enable_discovery_of_prometheus_service_annotations ? [...written, annotatedServices(config)] : written;
}

const annotation = '__kubernetes_service_annotation_prometheus.io/';

/** `prometheus.io/{scrape,port,path,param_measurement,param_tags}` on a Service. DataKit knows no scheme but http there. */
function annotatedServices(config: KubernetesPrometheusConfig): EndpointRule {
  const instance = instanceSchema.parse({
    role: 'service',
    scrape: `${annotation}scrape`,
    port: `${annotation}port`,
    path: `${annotation}path`,
    custom: {
      measurement: `${annotation}param_measurement`,
      tags: {
        instance: '__kubernetes_mate_instance',
        host: '__kubernetes_mate_host',
        namespace: '__kubernetes_service_namespace',
        service_name: '__kubernetes_service_name',
        pod_name: '__kubernetes_service_target_name',
      },
    },
  });
  const key = 'inputs.kubernetesprometheus.enable_discovery_of_prometheus_service_annotations';
  const rule = ruleOf({ config, instance, key });
  return {
    ...rule,
    find: (facts) => withTags(rule.find(facts), facts.service?.annotations['prometheus.io/param_tags']),
  };
}

function withTags(found: EndpointPages, text = ''): EndpointPages {
  const pairs = text.split(',').map((pair) => pair.split('=').map((part) => part.trim()));
  const tags = Object.fromEntries(pairs.filter(([name = '', value = '']) => name !== '' && value !== ''));
  const pages = found.pages.map((page) => ({
    ...page,
    config: { ...page.config, tags: { ...page.config.tags, ...tags } },
  }));
  return { ...found, pages };
}

function ruleOf(settings: Settings): EndpointRule {
  const { role, namespaces, selector } = settings.instance;
  const isMeant = parseSelector(selector) ?? (() => false);
  return {
    key: settings.key,
    namespaces,
    // The labels of a Service are those of its slices too.
    labelSelector: /[*?<>]/.test(selector) ? '' : selector.trim(),
    services: role === 'service' ? 'wanted' : 'not wanted',
    find: (facts) => {
      const { labels } = facts.service ?? facts.slice;
      return isMeant(labels) ? pagesOf(settings, facts) : nothing;
    },
  };
}

function pagesOf(settings: Settings, facts: EndpointFacts): EndpointPages {
  const { slice, endpoint, ip, service } = facts;
  const ofEndpoint = endpointValues(slice, endpoint, ip);
  const ofService = service === undefined ? undefined : serviceValues(service, ofEndpoint);
  const resolve: Resolve = ofService ?? ofEndpoint;
  const portOf = (port: string): number | undefined => portBehind(port, slice, service);
  const found = instancePage(settings, { name: `${slice.namespace}/${slice.service}`, ip, resolve, portOf });
  if (found === undefined) {
    return nothing;
  }
  return isFault(found) ? { pages: [], refused: found } : { pages: [found] };
}

/** A number that the endpoints have, else one that the Service has for them, else a name. */
function portBehind(port: string, { ports }: EndpointSlice, service: Service | undefined): number | undefined {
  const same = ports.find(({ number }) => String(number) === port);
  const outer = service?.ports.find(({ number, target }) => String(number) === port || String(target) === port);
  const named = ports.find(({ name }) => name === (outer === undefined ? port : outer.name));
  return (same ?? named)?.number;
}
