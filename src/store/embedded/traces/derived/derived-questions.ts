import { BridgeError } from '../../../../contract/errors.ts';
import type { Answer, Question, TimeRange } from '../../../../contract/store.ts';
import type { Slice } from '../../slice.ts';
import type { DerivedRows } from './derived-rows.ts';
import { Durations } from './durations.ts';
import type { Reach } from './homes.ts';
import { minuteMs } from './minute.ts';
import type { LinkEntry, OperationEntry, WorkloadEntry } from './minute-row.ts';

/** Values of tags are offered that spans had within this. */
const offeredMinutes = 180;

export type DerivedQuestion = Extract<Question, { readonly kind: 'traces.red' | 'traces.graph' | 'traces.workloads' }>;

/** What is derived of whole minutes, those that the range touches, as JSON. */
export async function answerDerived(rows: DerivedRows, question: DerivedQuestion, slice: Slice): Promise<Answer> {
  const reach = reachOf(question.range);
  const times = {
    startMs: reach.from * minuteMs,
    endMs: Math.min((reach.to + 1) * minuteMs, Math.max(rows.nowMs, question.range.endMs)),
  };
  switch (question.kind) {
    case 'traces.red': {
      const operations = await operationsIn(rows, reach, slice, question.service);
      return json({ ...times, operations }, operations.length);
    }
    case 'traces.graph': {
      const range = { minMicros: reach.from * minuteMs * 1000, maxMicros: (reach.to + 1) * minuteMs * 1000 - 1 };
      const edges = edgesOf(await rows.linkTotals(range, slice));
      const nodes = await servicesIn(rows, reach, slice);
      return json({ ...times, nodes, edges }, edges.length + nodes.length);
    }
    case 'traces.workloads': {
      const workloads = await workloadsIn(rows, reach, slice);
      return json({ ...times, workloads }, workloads.length);
    }
    default:
      question satisfies never;
      throw new BridgeError('BRIDGE_NOT_FOUND', 'the store does not know this question');
  }
}

/** The values that spans of the last hours had of an offered tag, sorted. */
export async function offeredValues(rows: DerivedRows, key: string, slice: Slice): Promise<string[]> {
  const values = new Set<string>();
  const to = Math.floor(rows.nowMs / minuteMs);
  await rows.eachMinute({ from: to - offeredMinutes, to }, slice, ({ tags }) => {
    for (const value of tags.find((entry) => entry.key === key)?.values ?? []) {
      values.add(value);
    }
  });
  return [...values].sort();
}

function reachOf({ startMs, endMs }: TimeRange): Reach {
  return { from: Math.floor(startMs / minuteMs), to: Math.floor(endMs / minuteMs) };
}

/** Calls, errors and how long they took. */
class Red {
  calls = 0;
  errors = 0;
  readonly durations = new Durations();

  add({ calls, failed, durations }: OperationEntry): void {
    this.calls += calls;
    this.errors += failed ? calls : 0;
    this.durations.merge(durations);
  }

  /** Durations in ms; absent where no span has one. */
  json(): object {
    const { calls, errors } = this;
    return { calls, errors, ...durationsJson(this.durations) };
  }
}

function durationsJson(durations: Durations): object {
  const ms = (share: number): number => round((durations.quantile(share) ?? 0) / 1000);
  return durations.count === 0
    ? {}
    : {
        meanMs: round(durations.sumMicros / durations.count / 1000),
        p50Ms: ms(0.5),
        p95Ms: ms(0.95),
        p99Ms: ms(0.99),
      };
}

function round(ms: number): number {
  return Number(ms.toPrecision(4));
}

async function operationsIn(
  rows: DerivedRows,
  reach: Reach,
  slice: Slice,
  wanted: string | undefined,
): Promise<object[]> {
  const found = new Map<string, { readonly named: object; readonly red: Red }>();
  for (const entry of await rows.operationTotals(reach, slice)) {
    const { service, name, kind } = entry;
    if (wanted === undefined || service === wanted) {
      const key = JSON.stringify([service, name, kind]);
      const one = found.get(key) ?? { named: { service, name, kind }, red: new Red() };
      one.red.add(entry);
      found.set(key, one);
    }
  }
  return [...found.values()]
    .sort((a, b) => b.red.calls - a.red.calls)
    .map(({ named, red }) => ({ ...named, ...red.json() }));
}

/** Of a service what it was asked counts; of one that nobody asks, what it asks. */
async function servicesIn(rows: DerivedRows, reach: Reach, slice: Slice): Promise<object[]> {
  const found = new Map<string, { readonly asked: Red; readonly asking: Red }>();
  for (const entry of await rows.operationTotals(reach, slice)) {
    const { service, kind } = entry;
    if (service !== '' && kind !== 'INTERNAL') {
      const one = found.get(service) ?? { asked: new Red(), asking: new Red() };
      (kind === 'SERVER' || kind === 'CONSUMER' ? one.asked : one.asking).add(entry);
      found.set(service, one);
    }
  }
  return [...found]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([service, { asked, asking }]) => ({ service, ...(asked.calls > 0 ? asked : asking).json() }));
}

function edgesOf(links: readonly LinkEntry[]): object[] {
  const found = new Map<string, LinkEntry>();
  for (const link of links) {
    const { parent, child, way } = link;
    const key = JSON.stringify([parent, child, way]);
    const sum = found.get(key) ?? {
      ...{ minute: 0, parent, child, way },
      ...{ calls: 0, errors: 0, server: new Durations(), client: new Durations() },
    };
    sum.calls += link.calls;
    sum.errors += link.errors;
    sum.server.merge(link.server);
    sum.client.merge(link.client);
    found.set(key, sum);
  }
  return [...found]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, { parent, child, way, calls, errors, server, client }]) => ({
      ...{ parent, child, way, calls, errors },
      ...(server.count > 0 && { server: durationsJson(server) }),
      ...(client.count > 0 && { client: durationsJson(client) }),
    }));
}

async function workloadsIn(rows: DerivedRows, reach: Reach, slice: Slice): Promise<WorkloadEntry[]> {
  const found = new Map<string, WorkloadEntry>();
  await rows.eachMinute(reach, slice, ({ workloads }) => {
    for (const entry of workloads) {
      if (entry.minute >= reach.from && entry.minute <= reach.to) {
        addWorkload(found, entry);
      }
    }
  });
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry);
}

function addWorkload(found: Map<string, WorkloadEntry>, entry: WorkloadEntry): void {
  const { service, workload, namespace, proxy } = entry;
  const key = JSON.stringify([service, workload, namespace, proxy]);
  const sum = found.get(key);
  if (sum === undefined) {
    found.set(key, { ...entry });
    return;
  }
  sum.servers += entry.servers;
  sum.serverRoots += entry.serverRoots;
  sum.clients += entry.clients;
  sum.clientRoots += entry.clientRoots;
}

function json(value: unknown, count: number): Answer {
  return { contentType: 'application/json', body: Buffer.from(JSON.stringify(value)), count };
}
