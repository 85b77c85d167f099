import type { Endpoint, Span, SpanKind } from '../../model/span.ts';
import { type Half, Halves, isSameEndpoint, isSameService } from './half.ts';
import { isAddressKey, type V1Annotation, type V1BinaryAnnotation, type V1Span } from './v1-span.ts';

type Core = 'cs' | 'cr' | 'sr' | 'ss' | 'ms' | 'mr' | 'ws' | 'wr';

/** What an event says about the side that it happened on; `ws` and `wr` only say when bytes were on the wire. */
const kindOf: Readonly<Record<Core, SpanKind | undefined>> = {
  cs: 'CLIENT',
  cr: 'CLIENT',
  sr: 'SERVER',
  ss: 'SERVER',
  ms: 'PRODUCER',
  mr: 'CONSUMER',
  ws: undefined,
  wr: undefined,
};

function isCore(value: string): value is Core {
  return Object.hasOwn(kindOf, value);
}

/** Turns one v1 span into what each service said of it (spec/tracing.md §1.7). */
class Conversion {
  readonly #source: V1Span;
  readonly #halves = new Halves();
  readonly #core: Partial<Record<Core, V1Annotation>> = {};

  constructor(source: V1Span) {
    this.#source = source;
  }

  run(): readonly Span[] {
    this.#sortAnnotations();
    this.#recoverStart('cs', this.#core.cr);
    this.#recoverStart('sr', this.#core.ss);
    this.#timeCall();
    this.#markShared();
    this.#timeMessage();
    this.#placeTags();
    this.#placeAddresses();
    return [...this.#halves].map((half) => half.toSpan(this.#source.identity));
  }

  /**
   * In their order in time, which decides who speaks first and so owns what nobody else does. Without an endpoint a core
   * value is an ordinary annotation.
   */
  #sortAnnotations(): void {
    for (const annotation of this.#source.annotations.toSorted(byTime)) {
      const half = this.#halves.of(annotation.endpoint);
      if (annotation.endpoint === undefined || !isCore(annotation.value)) {
        half.note(annotation);
        continue;
      }
      half.kind = kindOf[annotation.value] ?? half.kind;
      this.#core[annotation.value] = annotation;
    }
  }

  /** Where the span's own times end at the end event, its beginning was the start event. */
  #recoverStart(start: 'cs' | 'sr', end: V1Annotation | undefined): void {
    const { timestamp, duration } = this.#source;
    if (this.#core[start] === undefined && end !== undefined && timestamp !== undefined && duration !== undefined) {
      if (timestamp + duration === end.timestamp) {
        this.#core[start] = { timestamp, value: start, endpoint: end.endpoint };
      }
    }
  }

  #timeCall(): void {
    const { cs, cr, sr, ss } = this.#core;
    if (cs !== undefined && sr !== undefined) {
      this.#splitCall(cs, sr);
    } else if (cs !== undefined && cr !== undefined) {
      this.#time(this.#halves.of(cs.endpoint), cs, cr);
    } else if (sr !== undefined && ss !== undefined) {
      this.#time(this.#halves.of(sr.endpoint), sr, ss);
    } else {
      this.#timeIncompleteCall();
    }
  }

  /** Both sides spoke in one span: the client owns the span's times, the server its own events'. */
  #splitCall(cs: V1Annotation, sr: V1Annotation): void {
    const { cr, ss } = this.#core;
    const client = this.#halves.of(cs.endpoint);
    this.#time(client, cs, cr);
    const server = this.#otherSide(client, sr.endpoint);
    client.kind = 'CLIENT';
    server.kind = 'SERVER';
    server.shared = true;
    server.timestamp = sr.timestamp;
    server.duration = ss === undefined ? undefined : ss.timestamp - sr.timestamp;
    if (cr === undefined && this.#source.duration === undefined) {
      client.duration = undefined;
    }
  }

  /** A service that calls itself still has two sides. */
  #otherSide(side: Half, endpoint: Endpoint | undefined): Half {
    return isSameService(side.localEndpoint, endpoint) ? this.#halves.add(endpoint) : this.#halves.of(endpoint);
  }

  /** The span's own times where it has both, else those of its events. */
  #time(half: Half, start: V1Annotation, end: V1Annotation | undefined): void {
    const { timestamp, duration } = this.#source;
    if (timestamp !== undefined && duration !== undefined) {
      half.timestamp = timestamp;
      half.duration = duration;
    } else {
      half.timestamp = start.timestamp;
      half.duration = end === undefined ? undefined : end.timestamp - start.timestamp;
    }
  }

  #timeIncompleteCall(): void {
    const { cs, cr, sr, ss } = this.#core;
    for (const half of this.#halves) {
      if (half.kind === 'CLIENT') {
        incomplete(half, cs, cr);
      } else if (half.kind === 'SERVER') {
        incomplete(half, sr, ss);
      }
    }
    if (this.#source.timestamp !== undefined) {
      this.#halves.first.timestamp = this.#source.timestamp;
      this.#halves.first.duration = this.#source.duration;
    }
  }

  /** v1 has no such flag: a server that does not own the span's times continues its caller's span. */
  #markShared(): void {
    const { cs, sr, ss } = this.#core;
    const { timestamp, duration } = this.#source;
    const ownsTimes = timestamp !== undefined && (ss === undefined || duration !== undefined);
    if (cs === undefined && sr !== undefined && !ownsTimes) {
      this.#halves.of(sr.endpoint).shared = true;
    }
  }

  #timeMessage(): void {
    const { ms, mr, ws, wr } = this.#core;
    if (ms !== undefined && mr !== undefined) {
      this.#splitMessage(ms, mr);
    } else if (ms !== undefined) {
      this.#time(this.#halves.of(ms.endpoint), ms, ws);
    } else if (mr !== undefined) {
      this.#time(this.#halves.of(mr.endpoint), wr ?? mr, wr === undefined ? undefined : mr);
    } else {
      for (const wire of [ws, wr]) {
        if (wire !== undefined) {
          this.#halves.of(wire.endpoint).note(wire);
        }
      }
    }
  }

  #splitMessage(ms: V1Annotation, mr: V1Annotation): void {
    const { ws, wr } = this.#core;
    const producer = this.#halves.of(ms.endpoint);
    const consumer = this.#otherSide(producer, mr.endpoint);
    producer.kind = 'PRODUCER';
    producer.timestamp = ms.timestamp;
    producer.duration = ws === undefined ? undefined : ws.timestamp - ms.timestamp;
    consumer.kind = 'CONSUMER';
    consumer.shared = true;
    consumer.timestamp = wr?.timestamp ?? mr.timestamp;
    consumer.duration = wr === undefined ? undefined : mr.timestamp - wr.timestamp;
  }

  #placeTags(): void {
    for (const { key, value, endpoint } of this.#source.binaryAnnotations.toSorted(byKey)) {
      if (isAddressKey(key) && endpoint !== undefined) {
        continue;
      }
      const half = this.#halves.of(endpoint);
      // An empty `lc` only says who speaks.
      if (key !== 'lc' || value !== '') {
        half.tags.set(key, value);
      }
    }
  }

  /** Who an address annotation points at; senders write "true" and "1" where true belongs. */
  #address(key: 'sa' | 'ca' | 'ma'): Endpoint | undefined {
    return this.#source.binaryAnnotations.findLast((annotation) => annotation.key === key)?.endpoint;
  }

  #placeAddresses(): void {
    const { cs, cr, sr, ss, ms, mr } = this.#core;
    const server = sr ?? ss;
    const client = cs ?? cr;
    if (server === undefined && client === undefined) {
      this.#placeWithoutCall();
    } else {
      this.#placeCaller(server);
      this.#point(client, this.#address('sa'));
    }
    this.#point(ms, this.#address('ma'));
    this.#point(mr, this.#address('ma'));
  }

  #point(from: V1Annotation | undefined, to: Endpoint | undefined): void {
    if (from !== undefined && to !== undefined) {
      this.#halves.of(from.endpoint).remoteEndpoint = to;
    }
  }

  /** Finagle's servers give the caller's socket their own service name: then only the socket says something. */
  #placeCaller(server: V1Annotation | undefined): void {
    const caller = this.#address('ca');
    if (caller === undefined || server === undefined || isSameEndpoint(caller, server.endpoint)) {
      return;
    }
    const { serviceName, ...socket } = caller;
    const isOwn = serviceName !== undefined && isSameService(caller, server.endpoint);
    this.#point(server, isOwn ? notEmpty(socket) : caller);
  }

  #placeWithoutCall(): void {
    const caller = this.#address('ca');
    const callee = this.#address('sa');
    if (caller !== undefined && callee !== undefined) {
      this.#halves.of(caller).remoteEndpoint = callee;
    } else if (callee !== undefined) {
      this.#halves.first.remoteEndpoint = callee;
    } else if (caller !== undefined) {
      this.#halves.first.kind = 'SERVER';
      this.#halves.first.remoteEndpoint = caller;
    }
  }
}

function notEmpty(endpoint: Endpoint): Endpoint | undefined {
  return Object.keys(endpoint).length > 0 ? endpoint : undefined;
}

function byTime(left: V1Annotation, right: V1Annotation): number {
  return left.timestamp - right.timestamp || compared(left.value, right.value);
}

function byKey(left: V1BinaryAnnotation, right: V1BinaryAnnotation): number {
  return compared(left.key, right.key);
}

function compared(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

function incomplete(half: Half, start: V1Annotation | undefined, end: V1Annotation | undefined): void {
  if (start !== undefined) {
    half.timestamp = start.timestamp;
  }
  if (end !== undefined) {
    half.note(end);
  }
}

/** The v2 spans that one v1 span stands for: one for each service that spoke in it. */
export function convertV1(source: V1Span): readonly Span[] {
  return new Conversion(source).run();
}
