import { z } from 'zod';
import type { BridgeStatus } from '../../contract/status.ts';
import type { Question, StoreReader, TimeRange } from '../../contract/store.ts';

const minuteMs = 60_000;
/** What is looked at where nobody says. */
const windowMs = 5 * minuteMs;
/** Envoys keep spans for five seconds, and the store takes a moment. */
const settledMs = 15_000;
/** Of so few a share says nothing. */
const fewRoots = 10;
/** More traces than requests: the requests have not been counted for as long, or not all of them are. */
const mostApart = 1.5;
/** Some services make calls of their own accord, which rightly begin traces. */
const mostLost = 0.1;
const fewCalls = 10;

const workloadsSchema = z.object({
  startMs: z.number(),
  endMs: z.number(),
  workloads: z.array(
    z.object({
      service: z.string(),
      workload: z.string(),
      namespace: z.string(),
      proxy: z.string(),
      servers: z.number(),
      serverRoots: z.number(),
      clients: z.number(),
      clientRoots: z.number(),
    }),
  ),
});
export type Workload = z.output<typeof workloadsSchema>['workloads'][number];

const vectorSchema = z.object({
  result: z.array(z.object({ metric: z.record(z.string(), z.string()), value: z.tuple([z.number(), z.string()]) })),
});

/** Requests that came to a workload from outside of the mesh, by workload. */
export interface EntryRequests {
  readonly workload: string;
  readonly namespace: string;
  readonly requests: number;
}

/** Where traces begin: a gateway, or a workload that is called from outside of the mesh. */
export interface Entry {
  readonly service: string;
  readonly workload: string;
  readonly namespace: string;
  readonly gateway: boolean;
  /** Traces that begin there. */
  readonly roots: number;
  /** As `istio_requests_total` counts them; absent where it does not. */
  readonly requests?: number;
  /** 0 to 1; absent where it cannot be told. */
  readonly rate?: number;
}

export type SamplingUnknown = 'noSpans' | 'noMetrics' | 'noRequests' | 'few' | 'apart';

export interface Sampling {
  /** Root spans ÷ requests, over all entries that both are known of: 0 to 1. Absent where it cannot be told; then `unknown` says why. */
  readonly rate?: number;
  readonly unknown?: SamplingUnknown;
  readonly roots: number;
  readonly requests: number;
  readonly entries: readonly Entry[];
  /** What inputs of this process leave out beforehand. The measured rate has it in it. */
  readonly applied: readonly AppliedSampling[];
}

export interface AppliedSampling {
  readonly input: string;
  readonly rate: number;
  readonly keepsErrors: boolean;
}

/** What a called workload does with the headers of its caller. */
export interface Propagation {
  readonly service: string;
  readonly workload: string;
  readonly namespace: string;
  /** Spans of requests that it took. */
  readonly servers: number;
  /** Calls that it made, and those of them that begin traces of their own. */
  readonly calls: number;
  readonly lost: number;
  readonly verdict: 'forwards' | 'loses' | 'few';
}

export interface TraceDoctor extends TimeRange {
  readonly sampling: Sampling;
  readonly propagation: readonly Propagation[];
}

/** Envoy's spans of a call that it sends on do not name their proxy: they are put to the only one of their service. */
function joined(workloads: readonly Workload[]): Workload[] {
  const named = workloads.filter(({ workload }) => workload !== '').map((one) => ({ ...one }));
  const others = workloads.filter(({ workload }) => workload === '');
  return [
    ...named,
    ...others.filter((other) => {
      const [only, ...more] = named.filter(({ service }) => service === other.service);
      if (only === undefined || more.length > 0) {
        return true;
      }
      only.servers += other.servers;
      only.serverRoots += other.serverRoots;
      only.clients += other.clients;
      only.clientRoots += other.clientRoots;
      return false;
    }),
  ];
}

/** What the doctor hears: counts of whole minutes, and how many requests there were in them. */
export interface Observed {
  readonly workloads: readonly Workload[];
  /** Absent where no such metric is kept. */
  readonly requests: readonly EntryRequests[] | undefined;
  readonly applied: readonly AppliedSampling[];
}

/** The last whole minutes whose spans have come. */
export function settledRange(nowMs: number): TimeRange {
  const endMs = Math.floor((nowMs - settledMs) / minuteMs) * minuteMs;
  return { startMs: endMs - windowMs, endMs: endMs - 1 };
}

export function samplingOf({ workloads, requests, applied }: Observed): Sampling {
  const entries = entriesOf(workloads, requests ?? []);
  const known = entries.filter((entry) => entry.requests !== undefined);
  const roots = known.reduce((sum, entry) => sum + entry.roots, 0);
  const asked = known.reduce((sum, entry) => sum + (entry.requests ?? 0), 0);
  const facts = { roots, requests: asked, entries, applied };
  if (workloads.length === 0) {
    const flowing = (requests ?? []).reduce((sum, entry) => sum + entry.requests, 0);
    return { ...facts, requests: flowing, unknown: 'noSpans' };
  }
  if (requests === undefined) {
    return { ...facts, unknown: 'noMetrics' };
  }
  if (asked === 0) {
    return { ...facts, unknown: 'noRequests' };
  }
  if (roots > asked * mostApart) {
    return { ...facts, unknown: 'apart' };
  }
  return roots < fewRoots && asked < fewRoots ? { ...facts, unknown: 'few' } : { ...facts, rate: rateOf(roots, asked) };
}

/** The two are not counted over exactly the same time. */
function rateOf(roots: number, requests: number): number {
  return Math.min(1, roots / requests);
}

function entriesOf(workloads: readonly Workload[], requests: readonly EntryRequests[]): Entry[] {
  return workloads.flatMap((one) => {
    const { service, workload, namespace, proxy } = one;
    const gateway = proxy === 'router' || (proxy === '' && /gateway/.test(service));
    // Older gateways send the client's half alone.
    const roots = one.serverRoots + (gateway ? one.clientRoots : 0);
    const named = { service, workload, namespace, gateway, roots };
    const counted = requests.find((each) => each.workload === workload && each.namespace === namespace)?.requests;
    if (roots === 0 && (counted === undefined || counted < 1)) {
      return [];
    }
    if (counted === undefined || counted === 0) {
      return [named];
    }
    const isTold = roots <= counted * mostApart && Math.max(roots, counted) >= fewRoots;
    return [{ ...named, requests: counted, ...(isTold && { rate: rateOf(roots, counted) }) }];
  });
}

/** A gateway passes all on by itself, and what nobody calls has nothing to pass on. */
export function propagationOf(workloads: readonly Workload[]): Propagation[] {
  return workloads
    .filter(({ servers, clients, proxy }) => servers > 0 && clients > 0 && proxy !== 'router')
    .map(({ service, workload, namespace, servers, clients, clientRoots }) => ({
      ...{ service, workload, namespace, servers, calls: clients, lost: clientRoots },
      verdict: clients < fewCalls ? 'few' : clientRoots > clients * mostLost ? 'loses' : 'forwards',
    }));
}

/** Asks the store, and says what follows. */
export async function askDoctor(
  { store, status }: { readonly store: StoreReader; readonly status: BridgeStatus },
  range: TimeRange,
  signal?: AbortSignal,
): Promise<TraceDoctor> {
  const { workloads, startMs, endMs } = workloadsSchema.parse(
    jsonOf((await store.ask({ kind: 'traces.workloads', range }, signal)).body),
  );
  const observed = {
    workloads: joined(workloads),
    requests: await entryRequests(store, { startMs, endMs }, signal),
    applied: appliedSampling(status),
  };
  return { startMs, endMs, sampling: samplingOf(observed), propagation: propagationOf(observed.workloads) };
}

async function entryRequests(
  store: StoreReader,
  { startMs, endMs }: TimeRange,
  signal: AbortSignal | undefined,
): Promise<readonly EntryRequests[] | undefined> {
  const seconds = Math.round((endMs - startMs) / 1000);
  const ask = async (by: 'source' | 'destination', matchers: string): Promise<EntryRequests[]> => {
    const labels = `${by}_workload, ${by}_workload_namespace`;
    const query = `sum by (${labels}) (increase(istio_requests_total{${matchers}}[${seconds}s]))`;
    const question: Question = { kind: 'prom.query', query, timeMs: endMs };
    const { result } = vectorSchema.parse(jsonOf((await store.ask(question, signal)).body));
    return result.map(({ metric, value }) => ({
      workload: metric[`${by}_workload`] ?? '',
      namespace: metric[`${by}_workload_namespace`] ?? '',
      requests: Number(value[1]),
    }));
  };
  // A gateway counts what it passes on; a sidecar knows no source outside of the mesh.
  const [passedOn, fromOutside] = await Promise.all([
    ask('source', 'reporter="source",source_workload=~".*gateway.*"'),
    ask('destination', 'reporter="destination",source_workload="unknown"'),
  ]);
  const all = [...passedOn, ...fromOutside].filter(({ requests }) => Number.isFinite(requests));
  return all.length === 0 ? undefined : all;
}

function appliedSampling(status: BridgeStatus): AppliedSampling[] {
  return status.inputs.flatMap(({ id, detail }) => {
    const sampling: unknown = detail !== undefined && 'sampling' in detail ? detail.sampling : undefined;
    const known = z.object({ rate: z.number(), keepsErrors: z.boolean() }).safeParse(sampling).data;
    return known === undefined ? [] : [{ input: id, ...known }];
  });
}

function jsonOf(body: Uint8Array): unknown {
  return JSON.parse(Buffer.from(body).toString('utf8'));
}
