import type { LoadedConfig } from '../config/load.ts';
import type { HttpRequest, HttpRoute, Routes } from '../contract/http.ts';
import type { Output } from '../contract/output.ts';
import type { Logger, Meter } from '../contract/runtime.ts';
import type { Tracer } from '../contract/tracer.ts';

/** The daemon's own spans, while they are on. */
export interface Tracing {
  readonly tracer: Tracer;
  /** Sends what waits. */
  stop(): Promise<void>;
}

export interface TracingHost {
  readonly node: string;
  readonly version: string;
  readonly log: Logger;
  readonly meter: Meter;
}

/** Undefined where nobody asked for it; then nothing is imported either. */
export async function startTracing(
  { endpoint, sampling }: LoadedConfig['tracing'],
  host: TracingHost,
): Promise<Tracing | undefined> {
  if (endpoint === undefined) {
    return undefined;
  }
  const { OwnSpans } = await import('../telemetry/own-spans.ts');
  return new OwnSpans({ endpoint, sampling, ...host });
}

/** Routes whose requests have spans, but for those that bring own spans of this or another meshbridge. */
export function tracedRoutes(routes: Routes, tracer: Tracer | undefined): Routes {
  return tracer === undefined ? routes : { add: (route) => routes.add(traced(route, tracer)) };
}

function traced(route: HttpRoute, tracer: Tracer): HttpRoute {
  const name = `${route.method} ${route.path}`;
  const handle = (request: HttpRequest): ReturnType<HttpRoute['handle']> => {
    if (tracer.isOwn(request.body)) {
      return tracer.quietly(() => route.handle(request));
    }
    const attributes = { 'http.request.body.size': request.body.length };
    return tracer.span({ name, kind: 'server', attributes }, async (span) => {
      const response = await route.handle(request);
      span.set('http.response.status_code', response.status);
      if (response.status >= 500) {
        span.fail(`HTTP ${response.status}`);
      }
      return response;
    });
  };
  return { ...route, handle };
}

/** An output whose attempts have spans, but for those that carry own spans. */
export function tracedOutput(output: Output, name: string, tracer: Tracer | undefined): Output {
  if (tracer === undefined) {
    return output;
  }
  return {
    start: () => output.start(),
    check: () => output.check(),
    stop: () => output.stop(),
    write: (request, signal) => {
      const { signal: of, records, items } = request;
      if (records.some(({ payload }) => tracer.isOwn(payload))) {
        return tracer.quietly(() => output.write(request, signal));
      }
      const attributes = { output: name, signal: of, items, records: records.length };
      return tracer.span({ name: `deliver ${of}`, kind: 'client', attributes }, async (span) => {
        const result = await output.write(request, signal);
        span.set('result', result.status);
        if (result.status !== 'delivered') {
          span.fail(result.reason);
        }
        return result;
      });
    },
  };
}

/** Under a span where there is a tracer. Calls `work` at once. */
export function committed<T>(
  tracer: Tracer | undefined,
  { signal, items }: { readonly signal: string; readonly items: number },
  work: () => Promise<T>,
): Promise<T> {
  return tracer === undefined
    ? work()
    : tracer.span({ name: `commit ${signal}`, kind: 'internal', attributes: { signal, items } }, work);
}
