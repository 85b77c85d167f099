const nanosecondsIn: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 6e10,
  h: 3.6e12,
  d: 8.64e13,
  w: 6.048e14,
  y: 3.1536e16,
};

/** Go's durations, and `d`, `w`, `y` → seconds; undefined when it is none. */
export function durationSeconds(text: string): number | undefined {
  const bare = text.trim();
  const sign = bare.startsWith('-') ? -1 : 1;
  const plain = bare.replace(/^[-+]/, '');
  if (plain === '0') {
    return 0;
  }
  if (!/^(?:\d+(?:\.\d*)?(?:ns|us|µs|μs|ms|[smhdwy]))+$/.test(plain)) {
    return undefined;
  }
  let nanos = 0;
  for (const [, count = '', unit = ''] of plain.matchAll(/(\d+(?:\.\d*)?)(ns|us|µs|μs|ms|[smhdwy])/g)) {
    nanos += Number(count) * (nanosecondsIn[unit] ?? 0);
  }
  return (sign * nanos) / 1e9;
}

const powers = 'kmgtpe';

/** `5KB`, `1.5 MiB`, `20` → bytes; undefined when it is none. */
export function byteCount(text: string): number | undefined {
  const [, count, unit, binary] = /^(\d+(?:\.\d*)?)\s*([kmgtpe])?(i)?b?$/i.exec(text.trim()) ?? [];
  if (count === undefined || (binary !== undefined && unit === undefined)) {
    return undefined;
  }
  const power = unit === undefined ? 0 : powers.indexOf(unit.toLowerCase()) + 1;
  return Number(count) * (binary === undefined ? 1000 : 1024) ** power;
}

/** Go's strconv.ParseFloat; undefined when it is none. */
export function floatOf(text: string): number | undefined {
  if (/^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text)) {
    return Number(text);
  }
  const [, sign, word] = /^([+-]?)(inf|infinity|nan)$/i.exec(text) ?? [];
  if (word === undefined) {
    return undefined;
  }
  return word.toLowerCase() === 'nan' ? Number.NaN : sign === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}
