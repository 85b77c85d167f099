/** RFC 3339 with any number of digits of a second, as Go reads it. */
const rfc3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/;

/** ms since 1970, finer digits cut off; undefined when it is no such time. */
export function rfc3339Ms(text: string): number | undefined {
  if (!rfc3339.test(text)) {
    return undefined;
  }
  const ms = Date.parse(text.replace(/(\.\d{3})\d+/, '$1'));
  return Number.isNaN(ms) ? undefined : ms;
}

/** ns since 1970; undefined when it is no such time. */
export function rfc3339Nanos(text: string): bigint | undefined {
  const ms = rfc3339Ms(text);
  const digits = /\.(\d+)/.exec(text)?.[1] ?? '';
  return ms === undefined ? undefined : BigInt(ms) * 1_000_000n + BigInt(digits.slice(3, 9).padEnd(6, '0') || '0');
}
