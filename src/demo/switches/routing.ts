import type { DemoState } from '../state/demo-state.ts';
import type { Fault, HttpRoute, VirtualService } from '../state/istio-rules.ts';
import type { Preset } from './preset.ts';
import { applied, holds, removed, rulesOf, withRules } from './rule-changes.ts';
import { usualDestinationRule, usualState } from './usual-state.ts';

/** Who is treated otherwise than the others, as in the walkthrough. */
const jason = [{ headers: { 'end-user': { exact: 'jason' } } }];

function to(host: string, subset: string, weight = 0): HttpRoute {
  return { match: [], route: [{ host, subset, weight }] };
}

function service(name: string, http: readonly HttpRoute[], namespace: string): VirtualService {
  return { name, namespace, hosts: [name], gateways: [], http };
}

function allV1(namespace: string): readonly VirtualService[] {
  return ['productpage', 'reviews', 'ratings', 'details'].map((host) => service(host, [to(host, 'v1')], namespace));
}

function reviewsTo(http: readonly HttpRoute[]): (namespace: string) => VirtualService {
  return (namespace) => service('reviews', http, namespace);
}

const jasonToV2 = reviewsTo([{ ...to('reviews', 'v2'), match: jason }, to('reviews', 'v1')]);
const halfToV3 = reviewsTo([
  {
    match: [],
    route: [
      { host: 'reviews', subset: 'v1', weight: 50 },
      { host: 'reviews', subset: 'v3', weight: 50 },
    ],
  },
]);
const onlyV3 = reviewsTo([to('reviews', 'v3')]);

function ratingsFor(fault: Fault): (namespace: string) => VirtualService {
  return (namespace) =>
    service('ratings', [{ ...to('ratings', 'v1'), match: jason, fault }, to('ratings', 'v1')], namespace);
}

const delayed = ratingsFor({ delay: { percent: 100, fixedMs: 7000 } });
const aborted = ratingsFor({ abort: { percent: 100, httpStatus: 500 } });

/** The subsets that a route names must be known, else nothing is reached. */
function withSubsets(state: DemoState, namespace: string): DemoState {
  const rules = ['productpage', 'reviews', 'ratings', 'details'].map((host) => usualDestinationRule(host, namespace));
  return { ...state, destinationRules: withRules(state.destinationRules, rules) };
}

function put(services: readonly VirtualService[], namespace: string) {
  return (state: DemoState) =>
    applied(withSubsets(state, namespace), { virtualServices: services, destinationRules: [] });
}

function take(services: readonly VirtualService[]) {
  return (state: DemoState) => removed(state, { virtualServices: services, destinationRules: [] });
}

interface RoutePlan {
  readonly name: string;
  readonly group: Preset['group'];
  readonly summary: string;
  /** What the switch is. */
  readonly services: (namespace: string) => readonly VirtualService[];
  /** What it needs beside that; it stays when the switch goes off. */
  readonly needs?: (namespace: string) => readonly VirtualService[];
}

function route({ name, group, summary, services, needs }: RoutePlan): (namespace: string) => Preset {
  return (namespace) => {
    const own = services(namespace);
    return {
      name,
      group,
      summary,
      isOn: (state) => holds(state, own),
      on: put([...(needs?.(namespace) ?? []), ...own], namespace),
      off: take(own),
    };
  };
}

/** Nothing can be called that only subsets lead to. */
function missingRule(namespace: string): Preset {
  const isReviews = ({ name }: { readonly name: string }) => name === 'reviews';
  const rule = usualDestinationRule('reviews', namespace);
  return {
    name: 'missing-destination-rule',
    group: 'faults',
    summary: 'A VirtualService sends reviews to a subset that no DestinationRule names: 503 with the flag NC or NR.',
    isOn: ({ virtualServices, destinationRules }) =>
      virtualServices.some(isReviews) && !destinationRules.some(({ host }) => host === 'reviews'),
    on: (state) => {
      const routed = state.virtualServices.some(isReviews)
        ? state
        : applied(state, { virtualServices: allV1(namespace).filter(isReviews), destinationRules: [] });
      return removed(routed, { virtualServices: [], destinationRules: [rule] });
    },
    off: (state) => applied(state, { virtualServices: [], destinationRules: [rule] }),
  };
}

/** Where nothing says otherwise, each version of reviews has a third: no rule is left but those that it began with. */
function evenThirds(namespace: string): Preset {
  return {
    name: 'even-thirds',
    group: 'routing',
    summary: 'Each version of reviews has a third of the calls: no stars, black ones, red ones. This is how it begins.',
    isOn: ({ virtualServices }) =>
      !virtualServices.some(({ hosts }) => hosts.some((host) => host.split('.')[0] === 'reviews')),
    on: (state) => ({ ...state, ...rulesOf(usualState(namespace)) }),
    off: 'switch another of the routings on',
  };
}

const both = (namespace: string): readonly VirtualService[] => [
  ...allV1(namespace).filter(({ name }) => name !== 'reviews' && name !== 'ratings'),
  jasonToV2(namespace),
];

/** The walkthrough's files of routes and faults, and what it says of their absence. */
export const routings: readonly ((namespace: string) => Preset)[] = [
  evenThirds,
  route({
    name: 'all-v1',
    group: 'routing',
    summary: 'Every call goes to v1: no stars, and nobody calls ratings.',
    services: allV1,
  }),
  route({
    name: 'jason-v2',
    group: 'routing',
    summary: 'jason sees v2 of reviews with its black stars, the others v1.',
    services: (namespace) => [jasonToV2(namespace)],
  }),
  route({
    name: 'reviews-50-v3',
    group: 'routing',
    summary: 'Half of the calls to reviews go to v1, half to v3.',
    services: (namespace) => [halfToV3(namespace)],
  }),
  route({
    name: 'reviews-v3',
    group: 'routing',
    summary: 'All calls to reviews go to v3: red stars.',
    services: (namespace) => [onlyV3(namespace)],
  }),
  route({
    name: 'ratings-delay',
    group: 'faults',
    summary: 'ratings is 7 s late for jason. productpage gives up after 3 s, tries once more, and is sorry (flag DI).',
    services: (namespace) => [delayed(namespace)],
    needs: both,
  }),
  route({
    name: 'ratings-abort',
    group: 'faults',
    summary: 'ratings answers jason with 500 (flag FI): his reviews have no stars.',
    services: (namespace) => [aborted(namespace)],
    needs: both,
  }),
  missingRule,
];
