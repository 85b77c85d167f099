import type { Endpoint } from '../../../model/span.ts';
import { GrowingWords } from './growing.ts';
import { hashText, type TextHash } from './hash.ts';

/** The strings of one block, in the order they came. */
export class StringTable {
  readonly list: string[] = [];
  readonly #refs = new Map<string, number>();
  /** UTF-16 units of all strings. */
  textLength = 0;

  /** The ref of `text`, which is written down once. */
  ref(text: string): number {
    const known = this.#refs.get(text);
    if (known !== undefined) {
      return known;
    }
    const ref = this.append(text);
    this.#refs.set(text, ref);
    return ref;
  }

  /** Writes `text` down without looking whether it is there. */
  append(text: string): number {
    this.textLength += text.length;
    return this.list.push(text) - 1;
  }

  clear(): void {
    this.list.length = 0;
    this.#refs.clear();
    this.textLength = 0;
  }
}

interface TagKey {
  readonly ref: number;
  /** What the span before had: most tags of a proxy stay the same from span to span. */
  lastValue: string;
  lastPair: number;
  readonly pairs: Map<string, number>;
}

/** The different `key=value` pairs of one block. */
export class TagTable {
  readonly keyRefs = new GrowingWords();
  readonly valueRefs = new GrowingWords();
  /** What the block's bloom filter must know of them: every key, and every pair. */
  readonly bloomEntries: TextHash[] = [];
  readonly #strings: StringTable;
  readonly #keys = new Map<string, TagKey>();

  constructor(strings: StringTable) {
    this.#strings = strings;
  }

  pair(key: string, value: string): number {
    const tagKey = this.#keys.get(key) ?? this.#newKey(key);
    if (tagKey.lastValue === value && tagKey.lastPair >= 0) {
      return tagKey.lastPair;
    }
    const pair = tagKey.pairs.get(value) ?? this.#newPair(key, tagKey, value);
    tagKey.lastValue = value;
    tagKey.lastPair = pair;
    return pair;
  }

  hasKey(key: string): boolean {
    return this.#keys.has(key);
  }

  clear(): void {
    this.keyRefs.clear();
    this.valueRefs.clear();
    this.bloomEntries.length = 0;
    this.#keys.clear();
  }

  #newKey(key: string): TagKey {
    const tagKey: TagKey = { ref: this.#strings.ref(key), lastValue: '', lastPair: -1, pairs: new Map() };
    this.#keys.set(key, tagKey);
    this.bloomEntries.push(hashText(key));
    return tagKey;
  }

  #newPair(key: string, tagKey: TagKey, value: string): number {
    const pair = this.keyRefs.length;
    this.keyRefs.push(tagKey.ref);
    this.valueRefs.push(this.#strings.append(value));
    tagKey.pairs.set(value, pair);
    this.bloomEntries.push(hashText(key, value));
    return pair;
  }
}

interface KnownEndpoint {
  readonly endpoint: Endpoint;
  readonly ref: number;
}

/** The different endpoints of one block. Refs into `strings` are one larger, 0 is absent. */
export class EndpointTable {
  readonly serviceRefs = new GrowingWords();
  readonly ipv4Refs = new GrowingWords();
  readonly ipv6Refs = new GrowingWords();
  readonly ports = new GrowingWords();
  readonly #strings: StringTable;
  readonly #byService = new Map<string | undefined, KnownEndpoint[]>();

  constructor(strings: StringTable) {
    this.#strings = strings;
  }

  ref(endpoint: Endpoint): number {
    const known = this.#byService.get(endpoint.serviceName);
    if (known === undefined) {
      const ref = this.#add(endpoint);
      this.#byService.set(endpoint.serviceName, [{ endpoint, ref }]);
      return ref;
    }
    for (const candidate of known) {
      if (sameAddress(candidate.endpoint, endpoint)) {
        return candidate.ref;
      }
    }
    const ref = this.#add(endpoint);
    // A list that grew long is no quick way any more: further ones are simply written down again.
    if (known.length < 16) {
      known.push({ endpoint, ref });
    }
    return ref;
  }

  /** The service's string ref of an endpoint ref, both one larger and 0 when absent. */
  serviceOf(endpointRef: number): number {
    return endpointRef === 0 ? 0 : this.serviceRefs.at(endpointRef - 1);
  }

  clear(): void {
    this.serviceRefs.clear();
    this.ipv4Refs.clear();
    this.ipv6Refs.clear();
    this.ports.clear();
    this.#byService.clear();
  }

  #add(endpoint: Endpoint): number {
    const ref = this.serviceRefs.length;
    this.serviceRefs.push(this.#optional(endpoint.serviceName));
    this.ipv4Refs.push(this.#optional(endpoint.ipv4));
    this.ipv6Refs.push(this.#optional(endpoint.ipv6));
    this.ports.push(endpoint.port ?? 0);
    return ref;
  }

  #optional(text: string | undefined): number {
    return text === undefined ? 0 : this.#strings.ref(text) + 1;
  }
}

function sameAddress(a: Endpoint, b: Endpoint): boolean {
  return a.ipv4 === b.ipv4 && a.port === b.port && a.ipv6 === b.ipv6;
}
