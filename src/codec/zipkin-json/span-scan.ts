import { hexEnd, standsAt, textEnd, wholeAt, wholeEnd } from './scan-text.ts';
import { flags, type Known, keys, kinds, knownMembers, type Member, neededBits } from './span-members.ts';

const quote = 0x22;
const comma = 0x2c;
const colon = 0x3a;
const opening = 0x5b;
const closing = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const maxPort = 65_535;

/**
 * Goes once over a JSON list of v2 spans as proxies write it: compact, without nulls and unknown members, ids at full width.
 * Such a list `readSpan` takes. Of any other nothing is said: it may be good or bad.
 */
export class SpanScan {
  readonly #bytes: Uint8Array;
  #at = 0;
  #seen = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** How many spans the list has, at least one; -1 where this scan cannot tell. */
  run(): number {
    if (this.#bytes[0] !== opening) {
      return -1;
    }
    this.#at = 1;
    for (let spans = 1; this.#span(); spans += 1) {
      const next = this.#bytes[this.#at];
      this.#at += 1;
      if (next === closing) {
        return this.#at === this.#bytes.length ? spans : -1;
      }
      if (next !== comma) {
        return -1;
      }
    }
    return -1;
  }

  #span(): boolean {
    if (this.#bytes[this.#at] !== openBrace) {
      return false;
    }
    this.#seen = 0;
    do {
      this.#at += 1;
      const known = this.#member();
      if (known === undefined || (this.#seen & known.bit) !== 0 || !this.#value(known.member)) {
        return false;
      }
      this.#seen |= known.bit;
    } while (this.#bytes[this.#at] === comma);
    return this.#leave(closeBrace) && (this.#seen & neededBits) === neededBits;
  }

  /** Reads the name of a member and goes to its value. */
  #member(): Known | undefined {
    const bytes = this.#bytes;
    const from = this.#at + 1;
    const end = bytes[this.#at] === quote ? textEnd(bytes, from) : -1;
    if (end < 0 || bytes[end + 1] !== colon) {
      return undefined;
    }
    this.#at = end + 2;
    for (const known of knownMembers(end - from)) {
      if (standsAt(bytes, from, known.bytes)) {
        return known;
      }
    }
    return undefined;
  }

  #value(member: Member): boolean {
    switch (member) {
      case 'traceId':
      case 'id':
      case 'parentId':
        return this.#id(member);
      case 'name':
        return this.#text();
      case 'kind':
        return this.#kind();
      case 'timestamp':
      case 'duration':
        return this.#whole();
      case 'localEndpoint':
      case 'remoteEndpoint':
        return this.#endpoint();
      case 'annotations':
        return this.#annotations();
      case 'tags':
        return this.#tags();
      case 'debug':
      case 'shared':
        return this.#flag();
      default:
        return member satisfies never;
    }
  }

  #leave(byte: number): boolean {
    const there = this.#bytes[this.#at] === byte;
    this.#at += 1;
    return there;
  }

  #id(member: 'traceId' | 'id' | 'parentId'): boolean {
    const from = this.#at + 1;
    const end = this.#bytes[this.#at] === quote ? hexEnd(this.#bytes, from) : -1;
    const digits = end - from;
    if (end < 0 || !(digits === 16 || (digits === 32 && member === 'traceId'))) {
      return false;
    }
    this.#at = end + 1;
    return true;
  }

  #text(): boolean {
    const from = this.#at + 1;
    const end = this.#bytes[this.#at] === quote ? textEnd(this.#bytes, from) : -1;
    if (end < 0) {
      return false;
    }
    this.#at = end + 1;
    return true;
  }

  #whole(): boolean {
    const from = this.#at;
    const end = wholeEnd(this.#bytes, from);
    if (end < 0) {
      return false;
    }
    this.#at = end;
    return true;
  }

  #kind(): boolean {
    const from = this.#at + 1;
    const kind = kinds.findIndex((wanted) => standsAt(this.#bytes, from, wanted));
    this.#at = from + (kinds[kind]?.length ?? 0);
    return kind >= 0 && this.#bytes[from - 1] === quote;
  }

  #flag(): boolean {
    const isSet = standsAt(this.#bytes, this.#at, flags.yes);
    if (!isSet && !standsAt(this.#bytes, this.#at, flags.no)) {
      return false;
    }
    this.#at += isSet ? flags.yes.length : flags.no.length;
    return true;
  }

  #endpoint(): boolean {
    if (!this.#leave(openBrace)) {
      return false;
    }
    if (this.#bytes[this.#at] === closeBrace) {
      return this.#leave(closeBrace);
    }
    let seen = 0;
    do {
      const part = this.#endpointPart();
      if (part < 0 || (seen & (1 << part)) !== 0 || !(part === 3 ? this.#port() : this.#text())) {
        return false;
      }
      seen |= 1 << part;
    } while (this.#leave(comma));
    return this.#bytes[this.#at - 1] === closeBrace;
  }

  /** 0: serviceName, 1: ipv4, 2: ipv6, 3: port. */
  #endpointPart(): number {
    return this.#key(keys.serviceName)
      ? 0
      : this.#key(keys.ipv4)
        ? 1
        : this.#key(keys.ipv6)
          ? 2
          : this.#key(keys.port)
            ? 3
            : -1;
  }

  /** Goes behind `"key":` if that stands here. */
  #key(key: Uint8Array): boolean {
    const bytes = this.#bytes;
    const end = this.#at + 1 + key.length;
    if (
      bytes[this.#at] === quote &&
      bytes[end] === quote &&
      bytes[end + 1] === colon &&
      standsAt(bytes, this.#at + 1, key)
    ) {
      this.#at = end + 2;
      return true;
    }
    return false;
  }

  #port(): boolean {
    const from = this.#at;
    const end = this.#bytes[from] === 0x30 ? from + 1 : wholeEnd(this.#bytes, from);
    if (end < 0 || wholeAt(this.#bytes, from, end) > maxPort) {
      return false;
    }
    this.#at = end;
    return true;
  }

  #annotations(): boolean {
    if (!this.#leave(opening)) {
      return false;
    }
    if (this.#bytes[this.#at] === closing) {
      return this.#leave(closing);
    }
    do {
      if (!this.#annotation()) {
        return false;
      }
    } while (this.#leave(comma));
    return this.#bytes[this.#at - 1] === closing;
  }

  #annotation(): boolean {
    if (!this.#leave(openBrace)) {
      return false;
    }
    let seen = 0;
    do {
      const bit = this.#annotationPart();
      if (bit === 0 || (seen & bit) !== 0) {
        return false;
      }
      seen |= bit;
    } while (this.#leave(comma));
    return this.#bytes[this.#at - 1] === closeBrace && seen === 3;
  }

  /** 1: the time was read, 2: the value, 0: neither. */
  #annotationPart(): number {
    if (this.#key(keys.timestamp)) {
      return this.#whole() ? 1 : 0;
    }
    return this.#key(keys.value) && this.#text() ? 2 : 0;
  }

  #tags(): boolean {
    if (!this.#leave(openBrace)) {
      return false;
    }
    const bytes = this.#bytes;
    if (bytes[this.#at] === closeBrace) {
      return this.#leave(closeBrace);
    }
    do {
      const key = this.#at + 1;
      const keyEnd = bytes[this.#at] === quote ? textEnd(bytes, key) : -1;
      if (keyEnd < 0 || bytes[keyEnd + 1] !== colon || bytes[keyEnd + 2] !== quote) {
        return false;
      }
      const value = keyEnd + 3;
      const valueEnd = textEnd(bytes, value);
      if (valueEnd < 0) {
        return false;
      }
      this.#at = valueEnd + 1;
    } while (this.#leave(comma));
    return bytes[this.#at - 1] === closeBrace;
  }
}
