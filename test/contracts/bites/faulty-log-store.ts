import type { WriteRequest } from '../../../src/contract/output.ts';
import type { Answer, Question, Store, StorePosition, StoreStatus } from '../../../src/contract/store.ts';
import { EmbeddedStore } from '../../../src/store/embedded/embedded-store.ts';
import { plainSpanDecoder } from '../../fakes/requests.ts';
import type { StoreSubject } from '../store-contract.ts';

export type LogStoreFault =
  | 'none'
  | 'resolves before a read finds it'
  | 'keeps a repeat twice'
  | 'refuses an overlap'
  | 'confuses queues'
  | 'ignores texts'
  | 'forgets labels'
  | 'gives all lines one id'
  | 'tails from the beginning'
  | 'counts in larger buckets'
  | 'does not sort names'
  | 'takes any expression'
  | 'never expires'
  | 'shows half a request';

/** The embedded store behind a door that has the fault. */
class FaultyLogStore implements Store {
  readonly #store: Store;
  readonly #fault: LogStoreFault;
  #commits = 0;

  constructor(store: Store, fault: LogStoreFault) {
    this.#store = store;
    this.#fault = fault;
  }

  open(): Promise<void> {
    return this.#store.open();
  }

  async commit(request: WriteRequest): Promise<void> {
    this.#commits += 1;
    const range = request.id.slice(request.id.lastIndexOf(':'));
    switch (this.#fault) {
      case 'resolves before a read finds it':
        this.#store.commit(request).catch(() => undefined);
        break;
      case 'keeps a repeat twice':
        await this.#store.commit({ ...request, id: `queue-${this.#commits}${range}` });
        break;
      case 'confuses queues':
        await this.#store.commit({ ...request, id: `queue1${range}` });
        break;
      case 'refuses an overlap':
        if ((request.records[0]?.seq ?? 0) > ((await this.position('logs'))?.seq ?? 0)) {
          await this.#store.commit(request);
        }
        break;
      default:
        await this.#store.commit(request);
    }
  }

  async ask(question: Question, signal?: AbortSignal): Promise<Answer> {
    const answer = await this.#store.ask(faultyQuestion(question, this.#fault), signal);
    const given: unknown = JSON.parse(Buffer.from(answer.body).toString());
    return { ...answer, body: Buffer.from(JSON.stringify(faultyAnswer(given, this.#fault))) };
  }

  position(signal: 'logs'): Promise<StorePosition | undefined> {
    return this.#store.position(signal);
  }

  async expire(): Promise<number> {
    return this.#fault === 'never expires' ? 0 : this.#store.expire();
  }

  status(): Promise<StoreStatus> {
    return this.#store.status();
  }

  check(): ReturnType<Store['check']> {
    return this.#store.check();
  }

  close(): Promise<void> {
    return this.#store.close();
  }
}

function faultyQuestion(question: Question, fault: LogStoreFault): Question {
  if (question.kind === 'logs.tail' && question.after !== undefined && fault === 'tails from the beginning') {
    return { ...question, after: '0-0-0' };
  }
  if (question.kind === 'logs.counts' && fault === 'counts in larger buckets') {
    return { ...question, stepMs: question.stepMs * 2 };
  }
  if (question.kind === 'logs.search' && fault === 'ignores texts') {
    return { ...question, query: { ...question.query, texts: [] } };
  }
  if (question.kind === 'logs.search' && fault === 'takes any expression') {
    return { ...question, query: { ...question.query, matchers: [] } };
  }
  return question;
}

function faultyAnswer(given: unknown, fault: LogStoreFault): unknown {
  if (Array.isArray(given)) {
    return fault === 'does not sort names' ? given.toReversed() : given;
  }
  if (typeof given !== 'object' || given === null || !('lines' in given) || !Array.isArray(given.lines)) {
    return given;
  }
  const lines: object[] = given.lines;
  switch (fault) {
    case 'forgets labels':
      return { ...given, lines: lines.map((line) => ({ ...line, labels: {} })) };
    case 'gives all lines one id':
      return { ...given, lines: lines.map((line) => ({ ...line, id: '1' })) };
    case 'shows half a request':
      return { ...given, lines: lines.slice(0, 250) };
    default:
      return given;
  }
}

export function faultyLogStore(fault: LogStoreFault): StoreSubject {
  return {
    name: 'faulty',
    create: ({ dir, clock, retentionMs }) =>
      new FaultyLogStore(
        new EmbeddedStore({ dir, clock, retentionMs, maxBytes: 1e9, decodeSpans: plainSpanDecoder.spans }),
        fault,
      ),
  };
}
