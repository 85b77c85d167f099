import { durationMs } from '../lib/prometheus-duration.ts';

const integer = /^(?:0[xX][0-9a-fA-F]+|0[0-7]+|\d+)$/;

/** A number as PromQL writes it: Go's integers (hex, octal), floats, `Inf`, `NaN`, and durations, which mean seconds. */
export function numberValue(text: string): number | undefined {
  const plain = text.replaceAll('_', '').toLowerCase();
  if (plain === 'inf') {
    return Number.POSITIVE_INFINITY;
  }
  if (plain === 'nan') {
    return Number.NaN;
  }
  if (integer.test(plain) && plain.length > 1 && plain.startsWith('0') && !plain.startsWith('0x')) {
    return Number.parseInt(plain, 8);
  }
  if (/^(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/.test(plain) || plain.startsWith('0x')) {
    return Number(plain);
  }
  const ms = durationMs(text);
  return ms === undefined ? undefined : ms / 1_000;
}

/** Go's strconv.ParseFloat, for the values of `le`. NaN stands for text that is no number. */
export function labelNumber(text: string): number {
  const plain = text.trim() === text ? text.toLowerCase() : '';
  const infinite = /^([+-]?)inf(?:inity)?$/.exec(plain);
  if (infinite !== null) {
    return infinite[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }
  return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/.test(plain) ? Number(plain) : Number.NaN;
}
