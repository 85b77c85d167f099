import type {
  Fault,
  HttpMatch,
  HttpRoute,
  RouteDestination,
  StringMatch,
  VirtualService,
} from '../state/istio-rules.ts';
import { readName } from './object-name.ts';
import type { RuleNode } from './rule-node.ts';

const mostAttempts = 100;

/** Empty where there is no `spec`; what else is wrong is noted. */
export function readVirtualService(object: RuleNode, namespace: string): readonly VirtualService[] {
  const name = readName(object, namespace);
  const spec = object.child('spec');
  if (spec === undefined) {
    object.fault('spec', 'is missing');
    return [];
  }
  const hosts = spec.texts('hosts');
  if (hosts.length === 0) {
    spec.fault('hosts', 'names no host', 'name a service, such as reviews');
  }
  const gateways = spec.texts('gateways').filter((gateway, _, all) => all.length > 1 || gateway !== 'mesh');
  const http = spec.children('http').map(readRoute);
  if (http.length === 0) {
    spec.fault('http', 'has no route', 'the demo routes HTTP alone');
  }
  spec.end();
  object.end();
  return [{ ...name, hosts, gateways, http }];
}

function readRoute(http: RuleNode): HttpRoute {
  http.skip('name');
  const match = http.children('match').map(readMatch);
  const route = http.children('route').map(readDestination);
  if (route.length === 0) {
    http.fault('route', 'names no destination', 'the demo has neither redirects nor direct responses');
  }
  const fault = http.child('fault');
  const timeoutMs = http.durationMs('timeout');
  const retries = http.child('retries');
  const read = {
    match,
    route,
    ...(fault && { fault: readFault(fault) }),
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(retries && { retries: readRetries(retries) }),
  };
  http.end();
  return read;
}

function readMatch(match: RuleNode): HttpMatch {
  match.skip('name');
  const uri = match.child('uri');
  const headers = match.child('headers');
  const found = (headers?.keys() ?? []).flatMap((name) => {
    const value = headers?.child(name);
    return value === undefined ? [] : [[name.toLowerCase(), readStringMatch(value)] as const];
  });
  const read = { ...(uri && { uri: readStringMatch(uri) }), headers: Object.fromEntries(found) };
  match.end();
  return read;
}

function readStringMatch(node: RuleNode): StringMatch {
  const [kind] = (['exact', 'prefix', 'regex'] as const).filter((name) => node.has(name));
  if (kind === undefined) {
    node.fault('exact', 'is missing', 'say exact, prefix or regex');
    return { exact: '' };
  }
  const text = node.text(kind) ?? '';
  node.end();
  switch (kind) {
    case 'exact':
      return { exact: text };
    case 'prefix':
      return { prefix: text };
    default:
      return { regex: text };
  }
}

function readDestination(node: RuleNode): RouteDestination {
  const destination = node.child('destination');
  if (destination === undefined) {
    node.fault('destination', 'is missing');
  }
  const host = destination?.needText('host', 'name a service, such as reviews') ?? '';
  const subset = destination?.text('subset');
  const port = destination?.child('port')?.number('number', 1, 65_535);
  destination?.end();
  const weight = node.number('weight', 0, 100) ?? 0;
  node.end();
  return { host, ...(subset !== undefined && { subset }), ...(port !== undefined && { port }), weight };
}

function readFault(node: RuleNode): Fault {
  const delay = node.child('delay');
  const abort = node.child('abort');
  const read = { ...(delay && { delay: readDelay(delay) }), ...(abort && { abort: readAbort(abort) }) };
  node.end();
  return read;
}

function readDelay(node: RuleNode): { readonly percent: number; readonly fixedMs: number } {
  const percent = readPercent(node);
  if (!node.has('fixedDelay')) {
    node.fault('fixedDelay', 'is missing', 'such as 7s');
  }
  const fixedMs = node.durationMs('fixedDelay') ?? 0;
  node.end();
  return { percent, fixedMs };
}

function readAbort(node: RuleNode): { readonly percent: number; readonly httpStatus: number } {
  const percent = readPercent(node);
  if (!node.has('httpStatus')) {
    node.fault('httpStatus', 'is missing', 'such as 500');
  }
  const httpStatus = node.number('httpStatus', 200, 599) ?? 500;
  node.end();
  return { percent, httpStatus };
}

/** Of no request where it is not said, as Istio has it. `percent` is its older name. */
function readPercent(node: RuleNode): number {
  return node.child('percentage')?.number('value', 0, 100) ?? node.number('percent', 0, 100) ?? 0;
}

function readRetries(node: RuleNode): { readonly attempts: number; readonly perTryTimeoutMs?: number } {
  const attempts = node.number('attempts', 0, mostAttempts) ?? 0;
  const perTryTimeoutMs = node.durationMs('perTryTimeout');
  node.end();
  return { attempts, ...(perTryTimeoutMs !== undefined && { perTryTimeoutMs }) };
}
