/** Spans of a real Envoy with fresh ids, times and those tags that differ from request to request. */
import { seededBits } from '../zipkin/random.ts';
import { recordedGroups } from '../zipkin/requests.ts';

interface Recorded {
  readonly tags?: Readonly<Record<string, string>>;
  readonly annotations?: readonly { readonly value: string }[];
}

export interface MadeSpan {
  readonly traceId: string;
  readonly id: string;
  readonly parentId?: string;
  readonly timestamp: number;
  readonly duration: number;
  readonly tags: Readonly<Record<string, string>>;
}

/** Every so many spans one has this tag. */
export const rareTag = { key: 'customer.tier', value: 'platinum', every: 50_000 } as const;

/** Makes traces of 1 to 8 spans, one behind the other; the same for the same seed. */
export class SpanMaker {
  readonly #bits: () => number;
  readonly #recorded: readonly (object & Recorded)[] = recordedGroups().flat<readonly object[]>();
  #micros: number;
  #made = 0;
  #left = 0;
  #traceId = '';
  #parentId: string | undefined;
  #requestId = '';

  constructor(seed: number, startMicros: number) {
    this.#bits = seededBits(seed);
    this.#micros = startMicros;
  }

  next(): MadeSpan {
    if (this.#left === 0) {
      this.#left = 1 + (this.#bits() % 8);
      this.#traceId = this.#hex(4);
      this.#parentId = undefined;
      this.#requestId = [2, 1, 1, 1, 3].map((words) => this.#hex(words).slice(0, words * 4)).join('-');
    }
    this.#left--;
    this.#made++;
    this.#micros += this.#bits() % 200;
    const id = this.#parentId === undefined ? this.#traceId.slice(16) : this.#hex(2);
    const recorded = this.#recorded[this.#bits() % this.#recorded.length] ?? {};
    const duration = 1_000 + (this.#bits() % 90_000);
    const rare = this.#made % rareTag.every === 0 ? { [rareTag.key]: rareTag.value } : {};
    const span = {
      ...recorded,
      traceId: this.#traceId,
      id,
      ...(this.#parentId === undefined ? {} : { parentId: this.#parentId }),
      timestamp: this.#micros,
      duration,
      tags: {
        ...recorded.tags,
        'guid:x-request-id': this.#requestId,
        response_size: String(this.#bits() % 5_000),
        'http.url': `http://reviews:9080/reviews/${this.#bits() % 500}`,
        ...rare,
      },
      annotations: (recorded.annotations ?? []).map(({ value }) => ({ value, timestamp: this.#micros + duration })),
    };
    this.#parentId = id;
    return span;
  }

  #hex(words: number): string {
    return Array.from({ length: words }, () => this.#bits().toString(16).padStart(8, '0')).join('');
  }
}
