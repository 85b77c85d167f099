/** Units of timestamps in DataKit's write API; InfluxDB's own names mean the same. */
export const precisions = ['n', 'ns', 'u', 'us', 'ms', 's', 'm', 'h'] as const;
export type Precision = (typeof precisions)[number];

const nanosPer: Readonly<Record<Precision, bigint>> = {
  n: 1n,
  ns: 1n,
  u: 1_000n,
  us: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};

/** What 64 bits hold: 1677 to 2262. */
const mostNanos = 9_223_372_036_854_775_807n;

export function isPrecision(text: string): text is Precision {
  return Object.hasOwn(nanosPer, text);
}

/**
 * ns since 1970 of a whole number. Without a unit its size tells it, as in DataKit: below 1e10 it is s, below 1e13 ms, below
 * 1e16 µs, else ns. Undefined where it is no whole number, or no time of the years 1677 to 2262.
 */
export function timeNanosOf(written: string, precision: Precision | undefined): bigint | undefined {
  if (!/^-?\d{1,19}$/.test(written)) {
    return undefined;
  }
  const value = BigInt(written);
  const nanos = value * nanosPer[precision ?? unitOf(value)];
  return nanos >= -mostNanos && nanos <= mostNanos ? nanos : undefined;
}

function unitOf(value: bigint): Precision {
  const size = value < 0n ? -value : value;
  if (size < 10_000_000_000n) {
    return 's';
  }
  if (size < 10_000_000_000_000n) {
    return 'ms';
  }
  return size < 10_000_000_000_000_000n ? 'u' : 'n';
}
