import type { SpanView } from './api.ts';
import { rootOf, traceTree } from './trace-tree.ts';

/** A trace as a row of a list. */
export interface TraceSummary {
  readonly traceId: string;
  readonly service: string;
  readonly name: string;
  readonly startMicros: number | undefined;
  readonly durationMicros: number;
  readonly spanCount: number;
  readonly errorCount: number;
  readonly services: readonly (readonly [name: string, spans: number])[];
}

export function summaryOf(spans: readonly SpanView[]): TraceSummary {
  const tree = traceTree(spans);
  const root = rootOf(tree);
  return {
    traceId: tree.traceId,
    service: root?.service ?? '',
    name: root?.span.name ?? '',
    startMicros: tree.startMicros,
    durationMicros: tree.durationMicros,
    spanCount: tree.spanCount,
    errorCount: tree.errorCount,
    services: tree.services,
  };
}

export function sorted(traces: readonly TraceSummary[], order: 'newest' | 'longest'): readonly TraceSummary[] {
  return traces.toSorted((a, b) =>
    order === 'longest' ? b.durationMicros - a.durationMicros : (b.startMicros ?? 0) - (a.startMicros ?? 0),
  );
}
