import { RE2JS, RE2JSException } from 're2js';
import { BridgeError } from '../../contract/errors.ts';
import { paddedTraceId, type Span } from '../../model/span.ts';

/** What of DataKit's table leaves spans or tags out (spec/datakit.md §3.1), and our `partial`. */
export interface SpanFilterSettings {
  /** Expressions found anywhere in the key of a tag, as sent or with `_` for `.`. */
  readonly ignoreTags: readonly string[];
  /** Service, or `*`, → expressions found anywhere in the name of a span: its trace is left out. */
  readonly closeResource: Readonly<Record<string, readonly string[]>>;
  /** Share of traces to keep; undefined keeps all. */
  readonly samplingRate: number | undefined;
  /** Keep the traces with the tag `error`, whatever the share says. */
  readonly keepErrors: boolean;
  /** Keep the traces of a service and name that were not seen for an hour. */
  readonly keepRare: boolean;
}

export interface Filtered {
  readonly spans: readonly Span[];
  /** Spans left out, by reason. */
  readonly dropped: ReadonlyMap<string, number>;
}

const rareMs = 3_600_000;
/** Services and names that are remembered; the one seen longest ago goes first. */
const mostRemembered = 20_000;
const bucketCount = 10_000n;

/**
 * Filters per trace of a batch, in DataKit's order: closed names, errors, rare names, sampling. The verdict on sampling hangs
 * on the trace id alone, so that all agents agree on it.
 */
export class SpanFilter {
  readonly #settings: SpanFilterSettings;
  readonly #ignored: readonly RE2JS[];
  readonly #closed: ReadonlyMap<string, readonly RE2JS[]>;
  readonly #tagVerdicts = new Map<string, boolean>();
  readonly #lastSeenMs = new Map<string, number>();

  /** Throws BRIDGE_CONFIG for what is no expression. */
  constructor(settings: SpanFilterSettings) {
    this.#settings = settings;
    this.#ignored = compiled('ignore_tags', settings.ignoreTags);
    this.#closed = new Map(
      Object.entries(settings.closeResource).map(([service, list]) => [
        service.toLowerCase(),
        compiled(`close_resource.${service}`, list),
      ]),
    );
  }

  filter(spans: readonly Span[], nowMs: number): Filtered {
    const dropped = new Map<string, number>();
    const kept: Span[] = [];
    for (const trace of byTrace(spans)) {
      const reason = this.#reasonToDrop(trace, nowMs);
      if (reason === undefined) {
        kept.push(...trace.map((span) => this.#withoutTags(span)));
      } else {
        dropped.set(reason, (dropped.get(reason) ?? 0) + trace.length);
      }
    }
    return { spans: kept, dropped };
  }

  #reasonToDrop(trace: readonly Span[], nowMs: number): 'closed' | 'sampled' | undefined {
    if (trace.some((span) => this.#isClosed(span))) {
      return 'closed';
    }
    // Each name is noted down, whatever else keeps the trace.
    const rare = this.#settings.keepRare && trace.map((span) => this.#isRare(span, nowMs)).includes(true);
    const { samplingRate: rate, keepErrors } = this.#settings;
    if (rate === undefined || rare || (keepErrors && trace.some(isError))) {
      return undefined;
    }
    return isSampled(trace[0]?.traceId ?? '', rate) ? undefined : 'sampled';
  }

  #isClosed(span: Span): boolean {
    if (this.#closed.size === 0) {
      return false;
    }
    const name = nameOf(span);
    const ofService = this.#closed.get(span.localEndpoint?.serviceName ?? '') ?? [];
    const ofAll = this.#closed.get('*') ?? [];
    return [...ofService, ...ofAll].some((expression) => expression.matcher(name).find());
  }

  #isRare(span: Span, nowMs: number): boolean {
    const key = `${span.localEndpoint?.serviceName ?? ''}\n${nameOf(span)}`;
    const last = this.#lastSeenMs.get(key);
    this.#lastSeenMs.delete(key);
    this.#lastSeenMs.set(key, nowMs);
    if (this.#lastSeenMs.size > mostRemembered) {
      this.#lastSeenMs.delete(this.#lastSeenMs.keys().next().value ?? '');
    }
    return last === undefined || nowMs - last >= rareMs;
  }

  #withoutTags(span: Span): Span {
    if (this.#ignored.length === 0 || span.tags === undefined) {
      return span;
    }
    const { tags, ...rest } = span;
    const kept = Object.entries(tags).filter(([key]) => !this.#isIgnored(key));
    return kept.length === 0 ? rest : { ...rest, tags: Object.fromEntries(kept) };
  }

  #isIgnored(key: string): boolean {
    const known = this.#tagVerdicts.get(key);
    if (known !== undefined) {
      return known;
    }
    const forms = [key, key.replaceAll('.', '_')];
    const verdict = this.#ignored.some((expression) => forms.some((form) => expression.matcher(form).find()));
    if (this.#tagVerdicts.size < mostRemembered) {
      this.#tagVerdicts.set(key, verdict);
    }
    return verdict;
  }
}

function byTrace(spans: readonly Span[]): Iterable<Span[]> {
  const traces = new Map<string, Span[]>();
  for (const span of spans) {
    const key = paddedTraceId(span.traceId);
    const trace = traces.get(key);
    if (trace === undefined) {
      traces.set(key, [span]);
    } else {
      trace.push(span);
    }
  }
  return traces.values();
}

function isError({ tags }: Span): boolean {
  const error = tags?.['error'];
  return error !== undefined && error !== 'false';
}

function nameOf(span: Span): string {
  return span.rawName ?? span.name ?? '';
}

/** By the lower half of the id, which 64-bit and 128-bit forms of one trace share. */
function isSampled(traceId: string, rate: number): boolean {
  const low = BigInt(`0x${paddedTraceId(traceId).slice(16)}`);
  return Number(low % bucketCount) < rate * Number(bucketCount);
}

function compiled(key: string, expressions: readonly string[]): readonly RE2JS[] {
  return expressions.map((text) => {
    try {
      return RE2JS.compile(text);
    } catch (cause) {
      if (cause instanceof RE2JSException) {
        const message = `${key}: ${JSON.stringify(text)} is not a regular expression: ${cause.message}`;
        throw new BridgeError('BRIDGE_CONFIG', message, { cause });
      }
      throw cause;
    }
  });
}
