import type { Origin } from '../../model/batch.ts';
import { matchesAny } from './globs.ts';

/** Which containers' logs are wanted. */
export interface LogFilters {
  /** `<namespace>/<pod>/<container>`; empty: all. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  /** DataKit's rules, such as `namespace:prod-*`. */
  readonly includeRules: readonly string[];
  readonly excludeRules: readonly string[];
}

export function accepts({ include, exclude, includeRules, excludeRules }: LogFilters, origin: Origin): boolean {
  const { namespace = '', pod = '', container = '' } = origin;
  const path = `${namespace}/${pod}/${container}`;
  const wanted = namespacesOf(includeRules);
  const isIncluded = include.length === 0 || matchesAny(include, path);
  const isWanted = wanted.length === 0 || matchesAny(wanted, namespace);
  return isIncluded && isWanted && !matchesAny(exclude, path) && !matchesAny(namespacesOf(excludeRules), namespace);
}

/** Rules about anything but the namespace: an image's name stands in no path. */
export function rulesWithoutEffect({ includeRules, excludeRules }: LogFilters): readonly string[] {
  return [...includeRules, ...excludeRules].filter((rule) => namespaceOf(rule) === undefined);
}

function namespacesOf(rules: readonly string[]): readonly string[] {
  return rules.map(namespaceOf).filter((namespace) => namespace !== undefined);
}

function namespaceOf(rule: string): string | undefined {
  return /^\s*(?:kube_)?namespace\s*:\s*(\S+)\s*$/.exec(rule)?.[1];
}
