import { getJson } from './http.ts';
import { list, number, optional, record, text } from './read.ts';

export type TargetState = 'up' | 'down' | 'waiting';

/** A page that is scraped. Times are ms since 1970. */
export interface TargetInfo {
  readonly id: string;
  readonly url: string;
  readonly state: TargetState;
  readonly rule: string;
  readonly source: string;
  readonly intervalMs: number;
  readonly timeoutMs?: number;
  readonly lastMs?: number;
  readonly nextMs?: number;
  readonly durationMs?: number;
  readonly samples?: number;
  readonly bytes?: number;
  readonly error?: string;
  readonly hint?: string;
  readonly namespace?: string;
  readonly pod?: string;
  readonly workload?: string;
  readonly written?: string;
  readonly measurement?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly leftOut: readonly string[];
  /** Samples of the last scrape that were left out. */
  readonly filtered?: number;
  /** How many ms each of the last scrapes took, the oldest first; negative: it failed. */
  readonly history: readonly number[];
}

export interface PodInfo {
  readonly namespace: string;
  readonly pod: string;
  readonly workload?: string;
  readonly sidecar: boolean;
  readonly annotations: Readonly<Record<string, string>>;
  /** Ids. */
  readonly targets: readonly string[];
  readonly faults: readonly string[];
  readonly warnings: readonly string[];
  readonly skipped?: string;
}

export interface WatchInfo {
  readonly input: string;
  readonly state: string;
  readonly error?: string;
  readonly hint?: string;
}

export interface TargetList {
  readonly nowMs: number;
  readonly watches: readonly WatchInfo[];
  readonly targets: readonly TargetInfo[];
  readonly pods: readonly PodInfo[];
}

export async function loadTargets(signal: AbortSignal): Promise<TargetList> {
  return readTargets(await getJson('/api/native/targets', signal));
}

/** Of a hub: with the targets of its agents, as its store has them. */
export async function loadAllTargets(signal: AbortSignal): Promise<TargetList> {
  const [own, stored] = await Promise.all([
    loadTargets(signal),
    getJson('/api/native/targets/stored', signal).then((value) => list(record(value)['targets'], readTarget)),
  ]);
  return { ...own, targets: [...own.targets, ...stored] };
}

export function readTargets(value: unknown): TargetList {
  const it = record(value);
  return {
    nowMs: number(it['nowMs']) ?? 0,
    watches: list(it['watches'], readWatch),
    targets: list(it['targets'], readTarget),
    pods: list(it['pods'], readPod),
  };
}

function readWatch(value: unknown): WatchInfo {
  const it = record(value);
  return {
    input: text(it['input']) ?? '',
    state: text(it['state']) ?? '',
    ...optional('error', text(it['error'])),
    ...optional('hint', text(it['hint'])),
  };
}

function readTarget(value: unknown): TargetInfo {
  const it = record(value);
  const state = text(it['state']);
  return {
    id: text(it['id']) ?? '',
    url: text(it['url']) ?? '',
    state: state === 'up' || state === 'down' ? state : 'waiting',
    rule: text(it['rule']) ?? '',
    source: text(it['source']) ?? '',
    intervalMs: number(it['intervalMs']) ?? 0,
    ...numbersOf(it, ['timeoutMs', 'lastMs', 'nextMs', 'durationMs', 'samples', 'bytes', 'filtered']),
    ...textsOf(it, ['error', 'hint', 'namespace', 'pod', 'workload', 'written', 'measurement']),
    labels: pairsOf(it['labels']),
    leftOut: list(it['leftOut'], (line) => text(line) ?? ''),
    history: list(it['history'], (ms) => number(ms) ?? 0),
  };
}

function readPod(value: unknown): PodInfo {
  const it = record(value);
  const lines = (of: unknown): readonly string[] => list(of, (line) => text(line) ?? '');
  return {
    namespace: text(it['namespace']) ?? '',
    pod: text(it['pod']) ?? '',
    ...textsOf(it, ['workload', 'skipped']),
    sidecar: it['sidecar'] === true,
    annotations: pairsOf(it['annotations']),
    targets: lines(it['targets']),
    faults: lines(it['faults']),
    warnings: lines(it['warnings']),
  };
}

type Members<K extends string, V> = { readonly [P in K]?: V };

function numbersOf<K extends string>(it: Readonly<Record<string, unknown>>, names: readonly K[]): Members<K, number> {
  return Object.assign({}, ...names.map((name) => optional(name, number(it[name]))));
}

function textsOf<K extends string>(it: Readonly<Record<string, unknown>>, names: readonly K[]): Members<K, string> {
  return Object.assign({}, ...names.map((name) => optional(name, text(it[name]))));
}

function pairsOf(value: unknown): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(record(value)).map(([name, one]) => [name, text(one) ?? '']));
}
