const powersOfTen = Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`));

const words: ReadonlyMap<string, number> = new Map([
  ['nan', Number.NaN],
  ['inf', Number.POSITIVE_INFINITY],
  ['+inf', Number.POSITIVE_INFINITY],
  ['-inf', Number.NEGATIVE_INFINITY],
  ['infinity', Number.POSITIVE_INFINITY],
  ['+infinity', Number.POSITIVE_INFINITY],
  ['-infinity', Number.NEGATIVE_INFINITY],
]);

/**
 * Reads the number that begins at `at` and ends before a blank or newline, as Go's ParseFloat does, less what the
 * exposition format refuses (hex floats, digit separators): decimal with optional exponent, `Inf`, `Infinity` and `NaN` in
 * any case. `end` is where it stopped, or −1 where there was no such number.
 */
export class NumberReader {
  end = -1;
  #mantissa = 0;
  #digits = 0;

  read(page: Buffer, at: number): number {
    let pos = at;
    let byte = page[pos] ?? 0;
    const negative = byte === 0x2d;
    if (negative || byte === 0x2b) {
      byte = page[++pos] ?? 0;
    }
    const from = pos;
    let mantissa = 0;
    while (byte >= 0x30 && byte <= 0x39) {
      mantissa = mantissa * 10 + (byte - 0x30);
      byte = page[++pos] ?? 0x0a;
    }
    if (pos > from && pos - from <= 15 && isEnd(byte)) {
      this.end = pos;
      return negative ? -mantissa : mantissa;
    }
    return this.#decimal(page, at, from);
  }

  #decimal(page: Buffer, at: number, from: number): number {
    this.#mantissa = 0;
    this.#digits = 0;
    let pos = this.#run(page, from);
    let exponent = 0;
    if (page[pos] === 0x2e) {
      const point = pos + 1;
      pos = this.#run(page, point);
      exponent = point - pos;
    }
    if (this.#digits === 0) {
      return this.#word(page, at);
    }
    if (((page[pos] ?? 0) | 0x20) === 0x65) {
      const sign = page[pos + 1];
      const digitsAt = pos + (sign === 0x2b || sign === 0x2d ? 2 : 1);
      pos = skipDigits(page, digitsAt);
      const power = pos === digitsAt ? Number.NaN : Number(page.toString('latin1', digitsAt, pos));
      exponent += sign === 0x2d ? -power : power;
    }
    if (Number.isNaN(exponent) || !isEnd(page[pos] ?? 0x0a)) {
      return this.#none();
    }
    this.end = pos;
    return this.#scaled(page, at, exponent);
  }

  /** Up to 15 digits and a power of ten up to 22 are both exact as doubles, so that one operation rounds as it should. */
  #scaled(page: Buffer, at: number, exponent: number): number {
    if (this.#digits <= 15 && Math.abs(exponent) <= 22) {
      const power = powersOfTen[Math.abs(exponent)] ?? Number.NaN;
      const value = exponent < 0 ? this.#mantissa / power : this.#mantissa * power;
      return page[at] === 0x2d ? -value : value;
    }
    const value = Number(page.toString('latin1', at, this.end));
    return Number.isFinite(value) ? value : this.#none();
  }

  #run(page: Buffer, from: number): number {
    let pos = from;
    let byte = page[pos] ?? 0;
    while (byte >= 0x30 && byte <= 0x39) {
      this.#mantissa = this.#mantissa * 10 + (byte - 0x30);
      byte = page[++pos] ?? 0;
    }
    this.#digits += pos - from;
    return pos;
  }

  #word(page: Buffer, at: number): number {
    let end = at;
    while (end - at < 12 && !isEnd(page[end] ?? 0x0a)) {
      end++;
    }
    const value = words.get(page.toString('latin1', at, end).toLowerCase());
    this.end = end;
    return value ?? this.#none();
  }

  #none(): number {
    this.end = -1;
    return Number.NaN;
  }
}

function isEnd(byte: number): boolean {
  return byte === 0x0a || byte === 0x20 || byte === 0x09;
}

function skipDigits(page: Buffer, from: number): number {
  let pos = from;
  let byte = page[pos] ?? 0;
  while (byte >= 0x30 && byte <= 0x39) {
    byte = page[++pos] ?? 0;
  }
  return pos;
}
