import type { Span } from '../../model/span.ts';
import { type JaegerProcess, jaegerTrace } from './jaeger-trace.ts';

const sampledFlag = 1;
const debugFlag = 2;

/**
 * One trace as Jaeger's query service answers it and its page, Kiali and Grafana read it: an object of `data`
 * (spec/tracing.md §3.2). Lists are there even when they are empty.
 */
export function jaegerUiJson(spans: readonly Span[]): string {
  const trace = jaegerTrace(spans);
  const names = new Map<JaegerProcess, string>();
  for (const { process } of trace) {
    if (!names.has(process)) {
      names.set(process, `p${names.size + 1}`);
    }
  }
  return JSON.stringify({
    traceID: trace[0]?.traceId ?? '',
    spans: trace.map((span) => ({
      traceID: span.traceId,
      spanID: span.spanId,
      flags: span.isDebug ? sampledFlag | debugFlag : sampledFlag,
      operationName: span.operationName,
      references:
        span.parentId === undefined ? [] : [{ refType: 'CHILD_OF', traceID: span.traceId, spanID: span.parentId }],
      startTime: span.startTime,
      duration: span.duration,
      tags: span.tags,
      logs: span.logs,
      processID: names.get(span.process),
      warnings: span.warnings.length === 0 ? null : span.warnings,
    })),
    processes: Object.fromEntries([...names].map(([process, name]) => [name, process])),
    warnings: null,
  });
}
