import { isIPv6 } from 'node:net';

export interface RateLimitSettings {
  /** Requests a second; 0: no limit. */
  readonly perSecond: number;
  readonly burst: number;
}

interface Bucket {
  tokens: number;
  atMs: number;
}

/** Addresses that are remembered; the one that asked longest ago goes first. */
const mostAddresses = 10_000;

/** A token bucket for each address. One that stays away long enough is as good as new, so forgetting it costs nothing. */
export class RateLimit {
  readonly #settings: RateLimitSettings;
  readonly #buckets = new Map<string, Bucket>();

  constructor(settings: RateLimitSettings) {
    this.#settings = settings;
  }

  /** Whether the request may be served; it counts then. */
  admits(address: string, nowMs: number): boolean {
    const { perSecond, burst } = this.#settings;
    if (perSecond === 0) {
      return true;
    }
    const key = ownerOf(address);
    const bucket = this.#buckets.get(key) ?? { tokens: burst, atMs: nowMs };
    const gained = (Math.max(0, nowMs - bucket.atMs) * perSecond) / 1000;
    bucket.tokens = Math.min(burst, bucket.tokens + gained);
    bucket.atMs = Math.max(bucket.atMs, nowMs);
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    if (this.#buckets.size > mostAddresses) {
      this.#buckets.delete(this.#buckets.keys().next().value ?? '');
    }
    if (bucket.tokens < 1) {
      return false;
    }
    bucket.tokens -= 1;
    return true;
  }
}

/** Who has one IPv6 address has at least its /64. */
function ownerOf(address: string): string {
  const bare = address.split('%', 1)[0] ?? '';
  if (!isIPv6(bare) || bare.includes('.')) {
    return bare;
  }
  const [head = '', tail] = bare.split('::', 2);
  const first = head.split(':').filter((group) => group !== '');
  const last = tail === undefined ? [] : tail.split(':').filter((group) => group !== '');
  const zeros = tail === undefined ? [] : Array.from({ length: 8 - first.length - last.length }, () => '0');
  return [...first, ...zeros, ...last].slice(0, 4).join(':');
}
