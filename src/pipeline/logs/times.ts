/** A place in time as `LogMarks` has it. */
export interface LogTime {
  readonly seconds: number;
  readonly nanos: number;
}

/** Names for `format` of a `time` step. */
export const timeFormats = [
  'iso8601',
  'common-log',
  'rfc1123',
  'syslog',
  'unix',
  'unix-ms',
  'unix-us',
  'unix-ns',
] as const;
export type TimeFormat = (typeof timeFormats)[number];

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const clock = '(?<hour>\\d{1,2}):(?<minute>\\d{2}):(?<second>\\d{2})(?:[.,](?<fraction>\\d{1,9})\\d*)?';
const zone = '(?<zone>Z|z|UTC|GMT|[+-]\\d{2}:?\\d{2})?';
/** With names of the month too. */
const written: Readonly<Partial<Record<TimeFormat, RegExp>>> = {
  iso8601: new RegExp(`^(?<year>\\d{4})[-/](?<month>\\d{1,2})[-/](?<day>\\d{1,2})[T ]${clock} ?${zone}$`),
  'common-log': new RegExp(`^(?<day>\\d{1,2})/(?<month>[A-Za-z]{3})/(?<year>\\d{4})[: ]${clock} ?${zone}$`),
  rfc1123: new RegExp(
    `^(?:[A-Za-z]{3,9}, )?(?<day>\\d{1,2})[ -](?<month>[A-Za-z]{3})[ -](?<year>\\d{4}) ${clock} ?${zone}$`,
  ),
  syslog: new RegExp(`^(?<month>[A-Za-z]{3}) {1,2}(?<day>\\d{1,2}) (?:(?<year>\\d{4}) )?${clock}$`),
};
const unixDigits: Readonly<Partial<Record<TimeFormat, number>>> = { unix: 0, 'unix-ms': 3, 'unix-us': 6, 'unix-ns': 9 };
const number = /^(\d{1,19})(?:\.(\d{1,9})\d*)?$/;
/** 2001-09-09 in ms, in µs, in ns: a number that has that many digits is of that unit. */
const digitsOfUnit: readonly (readonly [digits: number, format: TimeFormat])[] = [
  [18, 'unix-ns'],
  [15, 'unix-us'],
  [12, 'unix-ms'],
  [9, 'unix'],
];

/**
 * Reads what programs write as times; the format is told by its form where none is given. `zone` is of times that have none
 * (default UTC); a time without a year is of the year of `near`, or of the one before where that would be a day in the future.
 * Undefined when it is no time.
 */
export function parseTime(
  text: string,
  { format, zone: fallback }: { format?: TimeFormat | undefined; zone?: string | undefined },
  near: LogTime,
): LogTime | undefined {
  const trimmed = text.trim();
  const digits = number.exec(trimmed);
  if (digits !== null) {
    return fromUnix(digits, format);
  }
  const forms = format === undefined ? Object.values(written) : [written[format]];
  for (const form of forms) {
    const parts = form?.exec(trimmed)?.groups;
    if (parts !== undefined) {
      return fromParts(parts, fallback, near);
    }
  }
  return undefined;
}

function fromUnix([, whole = '', fraction = '']: RegExpExecArray, format: TimeFormat | undefined): LogTime | undefined {
  const guessed = digitsOfUnit.find(([digits]) => whole.length > digits)?.[1];
  const places = unixDigits[format ?? guessed ?? 'syslog'];
  if (places === undefined) {
    return undefined;
  }
  const padded = whole.padStart(places + 1, '0');
  const seconds = Number(padded.slice(0, padded.length - places));
  const nanos = `${padded.slice(padded.length - places)}${places === 0 ? fraction : ''}`.padEnd(9, '0');
  return inRange({ seconds, nanos: Number(nanos) });
}

function fromParts(
  parts: Readonly<Record<string, string | undefined>>,
  fallback: string | undefined,
  near: LogTime,
): LogTime | undefined {
  const monthText = parts['month'] ?? '';
  const month = /^\d/.test(monthText) ? Number(monthText) - 1 : months.indexOf(monthText.toLowerCase());
  const [day, hour, minute, second] = ['day', 'hour', 'minute', 'second'].map((name) => Number(parts[name])) as [
    number,
    number,
    number,
    number,
  ];
  const offset = zoneSeconds(parts['zone'] ?? fallback ?? 'Z');
  if (
    month < 0 ||
    month > 11 ||
    day < 1 ||
    day > 31 ||
    hour > 24 ||
    minute > 59 ||
    second > 60 ||
    offset === undefined
  ) {
    return undefined;
  }
  const of = (year: number): number => Date.UTC(year, month, day, hour, minute, second) / 1000 - offset;
  const thisYear = new Date(near.seconds * 1000).getUTCFullYear();
  const seconds = parts['year'] === undefined ? notAhead(of, thisYear, near) : of(Number(parts['year']));
  return inRange({ seconds, nanos: Number((parts['fraction'] ?? '').padEnd(9, '0')) });
}

const daySeconds = 86_400;

function notAhead(of: (year: number) => number, year: number, { seconds }: LogTime): number {
  return of(year) > seconds + daySeconds ? of(year - 1) : of(year);
}

function zoneSeconds(text: string): number | undefined {
  const [, sign, hours, minutes] = /^([+-])(\d{2}):?(\d{2})$/.exec(text) ?? [];
  if (sign === undefined) {
    return /^(?:Z|z|UTC|GMT)$/.test(text) ? 0 : undefined;
  }
  return (sign === '-' ? -1 : 1) * (Number(hours) * 3600 + Number(minutes) * 60);
}

/** Seconds are kept in 32 bits. */
function inRange(time: LogTime): LogTime | undefined {
  return Number.isInteger(time.seconds) && time.seconds >= 0 && time.seconds <= 0xffff_ffff ? time : undefined;
}

/** Whether `zone` of a step can be read. */
export function isZone(text: string): boolean {
  return zoneSeconds(text) !== undefined;
}
