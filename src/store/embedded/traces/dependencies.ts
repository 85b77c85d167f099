import type { LinkEntry } from './derived/minute-row.ts';

/** As the Zipkin API has it; `errorCount` is left out where it is 0. */
export interface DependencyLink {
  readonly parent: string;
  readonly child: string;
  callCount: number;
  errorCount?: number;
}

/** Added up, by parent, then child. */
export function dependencyLinks(entries: readonly LinkEntry[]): DependencyLink[] {
  const links = new Map<string, DependencyLink>();
  for (const { parent, child, calls, errors } of entries) {
    const key = JSON.stringify([parent, child]);
    const link = links.get(key) ?? { parent, child, callCount: 0 };
    link.callCount += calls;
    if (errors > 0) {
      link.errorCount = (link.errorCount ?? 0) + errors;
    }
    links.set(key, link);
  }
  return [...links.values()].sort((a, b) => byText(a.parent, b.parent) || byText(a.child, b.child));
}

function byText(a: string, b: string): number {
  if (a === b) {
    return 0;
  }
  return a < b ? -1 : 1;
}
