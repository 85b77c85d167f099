import { z } from 'zod';

const spanSchema = z.object({
  traceId: z.string(),
  id: z.string(),
  parentId: z.string().optional(),
  kind: z.string().optional(),
  timestamp: z.number().optional(),
  duration: z.number().optional(),
  localEndpoint: z.object({ serviceName: z.string().optional() }).optional(),
  tags: z.record(z.string(), z.string()).optional(),
});
type Span = z.output<typeof spanSchema>;

export const tracesSchema = z.array(z.array(spanSchema));

/** By how much the clock behind `server` is ahead of the one behind `client`; the median of what was seen. */
export interface ClockPair {
  readonly client: string;
  readonly server: string;
  readonly aheadMs: number;
}

/** What the newest traces tell about the set-up. Times are ms. */
export interface TraceFacts {
  readonly spans: number;
  readonly services: readonly string[];
  /** The time in which they began. */
  readonly withinMs: number;
  readonly pairs: readonly ClockPair[];
  /** The span that begins furthest in the future. */
  readonly ahead?: { readonly service: string; readonly byMs: number };
}

export interface TraceWindow {
  readonly nowMs: number;
  /** How far back was looked. */
  readonly lookbackMs: number;
}

/** Of so few the oldest may have begun at any time. */
const fewTraces = 20;

export function traceFacts(traces: readonly (readonly Span[])[], window: TraceWindow): TraceFacts {
  const spans = traces.flat();
  const begins = traces.flatMap((trace) => Math.min(...trace.map((span) => startMs(span) ?? Number.POSITIVE_INFINITY)));
  const timed = begins.filter((ms) => Number.isFinite(ms) && ms <= window.nowMs);
  const oldestMs = timed.reduce((least, ms) => Math.min(least, ms), window.nowMs);
  // Those found tell of the time since the oldest of them: there may be more than were asked for, or they began just now.
  const withinMs = traces.length < fewTraces ? window.lookbackMs : window.nowMs - oldestMs;
  const ahead = spans
    .map((span) => ({ service: serviceOf(span), byMs: (startMs(span) ?? 0) - window.nowMs }))
    .reduce((most, one) => (one.byMs > most.byMs ? one : most), { service: '', byMs: 0 });
  return {
    spans: spans.length,
    services: [...new Set(spans.map(serviceOf))].filter((name) => name !== '').sort(),
    withinMs,
    pairs: pairsOf(traces),
    ...(ahead.byMs > 0 && { ahead }),
  };
}

function startMs({ timestamp }: Span): number | undefined {
  return timestamp === undefined ? undefined : timestamp / 1000;
}

function serviceOf(span: Span): string {
  return span.localEndpoint?.serviceName ?? '';
}

/** The halves of a call: two spans of one id, or of parent and child, on two sides. */
function pairsOf(traces: readonly (readonly Span[])[]): readonly ClockPair[] {
  const offsets = new Map<string, { readonly client: string; readonly server: string; readonly all: number[] }>();
  for (const trace of traces) {
    const clients = new Map(trace.filter(({ kind }) => kind === 'CLIENT').map((span) => [span.id, span]));
    for (const server of trace.filter(({ kind }) => kind === 'SERVER')) {
      const client = clients.get(server.id) ?? clients.get(server.parentId ?? '');
      const aheadMs = client === undefined ? undefined : offsetMs(client, server);
      if (client !== undefined && aheadMs !== undefined) {
        const names = { client: serviceOf(client), server: serviceOf(server) };
        const key = `${names.client} ${names.server}`;
        const entry = offsets.get(key) ?? { ...names, all: [] };
        entry.all.push(aheadMs);
        offsets.set(key, entry);
      }
    }
  }
  return [...offsets.values()].map(({ client, server, all }) => ({ client, server, aheadMs: median(all) }));
}

/** As Zipkin corrects clocks (openzipkin/zipkin-js, clock skew): the server's half must lie within the client's. */
function offsetMs(client: Span, server: Span): number | undefined {
  const [clientMs, serverMs] = [startMs(client), startMs(server)];
  if (clientMs === undefined || serverMs === undefined) {
    return undefined;
  }
  const [around, within] = [(client.duration ?? 0) / 1000, (server.duration ?? 0) / 1000];
  if (serviceOf(client) === serviceOf(server) || within > around) {
    return undefined;
  }
  const isInside = serverMs >= clientMs && serverMs + within <= clientMs + around;
  return isInside ? 0 : serverMs - clientMs - (around - within) / 2;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
