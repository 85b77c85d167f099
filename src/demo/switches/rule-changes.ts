import { isDeepStrictEqual } from 'node:util';
import type { DemoState } from '../state/demo-state.ts';
import type { DestinationRule, VirtualService } from '../state/istio-rules.ts';

interface Named {
  readonly name: string;
  readonly namespace: string;
}

/** Each in the place of the one of its name, or behind the others. */
export function withRules<T extends Named>(rules: readonly T[], added: readonly T[]): readonly T[] {
  const kept = rules.map((rule) => added.find((one) => isSame(one, rule)) ?? rule);
  return [...kept, ...added.filter((one) => !rules.some((rule) => isSame(one, rule)))];
}

export function withoutRules<T extends Named>(rules: readonly T[], removed: readonly Named[]): readonly T[] {
  return rules.filter((rule) => !removed.some((one) => isSame(one, rule)));
}

export function isSame(a: Named, b: Named): boolean {
  return a.name === b.name && a.namespace === b.namespace;
}

export interface Rules {
  readonly virtualServices: readonly VirtualService[];
  readonly destinationRules: readonly DestinationRule[];
}

export function rulesOf({ virtualServices, destinationRules }: Rules): Rules {
  return { virtualServices, destinationRules };
}

export function applied(state: DemoState, rules: Rules): DemoState {
  return {
    ...state,
    virtualServices: withRules(state.virtualServices, rules.virtualServices),
    destinationRules: withRules(state.destinationRules, rules.destinationRules),
  };
}

export function removed(state: DemoState, rules: Rules): DemoState {
  return {
    ...state,
    virtualServices: withoutRules(state.virtualServices, rules.virtualServices),
    destinationRules: withoutRules(state.destinationRules, rules.destinationRules),
  };
}

/** All of them are in force as they are. */
export function holds({ virtualServices }: DemoState, services: readonly VirtualService[]): boolean {
  return services.every((service) => virtualServices.some((one) => isDeepStrictEqual(one, service)));
}
