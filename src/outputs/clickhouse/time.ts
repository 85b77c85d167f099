/** 2100-01-01. A DateTime ends in 2106, and what is deleted by age must be able to add its age. */
const lastSecond = 4_102_444_800;
const secondDigits = 10;

/**
 * A time as DateTime64 reads it: seconds since 1970 and their fraction. Ten digits before the point, since ClickHouse takes a
 * short number for a year. What is before 1970 or after 2100 is put to that end.
 */
export function timeText(seconds: number, nanos: number): string {
  if (!(seconds >= 0)) {
    return '0000000000.000000000';
  }
  return seconds >= lastSecond
    ? `${lastSecond}.000000000`
    : `${String(seconds).padStart(secondDigits, '0')}.${String(nanos).padStart(9, '0')}`;
}

/** µs since 1970, whole. */
export function microsTimeText(micros: number): string {
  const whole = Math.trunc(micros);
  const seconds = Math.floor(whole / 1_000_000);
  return timeText(seconds, (whole - seconds * 1_000_000) * 1_000);
}

/** ms since 1970, with a fraction or without. */
export function millisTimeText(millis: number): string {
  const whole = Math.trunc(millis);
  const seconds = Math.floor(whole / 1_000);
  return timeText(seconds, (whole - seconds * 1_000) * 1_000_000);
}

/** ns since 1970. */
export function nanosTimeText(nanos: bigint): string {
  return nanos < 0n ? timeText(-1, 0) : timeText(Number(nanos / 1_000_000_000n), Number(nanos % 1_000_000_000n));
}
