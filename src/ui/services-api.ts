import { ApiError, getJson } from './http.ts';
import { list, number, optional, record, text } from './read.ts';
import type { Bounds } from './time-span.ts';

/** How long something took, ms. */
export interface Latency {
  readonly meanMs?: number;
  readonly p50Ms?: number;
  readonly p95Ms?: number;
  readonly p99Ms?: number;
}

export interface ServiceNode extends Latency {
  readonly service: string;
  readonly calls: number;
  readonly errors: number;
}

export interface ServiceEdge {
  readonly parent: string;
  readonly child: string;
  /** `unseen`: the callee sent no span of its own; `messages`: by way of a broker. */
  readonly way: string;
  readonly calls: number;
  readonly errors: number;
  readonly latency: Latency;
}

/** What share of the requests the numbers are counted of. */
export interface SamplingView {
  /** 0 to 1; absent where it is not known. */
  readonly rate?: number;
  readonly unknown?: string;
  /** Shares that inputs keep by their own settings. */
  readonly applied: readonly number[];
}

export interface GraphView {
  readonly seconds: number;
  readonly nodes: readonly ServiceNode[];
  readonly edges: readonly ServiceEdge[];
  readonly sampling: SamplingView;
}

export interface OperationView extends Latency {
  readonly service: string;
  readonly name: string;
  readonly kind: string;
  readonly calls: number;
  readonly errors: number;
}

export interface PropagationView {
  readonly service: string;
  readonly workload: string;
  readonly calls: number;
  readonly lost: number;
  readonly verdict: string;
}

export interface DoctorView {
  readonly sampling: SamplingView;
  readonly propagation: readonly PropagationView[];
}

export interface PinView {
  readonly traceId: string;
  readonly service: string;
  readonly name: string;
  readonly spans: number;
  readonly errors: number;
  readonly startMs?: number;
  readonly durationMs?: number;
  readonly bytes: number;
}

export interface PinsView {
  readonly bytes: number;
  readonly maxBytes: number;
  readonly traces: readonly PinView[];
}

const base = '/api/native/traces';

export async function loadGraph({ startMs, endMs }: Bounds, signal: AbortSignal): Promise<GraphView> {
  const it = record(await getJson(`${base}/graph?start=${startMs}&end=${endMs}`, signal));
  return {
    seconds: secondsOf(it),
    nodes: list(it['nodes'], (value) => ({ ...readCounted(value), service: text(record(value)['service']) ?? '' })),
    edges: list(it['edges'], readEdge),
    sampling: readSampling(it['sampling']),
  };
}

export async function loadOperations(
  { startMs, endMs }: Bounds,
  service: string,
  signal: AbortSignal,
): Promise<{ readonly seconds: number; readonly operations: readonly OperationView[] }> {
  const params = new URLSearchParams({ start: String(startMs), end: String(endMs), service });
  const it = record(await getJson(`${base}/red?${params}`, signal));
  return { seconds: secondsOf(it), operations: list(it['operations'], readOperation) };
}

export async function loadDoctor(signal: AbortSignal): Promise<DoctorView> {
  const it = record(await getJson(`${base}/doctor`, signal));
  return {
    sampling: readSampling(it['sampling']),
    propagation: list(it['propagation'], (value) => {
      const one = record(value);
      return {
        service: text(one['service']) ?? '',
        workload: text(one['workload']) ?? '',
        calls: number(one['calls']) ?? 0,
        lost: number(one['lost']) ?? 0,
        verdict: text(one['verdict']) ?? '',
      };
    }),
  };
}

export async function loadPins(signal: AbortSignal): Promise<PinsView> {
  const it = record(await getJson(`${base}/pins`, signal));
  return {
    bytes: number(it['bytes']) ?? 0,
    maxBytes: number(it['maxBytes']) ?? 0,
    traces: list(it['traces'], (value) => {
      const one = record(value);
      return {
        traceId: text(one['traceId']) ?? '',
        service: text(one['service']) ?? '',
        name: text(one['name']) ?? '',
        spans: number(one['spans']) ?? 0,
        errors: number(one['errors']) ?? 0,
        ...optional('startMs', number(one['startMs'])),
        ...optional('durationMs', number(one['durationMs'])),
        bytes: number(one['bytes']) ?? 0,
      };
    }),
  };
}

/** Rejects with ApiError, whose message says why. */
export async function setPinned(traceId: string, pinned: boolean): Promise<void> {
  const response = await fetch(`${base}/${encodeURIComponent(traceId)}/pin`, {
    method: pinned ? 'POST' : 'DELETE',
    credentials: 'same-origin',
  }).catch((error: unknown) => {
    throw new ApiError(0, error instanceof Error ? error.message : String(error));
  });
  if (!response.ok) {
    throw new ApiError(response.status, (await response.text()).trim());
  }
}

function secondsOf(it: Readonly<Record<string, unknown>>): number {
  return Math.max(1, ((number(it['endMs']) ?? 0) - (number(it['startMs']) ?? 0)) / 1000);
}

function readCounted(value: unknown): { readonly calls: number; readonly errors: number } & Latency {
  const it = record(value);
  return { calls: number(it['calls']) ?? 0, errors: number(it['errors']) ?? 0, ...readLatency(it) };
}

function readLatency(value: unknown): Latency {
  const it = record(value);
  return {
    ...optional('meanMs', number(it['meanMs'])),
    ...optional('p50Ms', number(it['p50Ms'])),
    ...optional('p95Ms', number(it['p95Ms'])),
    ...optional('p99Ms', number(it['p99Ms'])),
  };
}

/** The callee's own measure counts before the caller's. */
function readEdge(value: unknown): ServiceEdge {
  const it = record(value);
  return {
    parent: text(it['parent']) ?? '',
    child: text(it['child']) ?? '',
    way: text(it['way']) ?? '',
    calls: number(it['calls']) ?? 0,
    errors: number(it['errors']) ?? 0,
    latency: readLatency(it['server'] ?? it['client']),
  };
}

function readOperation(value: unknown): OperationView {
  const it = record(value);
  return {
    ...readCounted(value),
    service: text(it['service']) ?? '',
    name: text(it['name']) ?? '',
    kind: text(it['kind']) ?? '',
  };
}

function readSampling(value: unknown): SamplingView {
  const it = record(value);
  return {
    ...optional('rate', number(it['rate'])),
    ...optional('unknown', text(it['unknown'])),
    applied: list(it['applied'], (one) => number(record(one)['rate']) ?? 1),
  };
}
