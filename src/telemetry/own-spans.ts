import { ZipkinExporter } from '@opentelemetry/exporter-zipkin';
import type { Logger, Meter } from '../contract/runtime.ts';
import { type EndedSpan, OwnTracer, ownSpanMark } from './own-tracer.ts';

export interface OwnSpansOptions {
  /** The spans address of a Zipkin server, or of a meshbridge. */
  readonly endpoint: string;
  /** As `OwnTracerOptions.sampling`. */
  readonly sampling: number;
  readonly node: string;
  readonly version: string;
  readonly log: Logger;
  readonly meter: Meter;
}

type ReadableSpan = Parameters<ZipkinExporter['export']>[0][number];
type Export = Parameters<Parameters<ZipkinExporter['export']>[1]>[0];

const serviceName = 'meshbridge';
const flushMs = 1_000;
const mostInRequest = 500;
const mostWaiting = 5_000;
/** The exporter itself waits for an answer as long as it takes. */
const answerWithinMs = 10_000;
const kinds = { internal: 0, server: 1, client: 2 } as const;
const statusUnset = 0;
const statusError = 2;
const sampled = 1;

/** Sends the daemon's own spans, some of them at a time. What there is no room for is left out and counted. */
export class OwnSpans {
  readonly tracer: OwnTracer;
  readonly #exporter: ZipkinExporter;
  readonly #options: OwnSpansOptions;
  readonly #resource: ReadableSpan['resource'];
  readonly #count: (outcome: 'sent' | 'lost', spans: number) => void;
  readonly #timer: NodeJS.Timeout;
  #waiting: EndedSpan[] = [];
  #sending: Promise<void> | undefined;
  #isFailing = false;

  constructor(options: OwnSpansOptions) {
    const { endpoint, sampling, node, version, meter } = options;
    this.#options = options;
    this.#resource = resourceOf({ 'host.name': node, 'service.version': version, [ownSpanMark]: 'span' });
    this.#exporter = new ZipkinExporter({ url: endpoint, serviceName });
    const help = 'Spans of the daemon about itself.';
    const sent = meter.counter('meshbridge_own_spans_total', help, { outcome: 'sent' });
    const lost = meter.counter('meshbridge_own_spans_total', help, { outcome: 'lost' });
    this.#count = (outcome, spans) => (outcome === 'sent' ? sent : lost).add(spans);
    this.tracer = new OwnTracer({ sampling, take: (span) => this.#take(span) });
    this.#timer = setInterval(() => this.#flush(), flushMs);
    this.#timer.unref();
  }

  /** Sends what waits. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#sending;
    this.#flush();
    await this.#sending;
  }

  #take(span: EndedSpan): void {
    if (this.#waiting.length < mostWaiting) {
      this.#waiting.push(span);
    } else {
      this.#count('lost', 1);
    }
  }

  #flush(): void {
    if (this.#sending === undefined && this.#waiting.length > 0) {
      const spans = this.#waiting.splice(0, mostInRequest);
      this.#sending = this.tracer
        .quietly(() => this.#send(spans))
        .finally(() => {
          this.#sending = undefined;
        });
    }
  }

  async #send(spans: readonly EndedSpan[]): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<Export>();
    const late = setTimeout(() => resolve({ code: 1, error: new Error('no answer within 10 s') }), answerWithinMs);
    this.#exporter.export(
      spans.map((span) => this.#readable(span)),
      resolve,
    );
    const { code, error } = await promise;
    clearTimeout(late);
    this.#count(code === 0 ? 'sent' : 'lost', spans.length);
    if (code !== 0 && !this.#isFailing) {
      const { endpoint, log } = this.#options;
      log.warn({ endpoint, reason: error?.message }, 'Spans about meshbridge itself could not be sent.');
    }
    this.#isFailing = code !== 0;
  }

  #readable(span: EndedSpan): ReadableSpan {
    const { traceId, id, parentId, name, kind, startMs, durationMs, attributes, failure } = span;
    const context = (spanId: string) => ({ traceId, spanId, traceFlags: sampled });
    return {
      name,
      kind: kinds[kind],
      spanContext: () => context(id),
      ...(parentId !== undefined && { parentSpanContext: context(parentId) }),
      startTime: hrTime(startMs),
      endTime: hrTime(startMs + durationMs),
      duration: hrTime(durationMs),
      status: failure === undefined ? { code: statusUnset } : { code: statusError, message: failure },
      attributes,
      links: [],
      events: [],
      ended: true,
      resource: this.#resource,
      instrumentationScope: { name: serviceName },
      droppedAttributesCount: 0,
      droppedEventsCount: 0,
      droppedLinksCount: 0,
    };
  }
}

/** Its attributes become tags of each span. */
function resourceOf(attributes: Readonly<Record<string, string>>): ReadableSpan['resource'] {
  const resource: ReadableSpan['resource'] = {
    attributes,
    merge: () => resource,
    getRawAttributes: () => Object.entries(attributes),
  };
  return resource;
}

/** Seconds, and ns within the second. At least a µs, which is what Zipkin counts in. */
function hrTime(ms: number): [number, number] {
  const micros = Math.max(1, Math.round(ms * 1_000));
  return [Math.floor(micros / 1_000_000), (micros % 1_000_000) * 1_000];
}
