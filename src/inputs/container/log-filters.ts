import type { Origin } from '../../model/batch.ts';
import { matchesAny } from './globs.ts';

/** Which containers' logs are wanted, as `<namespace>/<pod>/<container>`. */
export interface LogFilters {
  /** Empty: all. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}

export function accepts({ include, exclude }: LogFilters, origin: Origin): boolean {
  const { namespace = '', pod = '', container = '' } = origin;
  const path = `${namespace}/${pod}/${container}`;
  return (include.length === 0 || matchesAny(include, path)) && !matchesAny(exclude, path);
}
