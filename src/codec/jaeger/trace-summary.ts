import type { Span } from '../../model/span.ts';
import { type JaegerSpan, jaegerTrace } from './jaeger-trace.ts';

interface ServiceCount {
  readonly name: string;
  spanCount: number;
  errorSpanCount: number;
}

/** A trace in a few numbers, as `GET /api/v3/trace-summaries` of Jaeger lists it (spec/tracing.md §3.3). Times are ns, in digits. */
export function traceSummaryJson(spans: readonly Span[]): string {
  const trace = jaegerTrace(spans);
  const ids = new Set(trace.map(({ spanId }) => spanId));
  const orphans = trace.filter(({ parentId }) => parentId !== undefined && !ids.has(parentId));
  const root = trace.find(({ parentId }) => parentId === undefined) ?? trace[0];
  const starts = trace.map(({ startTime }) => startTime);
  const ends = trace.map(({ startTime, duration }) => startTime + duration);
  return JSON.stringify({
    traceId: root?.traceId.padStart(32, '0') ?? '',
    rootServiceName: root?.process.serviceName ?? '',
    rootOperationName: root?.operationName ?? '',
    minStartTimeUnixNano: nanos(starts.reduce((least, time) => Math.min(least, time), starts[0] ?? 0)),
    maxEndTimeUnixNano: nanos(ends.reduce((most, time) => Math.max(most, time), 0)),
    spanCount: trace.length,
    errorSpanCount: trace.filter(hasFailed).length,
    orphanSpanCount: orphans.length,
    services: servicesOf(trace),
  });
}

function nanos(micros: number): string {
  return String(BigInt(micros) * 1000n);
}

function hasFailed({ tags }: JaegerSpan): boolean {
  return tags.some(({ key }) => key === 'error');
}

function servicesOf(trace: readonly JaegerSpan[]): readonly ServiceCount[] {
  const services = new Map<string, ServiceCount>();
  for (const span of trace) {
    const { serviceName: name } = span.process;
    const count = services.get(name) ?? { name, spanCount: 0, errorSpanCount: 0 };
    count.spanCount += 1;
    count.errorSpanCount += hasFailed(span) ? 1 : 0;
    services.set(name, count);
  }
  return [...services.values()];
}
