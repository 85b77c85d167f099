import type { Message } from './messages.ts';

/**
 * What is to go to one partition, and the number that the broker expects next. The batch under way stays as it is until
 * its fate is known.
 */
export class PartitionQueue {
  #sequence = 0;
  #messages: Message[] = [];
  /** The first so many messages were sent under `#sequence`. */
  #underWay: readonly Message[] = [];
  /** So many messages go out alone, to find the one that is at fault. */
  #alone = 0;

  /** Ids of what was sent and not answered. */
  get underWay(): readonly string[] {
    return this.#underWay.map(({ id }) => id);
  }

  get isWaiting(): boolean {
    return this.#messages.length > 0;
  }

  /** Replaces what waits. False where a batch without an answer is not its beginning: then its number can't be used again. */
  take(messages: readonly Message[]): boolean {
    this.#messages = [...messages];
    this.#alone = 0;
    return this.#underWay.every(({ id }, i) => messages[i]?.id === id);
  }

  beginAnew(): void {
    this.#sequence = 0;
    this.#underWay = [];
  }

  /** The next batch: what has had no answer as it was, else as many messages as fit into `maxBytes`, but at least one. */
  next(maxBytes: number): { readonly sequence: number; readonly messages: readonly Message[] } {
    if (this.#underWay.length === 0) {
      this.#underWay = this.#messages.slice(0, this.#alone > 0 ? 1 : fitting(this.#messages, maxBytes));
    }
    return { sequence: this.#sequence, messages: this.#underWay };
  }

  /** It stands in the log. */
  appended(): readonly Message[] {
    const done = this.#underWay;
    // The numbers are 32 bits wide and go round, without their sign.
    this.#sequence = (this.#sequence + done.length) % 0x8000_0000;
    this.#drop(done.length);
    return done;
  }

  notAppended(): void {
    this.#underWay = [];
  }

  /** It was too large: how large, and the one message if it was alone and can't be cut; that is dropped. */
  tooLarge(): { readonly bytes: number; readonly alone?: Message } | undefined {
    const [first, ...others] = this.#underWay;
    const bytes = bytesOf(this.#underWay);
    this.#underWay = [];
    if (first === undefined) {
      return undefined;
    }
    if (others.length > 0) {
      return { bytes };
    }
    const halves = first.halves();
    this.#messages.splice(0, 1, ...(halves ?? []));
    return halves === undefined ? { bytes, alone: first } : { bytes };
  }

  /** Something in it will never be taken: the message if it was alone, which is dropped; else each is asked for alone. */
  refused(): readonly Message[] {
    if (this.#underWay.length > 1) {
      this.#alone = this.#underWay.length;
      this.#underWay = [];
      return [];
    }
    const dropped = this.#underWay;
    this.#drop(dropped.length);
    return dropped;
  }

  #drop(count: number): void {
    this.#messages.splice(0, count);
    this.#underWay = [];
    this.#alone = Math.max(0, this.#alone - count);
  }
}

function bytesOf(messages: readonly Message[]): number {
  return messages.reduce((sum, { bytes }) => sum + bytes, 0);
}

function fitting(messages: readonly Message[], maxBytes: number): number {
  let count = 0;
  for (let bytes = 0; count < messages.length; count++) {
    bytes += messages[count]?.bytes ?? 0;
    if (bytes > maxBytes && count > 0) {
      break;
    }
  }
  return count;
}
