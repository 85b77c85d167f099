import type { PodInfo, TargetInfo, TargetList } from './targets-api.ts';

export const targetStates = ['down', 'waiting', 'up', 'skipped'] as const;
export type EntryState = (typeof targetStates)[number];
export const groupings = ['namespace', 'workload', 'rule', 'none'] as const;
export type Grouping = (typeof groupings)[number];

export interface TargetSearch {
  readonly find: string;
  /** Empty: all. */
  readonly state: EntryState | '';
  readonly by: Grouping;
  /** Key of the entry that is open. */
  readonly open: string;
}

export const anyTarget: TargetSearch = { find: '', state: '', by: 'namespace', open: '' };

export function targetSearchOf(params: URLSearchParams): TargetSearch {
  return {
    find: params.get('find') ?? '',
    state: targetStates.find((state) => state === params.get('state')) ?? '',
    by: groupings.find((by) => by === params.get('by')) ?? 'namespace',
    open: params.get('open') ?? '',
  };
}

/** A page that is scraped, or a pod of which nothing is. */
export interface Entry {
  readonly key: string;
  readonly state: EntryState;
  readonly name: string;
  readonly target?: TargetInfo;
  readonly pod?: PodInfo;
}

export interface EntryGroup {
  /** Empty where there is none. */
  readonly name: string;
  readonly entries: readonly Entry[];
}

export function entriesOf({ targets, pods }: TargetList): readonly Entry[] {
  const owners = new Map(pods.flatMap((pod) => pod.targets.map((id) => [id, pod])));
  const scraped = targets.map((target): Entry => {
    const pod = owners.get(target.id);
    const name = target.pod ?? target.url;
    return { key: target.id, state: target.state, name, target, ...(pod && { pod }) };
  });
  const skipped = pods
    .filter((pod) => pod.skipped !== undefined)
    .map((pod): Entry => ({ key: `pod ${pod.namespace}/${pod.pod}`, state: 'skipped', name: pod.pod, pod }));
  return [...scraped, ...skipped];
}

export function countsOf(entries: readonly Entry[]): Readonly<Record<EntryState, number>> {
  const counts = { down: 0, waiting: 0, up: 0, skipped: 0 };
  for (const { state } of entries) {
    counts[state] += 1;
  }
  return counts;
}

/** Those that hold every word anywhere in what is known of them. */
export function foundEntries(entries: readonly Entry[], typed: string): readonly Entry[] {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  return words.length === 0
    ? entries
    : entries.filter((entry) => {
        const text = textOf(entry);
        return words.every((word) => text.includes(word));
      });
}

function textOf({ target, pod }: Entry): string {
  return JSON.stringify([
    target === undefined ? [] : { ...target, history: [] },
    pod?.namespace,
    pod?.pod,
    pod?.workload,
    pod?.skipped,
    pod?.faults,
  ]).toLowerCase();
}

/** Groups by name, those of the worst state first within each. */
export function grouped(entries: readonly Entry[], by: Grouping): readonly EntryGroup[] {
  const groups = Map.groupBy(entries, (entry) => groupOf(entry, by));
  return [...groups]
    .map(([name, of]) => ({ name, entries: of.toSorted(worstFirst) }))
    .toSorted((a, b) => (a.name === '' ? 1 : b.name === '' ? -1 : compare(a.name, b.name)));
}

function groupOf({ target, pod }: Entry, by: Grouping): string {
  switch (by) {
    case 'namespace':
      return target?.namespace ?? pod?.namespace ?? '';
    case 'workload':
      return target?.workload ?? pod?.workload ?? target?.labels['app'] ?? '';
    case 'rule':
      return target?.rule ?? '';
    case 'none':
      return '';
    default:
      return by satisfies never;
  }
}

function worstFirst(a: Entry, b: Entry): number {
  return (
    targetStates.indexOf(a.state) - targetStates.indexOf(b.state) || compare(a.name, b.name) || compare(a.key, b.key)
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The first of the groups, up to so many entries. */
export function firstOf(groups: readonly EntryGroup[], most: number): readonly EntryGroup[] {
  let left = most;
  return groups.flatMap((group) => {
    const entries = group.entries.slice(0, Math.max(0, left));
    left -= entries.length;
    return entries.length === 0 ? [] : [{ ...group, entries }];
  });
}
