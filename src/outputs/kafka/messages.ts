import type { QueueRecord } from '../../model/batch.ts';
import type { Run, Runs } from './runs.ts';

/** What a message takes beside its key, value and headers, about. */
const overheadBytes = 80;

/** What becomes one message: parts of a run. Its id says which, so it is the same on every attempt. */
export class Message {
  readonly record: QueueRecord;
  /** `<seq>/<first item of the run>/<parts>`; unique within a queue. */
  readonly id: string;
  readonly key: Buffer | undefined;
  readonly value: Buffer;
  readonly #run: Run;
  readonly #from: number;
  readonly #to: number;

  constructor(record: QueueRecord, run: Run, [from, to]: readonly [number, number]) {
    this.record = record;
    this.id = `${record.seq}/${run.first}/${from}-${to}`;
    this.key = run.key === undefined ? undefined : Buffer.from(run.key);
    this.value = run.encode(from, to);
    this.#run = run;
    this.#from = from;
    this.#to = to;
  }

  get bytes(): number {
    return this.value.length + (this.key?.length ?? 0) + overheadBytes;
  }

  /** Items in it: told exactly where each part is one, else in proportion. */
  get items(): number {
    const { items, parts } = this.#run;
    return Math.round((this.#to * items) / parts) - Math.round((this.#from * items) / parts);
  }

  /** Undefined where there is nothing to cut. */
  halves(): readonly [Message, Message] | undefined {
    const middle = Math.ceil((this.#from + this.#to) / 2);
    return this.#to - this.#from < 2
      ? undefined
      : [
          new Message(this.record, this.#run, [this.#from, middle]),
          new Message(this.record, this.#run, [middle, this.#to]),
        ];
  }
}

/** One message for each run of the record, in the order of its items. Throws BRIDGE_DECODE. */
export function messagesOf(record: QueueRecord, runs: Runs): readonly Message[] {
  return runs
    .of(record)
    .filter(({ parts }) => parts > 0)
    .map((run) => new Message(record, run, [0, run.parts]));
}

/** What an earlier attempt did with a message: it arrived, or was sent and not answered. */
export type Fate = 'done' | 'under way' | undefined;

/**
 * Cuts what is larger than `maxBytes`, in halves of halves, so that a part of an earlier attempt is met again on the way
 * down: those that are done are left out, and those under way stay as they are.
 */
export function openParts(message: Message, maxBytes: number, fateOf: (part: Message) => Fate): readonly Message[] {
  const fate = fateOf(message);
  if (fate === 'done') {
    return [];
  }
  const halves = fate === undefined && message.bytes > maxBytes ? message.halves() : undefined;
  return halves === undefined ? [message] : halves.flatMap((half) => openParts(half, maxBytes, fateOf));
}
