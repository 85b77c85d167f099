import type { DestinationRule, HttpRoute, StringMatch, VirtualService } from '../state/istio-rules.ts';

type Json = Readonly<Record<string, unknown>>;

const apiVersion = 'networking.istio.io/v1';

/** As `kubectl get -o json` shows it, but for what the API server adds. */
export function virtualServiceObject({ name, namespace, hosts, gateways, http }: VirtualService): Json {
  return {
    apiVersion,
    kind: 'VirtualService',
    metadata: { name, namespace },
    spec: { hosts, ...(gateways.length > 0 && { gateways }), http: http.map(routeObject) },
  };
}

export function destinationRuleObject({ name, namespace, host, subsets }: DestinationRule): Json {
  return { apiVersion, kind: 'DestinationRule', metadata: { name, namespace }, spec: { host, subsets } };
}

function routeObject({ match, route, fault, timeoutMs, retries }: HttpRoute): Json {
  const { delay, abort } = fault ?? {};
  return {
    ...(match.length > 0 && { match: match.map(matchObject) }),
    ...(fault && {
      fault: {
        ...(delay && { delay: { percentage: { value: delay.percent }, fixedDelay: duration(delay.fixedMs) } }),
        ...(abort && { abort: { percentage: { value: abort.percent }, httpStatus: abort.httpStatus } }),
      },
    }),
    route: route.map(({ host, subset, port, weight }) => ({
      destination: {
        host,
        ...(subset !== undefined && { subset }),
        ...(port !== undefined && { port: { number: port } }),
      },
      ...(weight > 0 && { weight }),
    })),
    ...(timeoutMs !== undefined && { timeout: duration(timeoutMs) }),
    ...(retries && {
      retries: {
        attempts: retries.attempts,
        ...(retries.perTryTimeoutMs !== undefined && { perTryTimeout: duration(retries.perTryTimeoutMs) }),
      },
    }),
  };
}

function matchObject({ uri, headers }: { readonly uri?: StringMatch; readonly headers: Json }): Json {
  return { ...(uri && { uri }), ...(Object.keys(headers).length > 0 && { headers }) };
}

function duration(ms: number): string {
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}
