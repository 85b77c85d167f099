const zero = 48;
const plus = 43;
const minus = 45;
const dot = 46;
const colon = 58;
const letterT = 84;
const letterZ = 90;
const lastSecond = 0xffff_ffff;

/** An instant in two parts, because ns since 1970 do not fit a double. */
export interface Instant {
  seconds: number;
  nanos: number;
}

/**
 * Reads RFC 3339 with 0 to 9 fraction digits (Go drops zeros at the end; further digits are cut off) and `Z` or an offset
 * such as `-05:00`. Keeps the last date, since neighbours share it.
 */
export class TimestampReader {
  #date = -1;
  #dateSeconds = 0;

  /** Index of the first byte behind the timestamp, or −1 when there is none at `start` or it is outside of 1970 to 2106. */
  read(bytes: Uint8Array, start: number, into: Instant): number {
    const date = dateAt(bytes, start);
    const clock = clockAt(bytes, start + 10);
    if (date < 0 || clock < 0 || !this.#useDate(date)) {
      return -1;
    }
    let at = start + 19;
    let nanos = 0;
    if (bytes[at] === dot) {
      let scale = 100_000_000;
      at += 1;
      const first = at;
      for (let digit = digitAt(bytes, at); digit >= 0; digit = digitAt(bytes, at)) {
        nanos += digit * scale;
        // Below 1 the digit is past the ns and adds nothing that the cut below keeps.
        scale /= 10;
        at += 1;
      }
      if (at === first) {
        return -1;
      }
    }
    const zone = bytes[at];
    const seconds = this.#dateSeconds + clock - (zone === letterZ ? 0 : offsetAt(bytes, at));
    if (!(seconds >= 0 && seconds <= lastSecond)) {
      return -1;
    }
    into.seconds = seconds;
    into.nanos = Math.trunc(nanos);
    return at + (zone === letterZ ? 1 : 6);
  }

  #useDate(date: number): boolean {
    if (date === this.#date) {
      return true;
    }
    const month = Math.trunc(date / 100) % 100;
    const day = date % 100;
    if (month < 1 || month > 12 || day < 1 || day > 31) {
      return false;
    }
    this.#date = date;
    this.#dateSeconds = Date.UTC(Math.trunc(date / 10_000), month - 1, day) / 1000;
    return true;
  }
}

/** yyyymmdd, or negative. */
function dateAt(bytes: Uint8Array, at: number): number {
  const century = twoAt(bytes, at);
  const year = twoAt(bytes, at + 2);
  const month = twoAt(bytes, at + 5);
  const day = twoAt(bytes, at + 8);
  if ((century | year | month | day) < 0 || bytes[at + 4] !== minus || bytes[at + 7] !== minus) {
    return -1;
  }
  return (century * 100 + year) * 10_000 + month * 100 + day;
}

/** Seconds of the day, or negative. `at` is the place of the T. */
function clockAt(bytes: Uint8Array, at: number): number {
  const hour = twoAt(bytes, at + 1);
  const minute = twoAt(bytes, at + 4);
  const second = twoAt(bytes, at + 7);
  if ((hour | minute | second) < 0 || hour > 23 || minute > 59 || second > 60) {
    return -1;
  }
  if (bytes[at] !== letterT || bytes[at + 3] !== colon || bytes[at + 6] !== colon) {
    return -1;
  }
  return hour * 3600 + minute * 60 + second;
}

/** Seconds east of Greenwich; NaN when there is no offset. */
function offsetAt(bytes: Uint8Array, at: number): number {
  const sign = bytes[at];
  const hours = twoAt(bytes, at + 1);
  const minutes = twoAt(bytes, at + 4);
  if ((hours | minutes) < 0 || bytes[at + 3] !== colon || (sign !== plus && sign !== minus)) {
    return Number.NaN;
  }
  return (hours * 3600 + minutes * 60) * (sign === plus ? 1 : -1);
}

function twoAt(bytes: Uint8Array, at: number): number {
  const tens = digitAt(bytes, at);
  const ones = digitAt(bytes, at + 1);
  return (tens | ones) < 0 ? -1 : tens * 10 + ones;
}

function digitAt(bytes: Uint8Array, at: number): number {
  const digit = (bytes[at] ?? 0) - zero;
  return digit > 9 ? -1 : digit;
}
