import { z } from 'zod';
import type { BridgeStatus } from '../../contract/status.ts';
import type { Question, StoreReader } from '../../contract/store.ts';
import { storedTargets } from '../stored-targets.ts';
import { type ListedTarget, type TargetList, targetList } from '../target-list.ts';
import { askDoctor, settledRange, type TraceDoctor } from '../traces/doctor.ts';
import { type TraceFacts, traceFacts, tracesSchema } from './trace-facts.ts';

/** Answers of the store; a question that it could not answer has none. */
export interface StoreFacts {
  readonly traces?: TraceFacts;
  readonly doctor?: TraceDoctor;
  /** Istiod's own addresses, and how many series of each say what it is. */
  readonly istiods?: readonly { readonly instance: string; readonly series: number }[];
  /** Pods that count requests and have no latencies; absent where that could not be asked. */
  readonly withoutLatencies?: readonly string[];
  /** Of a hub: what its agents scrape. */
  readonly targets?: readonly ListedTarget[];
  /** The newest lines of Istio's proxies, the newest first. */
  readonly proxyLines?: readonly ProxyLine[];
}

export interface ProxyLine {
  readonly message: string;
  readonly pod: string;
  readonly traceId?: string | undefined;
}

/** All that the lights follow from. */
export interface SetupFacts {
  readonly status: BridgeStatus;
  readonly list: TargetList;
  /** Absent where the store is off. */
  readonly store?: StoreFacts;
}

/** How far back is looked for what flows now. */
export const recentMs = 900_000;
const withoutLatencies =
  'count by (instance, pod) (istio_requests_total) unless count by (instance, pod) (istio_request_duration_milliseconds_bucket)';
const rateMs = 300_000;
const mostTraces = 150;
const mostLines = 200;
/** Clocks that are ahead put spans into the future. */
const futureMs = 3_600_000;

const vectorSchema = z.object({
  result: z.array(z.object({ metric: z.record(z.string(), z.string()), value: z.tuple([z.number(), z.string()]) })),
});
const linesSchema = z.object({
  lines: z.array(
    z.object({
      message: z.string(),
      labels: z.record(z.string(), z.string()),
      traceId: z.string().optional(),
    }),
  ),
});

export async function gatherFacts(
  status: BridgeStatus,
  store: StoreReader | undefined,
  signal: AbortSignal,
): Promise<SetupFacts> {
  const own = targetList(status);
  if (store === undefined) {
    return { status, list: own };
  }
  const [known, stored] = await Promise.all([
    askStore(store, status, signal),
    status.role === 'hub' ? storedTargets(store, own, signal).catch(() => []) : [],
  ]);
  return { status, list: own, store: { ...known, targets: stored } };
}

async function askStore(store: StoreReader, status: BridgeStatus, signal: AbortSignal): Promise<StoreFacts> {
  const { nowMs } = status;
  const ask = async <T>(question: Question, schema: z.ZodType<T>): Promise<T | undefined> => {
    const answer = await store.ask(question, signal).catch(() => undefined);
    return answer === undefined ? undefined : schema.safeParse(parsed(answer.body)).data;
  };
  const query = (text: string) => ask({ kind: 'prom.query', query: text, timeMs: nowMs }, vectorSchema);
  const lookbackMs = rateMs + futureMs;
  const doctor = askDoctor({ store, status }, settledRange(nowMs), signal).catch(() => undefined);
  const [traces, istiods, without, lines] = await Promise.all([
    ask(
      {
        kind: 'zipkin.traces',
        query: { annotations: [], endTsMs: nowMs + futureMs, lookbackMs, limit: mostTraces },
      },
      tracesSchema,
    ),
    query('count by (instance) (pilot_info)'),
    query(withoutLatencies),
    ask(proxyLines(nowMs), linesSchema),
  ]);
  const told = await doctor;
  return {
    ...(told && { doctor: told }),
    ...(traces && { traces: traceFacts(traces, { nowMs, lookbackMs: rateMs }) }),
    ...(istiods && {
      istiods: istiods.result.map(({ metric, value }) => ({
        instance: metric['instance'] ?? '',
        series: Number(value[1]),
      })),
    }),
    ...(without && {
      withoutLatencies: without.result.map(({ metric }) => metric['pod'] ?? metric['instance'] ?? ''),
    }),
    ...(lines && {
      proxyLines: lines.lines.map(({ message, labels, traceId }) => ({ message, traceId, pod: labels['pod'] ?? '' })),
    }),
  };
}

function proxyLines(nowMs: number): Question {
  const matchers = [{ name: 'container', op: '=', value: 'istio-proxy' }] as const;
  const query = { startMs: nowMs - recentMs, endMs: nowMs, matchers, texts: [], levels: [] };
  return { kind: 'logs.search', query, limit: mostLines };
}

function parsed(body: Uint8Array): unknown {
  return JSON.parse(Buffer.from(body).toString('utf8'));
}
