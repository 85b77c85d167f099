/**
 * The sender of the bench, in a process of its own: `node load.ts '{...LoadPlan}'`. Prints one JSON line, a LoadReport.
 * Raw sockets, requests built beforehand: it must cost little beside what it measures.
 */
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { seededBits } from './random.ts';
import { groupsOf, recordedGroups, SpanRequest } from './requests.ts';

export interface LoadPlan {
  readonly port: number;
  readonly path: string;
  readonly connections: number;
  /** Spans of a body: from, to. */
  readonly bodySpans: readonly [number, number];
  /** 0: as fast as answers come. */
  readonly spansPerSecond: number;
  readonly seconds: number;
  readonly seed: number;
}

export interface LoadReport {
  readonly requests: number;
  readonly spans: number;
  /** Answers other than 202, by status. */
  readonly refused: Readonly<Record<string, number>>;
  readonly seconds: number;
  /** From when the request was due (paced) or sent, to the end of its answer. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

const requestsPerConnection = 10;

class Connection {
  readonly #socket: Socket;
  readonly #requests: readonly SpanRequest[];
  #next = 0;
  #answer = '';
  #settle: ((status: number) => void) | undefined;
  #fail: ((error: Error) => void) | undefined;

  constructor(port: number, requests: readonly SpanRequest[]) {
    this.#requests = requests;
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.#socket.on('data', (chunk) => this.#take(chunk));
    this.#socket.on('error', (error) => this.#fail?.(error));
    this.#socket.on('close', () => this.#fail?.(new Error('the connection was closed')));
  }

  /** Resolves with the status of the answer. */
  send(bits: () => number): { readonly spans: number; readonly answered: Promise<number> } {
    const request = this.#requests[this.#next % this.#requests.length] as SpanRequest;
    this.#next += 1;
    request.refresh(bits, Math.floor((performance.timeOrigin + performance.now()) * 1000));
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.#settle = resolve;
    this.#fail = reject;
    this.#socket.write(request.bytes);
    return { spans: request.spans, answered: promise };
  }

  end(): void {
    this.#fail = undefined;
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    this.#answer += chunk.toString('latin1');
    const headEnd = this.#answer.indexOf('\r\n\r\n');
    if (headEnd === -1) {
      return;
    }
    const head = this.#answer.slice(0, headEnd).toLowerCase();
    const length = Number(/\r\ncontent-length: *(\d+)/.exec(head)?.[1] ?? 0);
    const chunked = head.includes('\r\ntransfer-encoding: chunked');
    const whole = chunked ? this.#answer.endsWith('\r\n0\r\n\r\n') : this.#answer.length >= headEnd + 4 + length;
    if (whole) {
      this.#answer = '';
      this.#settle?.(Number(head.slice(9, 12)));
    }
  }
}

class Book {
  readonly #latenciesMs: number[] = [];
  readonly #refused: Record<string, number> = {};
  #spans = 0;

  note(spans: number, status: number, latencyMs: number): void {
    this.#latenciesMs.push(latencyMs);
    if (status === 202) {
      this.#spans += spans;
    } else {
      this.#refused[status] = (this.#refused[status] ?? 0) + 1;
    }
  }

  report(seconds: number): LoadReport {
    const sorted = Float64Array.from(this.#latenciesMs).sort();
    const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
    const times = { p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
    return { requests: sorted.length, spans: this.#spans, refused: this.#refused, seconds, ...times };
  }
}

async function saturate(connections: readonly Connection[], bits: () => number, endMs: number, book: Book) {
  await Promise.all(
    connections.map(async (connection) => {
      while (performance.now() < endMs) {
        const sentMs = performance.now();
        const { spans, answered } = connection.send(bits);
        const status = await answered;
        book.note(spans, status, performance.now() - sentMs);
      }
    }),
  );
}

/** Sends what is due on connections that are free; what finds none waits, and its wait counts. */
async function pace(connections: readonly Connection[], plan: LoadPlan, bits: () => number, book: Book): Promise<void> {
  const free = [...connections];
  const startedMs = performance.now();
  const endMs = startedMs + plan.seconds * 1000;
  const pending = new Set<Promise<void>>();
  for (let due = 0; performance.now() < endMs; ) {
    const dueMs = () => startedMs + (due / plan.spansPerSecond) * 1000;
    for (
      let connection = free.at(-1);
      connection !== undefined && dueMs() <= performance.now();
      connection = free.at(-1)
    ) {
      free.pop();
      const used = connection;
      const scheduledMs = dueMs();
      const { spans, answered } = used.send(bits);
      due += spans;
      const done = answered.then((status) => {
        book.note(spans, status, performance.now() - scheduledMs);
        free.unshift(used);
        pending.delete(done);
      });
      pending.add(done);
    }
    await delay(1);
  }
  await Promise.all(pending);
}

async function main(plan: LoadPlan): Promise<void> {
  const bits = seededBits(plan.seed);
  const groups = recordedGroups();
  const [least, most] = plan.bodySpans;
  const connections = Array.from({ length: plan.connections }, (_, i) => {
    const requests = Array.from({ length: requestsPerConnection }, (_, j) => {
      const count = least + ((i + j) % (most - least + 1));
      return new SpanRequest(groupsOf(groups, bits() % groups.length, count), plan.path);
    });
    return new Connection(plan.port, requests);
  });
  const book = new Book();
  const startedMs = performance.now();
  if (plan.spansPerSecond === 0) {
    await saturate(connections, bits, startedMs + plan.seconds * 1000, book);
  } else {
    await pace(connections, plan, bits, book);
  }
  for (const connection of connections) {
    connection.end();
  }
  console.log(JSON.stringify(book.report((performance.now() - startedMs) / 1000)));
}

await main(JSON.parse(process.argv[2] ?? '{}'));
