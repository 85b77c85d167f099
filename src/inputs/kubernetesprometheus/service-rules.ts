import type { Fault } from '../../config/fault.ts';
import type { Endpoint, EndpointSlice, Service } from '../../kube/kube.ts';
import { type InstancePage, instancePage, isFault, keyOf, type Settings } from './instance-page.ts';
import type { KubernetesPrometheusConfig } from './kubernetesprometheus.ts';
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

/** One rule for each instance of role `service` or `endpoints`, in their order. */
export function endpointRules(config: KubernetesPrometheusConfig): readonly EndpointRule[] {
  return config.instances.flatMap((instance, index) =>
    instance.role === 'service' || instance.role === 'endpoints' ? [ruleOf({ config, instance, index })] : [],
  );
}

function ruleOf(settings: Settings): EndpointRule {
  const { role, namespaces, selector } = settings.instance;
  const isMeant = parseSelector(selector) ?? (() => false);
  return {
    key: keyOf(settings),
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
