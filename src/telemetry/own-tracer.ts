import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import type { OwnSpan, OwnSpanFacts, Tracer } from '../contract/tracer.ts';

/** Stands in every own span, so that whoever sees its bytes again makes no span about that. */
export const ownSpanMark = 'meshbridge.self';

/** A span that has ended. Times are ms since 1970, with what a ms has of µs. */
export interface EndedSpan {
  readonly traceId: string;
  readonly id: string;
  readonly parentId?: string;
  readonly name: string;
  readonly kind: OwnSpanFacts['kind'];
  readonly startMs: number;
  readonly durationMs: number;
  readonly attributes: Readonly<Record<string, string | number>>;
  /** Why it failed. */
  readonly failure?: string;
}

export interface OwnTracerOptions {
  /** The share of what has no span above it that is told, from 0 to 1. */
  readonly sampling: number;
  /** Takes each span when it has ended. */
  readonly take: (span: EndedSpan) => void;
}

/** What is under way: a span, or something of which nothing is told. */
type Context = { readonly traceId: string; readonly id: string } | 'quiet';

/** Makes spans, each below the one on whose behalf it begins. */
export class OwnTracer implements Tracer {
  readonly #options: OwnTracerOptions;
  readonly #context = new AsyncLocalStorage<Context>();
  readonly #mark = Buffer.from(ownSpanMark);

  constructor(options: OwnTracerOptions) {
    this.#options = options;
  }

  async span<T>(facts: OwnSpanFacts, work: (span: OwnSpan) => Promise<T>): Promise<T> {
    const above = this.#context.getStore() ?? this.#root();
    if (above === 'quiet') {
      return await this.#context.run('quiet', () => work(untold));
    }
    const made = new OpenSpan(facts, above.traceId, above.id);
    try {
      return await this.#context.run(made, () => work(made));
    } catch (error) {
      made.fail(messageOf(error));
      throw error;
    } finally {
      this.#options.take(made.ended());
    }
  }

  quietly<T>(work: () => Promise<T>): Promise<T> {
    return this.#context.run('quiet', work);
  }

  isOwn(bytes: Uint8Array): boolean {
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes(this.#mark);
  }

  /** A new trace, or none. */
  #root(): { readonly traceId: string; readonly id?: undefined } | 'quiet' {
    return Math.random() < this.#options.sampling ? { traceId: randomBytes(16).toString('hex') } : 'quiet';
  }
}

const untold: OwnSpan = { set: () => undefined, fail: () => undefined };

class OpenSpan implements OwnSpan {
  readonly traceId: string;
  readonly id = randomBytes(8).toString('hex');
  readonly #parentId: string | undefined;
  readonly #facts: OwnSpanFacts;
  readonly #attributes: Record<string, string | number>;
  readonly #startMs = performance.timeOrigin + performance.now();
  #failure: string | undefined;

  constructor(facts: OwnSpanFacts, traceId: string, parentId: string | undefined) {
    this.#facts = facts;
    this.traceId = traceId;
    this.#parentId = parentId;
    this.#attributes = { ...facts.attributes };
  }

  set(key: string, value: string | number): void {
    this.#attributes[key] = value;
  }

  fail(reason: string): void {
    this.#failure = reason;
  }

  ended(): EndedSpan {
    const { name, kind } = this.#facts;
    return {
      traceId: this.traceId,
      id: this.id,
      ...(this.#parentId !== undefined && { parentId: this.#parentId }),
      name,
      kind,
      startMs: this.#startMs,
      durationMs: performance.timeOrigin + performance.now() - this.#startMs,
      attributes: this.#attributes,
      ...(this.#failure !== undefined && { failure: this.#failure }),
    };
  }
}

function messageOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error);
}
