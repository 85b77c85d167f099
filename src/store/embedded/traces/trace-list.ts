import type { JaegerEncoding } from '../../../contract/store.ts';
import type { Span } from '../../../model/span.ts';
import { type SpanPlace, traceJson } from './trace-reader.ts';

/** How traces are written, each by itself and together. */
export interface TraceList {
  readonly contentType: string;
  one(places: readonly SpanPlace[]): Uint8Array;
  all(traces: readonly Uint8Array[]): Uint8Array;
}

export const zipkinList: TraceList = {
  contentType: 'application/json',
  one: (places) => Buffer.from(traceJson(places)),
  all: jsonList,
};

/** Loaded when somebody asks for it. */
export async function jaegerList(encoding: JaegerEncoding): Promise<TraceList> {
  if (encoding === 'ui') {
    const { jaegerUiJson } = await import('../../../codec/jaeger/ui-json.ts');
    return { ...zipkinList, one: (places) => Buffer.from(jaegerUiJson(spansOf(places))) };
  }
  if (encoding === 'summary') {
    const { traceSummaryJson } = await import('../../../codec/jaeger/trace-summary.ts');
    return { ...zipkinList, one: (places) => Buffer.from(traceSummaryJson(spansOf(places))) };
  }
  if (encoding === 'otlp') {
    const { resourceSpans } = await import('../../../codec/otlp/export-spans.ts');
    const one = (places: readonly SpanPlace[]): Uint8Array =>
      Buffer.from(JSON.stringify(resourceSpans(unique(spansOf(places)), (id) => id, 'split')).slice(1, -1));
    return { ...zipkinList, one };
  }
  const { jaegerChunks } = await import('../../../codec/jaeger/chunks.ts');
  return {
    contentType: 'application/x-protobuf',
    one: (places) => Buffer.concat(jaegerChunks(spansOf(places)).flatMap(withLength)),
    all: (traces) => Buffer.concat(traces),
  };
}

function spansOf(places: readonly SpanPlace[]): Span[] {
  return places.map(({ view, index }) => view.span(index));
}

function unique(spans: readonly Span[]): Span[] {
  return [...new Map(spans.map((span) => [JSON.stringify(span), span])).values()];
}

function withLength(message: Uint8Array): Uint8Array[] {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(message.length);
  return [length, message];
}

function jsonList(elements: readonly Uint8Array[]): Uint8Array {
  const parts: Uint8Array[] = [Buffer.from('[')];
  for (const [index, element] of elements.entries()) {
    parts.push(...(index === 0 ? [] : [Buffer.from(',')]), element);
  }
  return Buffer.concat([...parts, Buffer.from(']')]);
}
