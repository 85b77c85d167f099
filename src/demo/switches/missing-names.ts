import { fullHost } from '../mesh/routes.ts';
import type { DestinationRule, RouteDestination, VirtualService } from '../state/istio-rules.ts';
import type { Rules } from './rule-changes.ts';

/**
 * One line for each name in the rules that leads nowhere. Such rules are taken all the same, as Istio takes them; why they do
 * not do what they say would else be a riddle. `hosts`: the services that there are, `reviews.default.svc.cluster.local`.
 */
export function missingNames(
  { virtualServices, destinationRules }: Rules,
  hosts: readonly string[],
): readonly string[] {
  const isMissing = (host: string, namespace: string) => !hosts.includes(fullHost(host, namespace));
  const hasSubset = (host: string, name: string) =>
    destinationRules.some((rule) => fullHost(rule.host, rule.namespace) === host && namesSubset(rule, name));

  const lostAt = ({ host, subset }: RouteDestination, namespace: string): string | undefined => {
    if (isMissing(host, namespace)) {
      return `there is no service ${host}`;
    }
    return subset === undefined || hasSubset(fullHost(host, namespace), subset)
      ? undefined
      : `no DestinationRule names the subset ${subset} of ${host}`;
  };

  const ofServices = virtualServices.flatMap((rule) => {
    const { name, namespace, http } = rule;
    const unknown = calledHosts(rule).filter((host) => isMissing(host, namespace));
    const lost = http.flatMap(({ route }) => route.flatMap((one) => lostAt(one, namespace) ?? []));
    return [
      ...unknown.map((host) => `there is no service ${host}: it routes nothing`),
      ...lost.map((why) => `${why}: what it sends there is answered with 503`),
    ].map((line) => `VirtualService ${namespace}/${name}: ${line}`);
  });
  const ofDestinations = destinationRules
    .filter(({ host, namespace }) => isMissing(host, namespace))
    .map(({ name, namespace, host }) => `DestinationRule ${namespace}/${name}: there is no service ${host}`);
  return [...new Set([...ofServices, ...ofDestinations])];
}

function namesSubset({ subsets }: DestinationRule, name: string): boolean {
  return subsets.some((subset) => subset.name === name);
}

/** Those that sidecars ask for; the hosts of a gateway are names of the world outside. */
function calledHosts({ hosts, gateways }: VirtualService): readonly string[] {
  return gateways.length === 0 || gateways.includes('mesh') ? hosts : [];
}
