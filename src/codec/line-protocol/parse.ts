import { isUtf8 } from 'node:buffer';
import { BridgeError } from '../../contract/errors.ts';
import type { FieldValue, RumPoint } from '../../model/rum.ts';
import { type Precision, timeNanosOf } from './precision.ts';

export interface LineProtocolOptions {
  /** Unit of the timestamps. Without it each is taken for s, ms, µs or ns by its size. */
  readonly precision?: Precision;
  /** For points without a timestamp. */
  readonly nowNanos: bigint;
}

/** A line that is no point. Lines are counted from 1; a point whose texts hold line breaks is named by its first line. */
export interface LineFault {
  readonly line: number;
  readonly reason: string;
}

export interface ParsedLines {
  readonly points: readonly RumPoint[];
  readonly faults: readonly LineFault[];
}

/** Behind so many bad lines nothing more is read. */
const mostFaults = 100;
const listedFaults = 5;

const tab = 9;
const newline = 10;
const carriageReturn = 13;
const space = 32;
const quote = 34;
const hash = 35;
const comma = 44;
const equals = 61;
const backslash = 92;

/**
 * Reads InfluxDB's line protocol (v1) as DataKit's SDK writes it: `measurement,tag=value field=value timestamp`, one point a
 * line, `#` begins a comment. Before a space, a comma, `=` or `"` in names and tags a backslash says that the character is
 * meant; before any other it stands for itself. Texts stand in double quotes and may hold line breaks, `\"` and `\\`. Numbers may end in `i` or
 * `u`; those that a double cannot hold become text. A tag without a value is left out.
 * Throws BRIDGE_DECODE where the bytes are no UTF-8; everything else that is wrong is a fault of its line, up to 100 of them.
 */
export function parseLineProtocol(bytes: Uint8Array, options: LineProtocolOptions): ParsedLines {
  if (!isUtf8(bytes)) {
    throw new BridgeError('BRIDGE_DECODE', 'the line protocol is not UTF-8');
  }
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString();
  return new Lines(text, options).read();
}

/** The same, where one bad line makes the whole bad. Throws BRIDGE_DECODE and names the first bad lines. */
export function decodeLineProtocol(bytes: Uint8Array, options: LineProtocolOptions): readonly RumPoint[] {
  const { points, faults } = parseLineProtocol(bytes, options);
  if (faults.length > 0) {
    throw new BridgeError('BRIDGE_DECODE', faultsText(faults));
  }
  return points;
}

/** `line 3: ...; line 7: ...; and 4 other lines`. */
export function faultsText(faults: readonly LineFault[]): string {
  const named = faults.slice(0, listedFaults).map(({ line, reason }) => `line ${line}: ${reason}`);
  const others = faults.length - named.length;
  const more = others > 0 ? [`and ${others}${faults.length < mostFaults ? '' : ' or more'} other lines`] : [];
  return [...named, ...more].join('; ');
}

/** What is wrong with the line under way. Not an Error: it never leaves this file, and a stack costs more than the line. */
class BadLine {
  readonly reason: string;

  constructor(reason: string) {
    this.reason = reason;
  }
}

class Lines {
  readonly #text: string;
  readonly #options: LineProtocolOptions;
  #at = 0;
  /** Line breaks before `#countedTo`. */
  #lineBreaks = 0;
  #countedTo = 0;

  constructor(text: string, options: LineProtocolOptions) {
    this.#text = text;
    this.#options = options;
  }

  read(): ParsedLines {
    const points: RumPoint[] = [];
    const faults: LineFault[] = [];
    while (faults.length < mostFaults && this.#toNextLine()) {
      const beganAt = this.#at;
      try {
        points.push(this.#point());
      } catch (fault) {
        if (!(fault instanceof BadLine)) {
          throw fault;
        }
        faults.push({ line: this.#lineAt(beganAt), reason: fault.reason });
        this.#skipLine();
      }
    }
    return { points, faults };
  }

  #peek(): number {
    return this.#at < this.#text.length ? this.#text.charCodeAt(this.#at) : newline;
  }

  /** False at the end of the text. Passes by white space, empty lines and comments. */
  #toNextLine(): boolean {
    while (this.#at < this.#text.length) {
      const code = this.#peek();
      if (code === hash) {
        this.#skipLine();
      } else if (isBlank(code) || code === newline) {
        this.#at += 1;
      } else {
        return true;
      }
    }
    return false;
  }

  #skipLine(): void {
    const end = this.#text.indexOf('\n', this.#at);
    this.#at = end < 0 ? this.#text.length : end + 1;
  }

  #point(): RumPoint {
    const measurement = this.#token('past-equals');
    if (measurement === '') {
      throw new BadLine('the measurement is empty');
    }
    const tags: [string, string][] = [];
    while (this.#peek() === comma) {
      this.#at += 1;
      const key = this.#key('tag');
      const value = this.#token('to-equals');
      if (this.#peek() === equals) {
        throw new BadLine(`the value of the tag ${quoted(key)} holds a =; write \\=`);
      }
      if (value !== '') {
        tags.push([key, value]);
      }
    }
    this.#skipBlanks();
    const fields = this.#fields();
    const timeNanos = this.#time();
    return { measurement, tags: Object.fromEntries(tags), fields: Object.fromEntries(fields), timeNanos };
  }

  /** The name before a `=`, which is passed by. */
  #key(of: 'tag' | 'field'): string {
    const key = this.#token('to-equals');
    if (this.#peek() !== equals) {
      throw new BadLine(`the ${of} ${quoted(key)} has no = and value`);
    }
    if (key === '') {
      throw new BadLine(`the name of a ${of} is empty`);
    }
    this.#at += 1;
    return key;
  }

  /** Up to a comma, a blank or the end of the line, or also to a `=`. */
  #token(reach: 'to-equals' | 'past-equals'): string {
    const text = this.#text;
    const from = this.#at;
    const last = reach === 'to-equals' ? equals : comma;
    let escapes = false;
    let at = from;
    for (; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code === backslash) {
        escapes = true;
        at += 1;
      } else if (code === comma || code === last || code === newline || isBlank(code)) {
        break;
      }
    }
    this.#at = Math.min(at, text.length);
    const token = text.slice(from, this.#at);
    return escapes ? unescaped(token) : token;
  }

  #fields(): [string, FieldValue][] {
    const fields: [string, FieldValue][] = [];
    if (this.#isEnd()) {
      throw new BadLine('it has no field');
    }
    for (;;) {
      const key = this.#key('field');
      fields.push([key, this.#value(key)]);
      if (this.#peek() !== comma) {
        return fields;
      }
      this.#at += 1;
    }
  }

  #value(key: string): FieldValue {
    if (this.#peek() === quote) {
      return this.#quotedText(key);
    }
    const from = this.#at;
    while (this.#peek() !== comma && !isBlank(this.#peek()) && this.#peek() !== newline) {
      this.#at += 1;
    }
    const value = plainValue(this.#text.slice(from, this.#at));
    if (value === undefined) {
      const written = quoted(this.#text.slice(from, this.#at));
      throw new BadLine(`the field ${quoted(key)} is ${written}, which is no number, boolean or text in double quotes`);
    }
    return value;
  }

  #quotedText(key: string): string {
    const text = this.#text;
    const from = this.#at + 1;
    let at = from;
    let escapes = false;
    for (; at < text.length && text.charCodeAt(at) !== quote; at++) {
      if (text.charCodeAt(at) === backslash) {
        escapes = true;
        at += 1;
      }
    }
    if (at >= text.length) {
      throw new BadLine(`the text of the field ${quoted(key)} has no closing quote`);
    }
    this.#at = at + 1;
    const inner = text.slice(from, at);
    const next = this.#peek();
    if (next !== comma && next !== newline && !isBlank(next)) {
      throw new BadLine(`behind the text of the field ${quoted(key)} there is neither a comma nor a space`);
    }
    return escapes ? inner.replace(/\\(["\\])/g, '$1') : inner;
  }

  #time(): bigint {
    this.#skipBlanks();
    if (this.#isEnd()) {
      return this.#options.nowNanos;
    }
    const from = this.#at;
    while (!isBlank(this.#peek()) && this.#peek() !== newline) {
      this.#at += 1;
    }
    const written = this.#text.slice(from, this.#at);
    const nanos = timeNanosOf(written, this.#options.precision);
    if (nanos === undefined) {
      throw new BadLine(`${quoted(written)} is no timestamp`);
    }
    this.#skipBlanks();
    if (!this.#isEnd()) {
      throw new BadLine('there is more behind the timestamp');
    }
    return nanos;
  }

  #skipBlanks(): void {
    while (isBlank(this.#peek())) {
      this.#at += 1;
    }
  }

  #isEnd(): boolean {
    return this.#peek() === newline;
  }

  /** Positions only grow from call to call. */
  #lineAt(at: number): number {
    let next = this.#text.indexOf('\n', this.#countedTo);
    while (next >= 0 && next < at) {
      this.#lineBreaks += 1;
      this.#countedTo = next + 1;
      next = this.#text.indexOf('\n', this.#countedTo);
    }
    return this.#lineBreaks + 1;
  }
}

function isBlank(code: number): boolean {
  return code === space || code === tab || code === carriageReturn;
}

/** A backslash that hides nothing is itself. */
function unescaped(text: string): string {
  return text.replace(/\\([\s,="])/g, '$1');
}

/** Linear: no two parts of it can take the same digits. */
const numeral = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;
const whole = /^([+-]?\d+)[iu]$/;
const trues: ReadonlySet<string> = new Set(['t', 'T', 'true', 'True', 'TRUE']);
const falses: ReadonlySet<string> = new Set(['f', 'F', 'false', 'False', 'FALSE']);

function plainValue(written: string): FieldValue | undefined {
  if (numeral.test(written)) {
    const value = Number(written);
    return Number.isFinite(value) ? value : undefined;
  }
  const digits = whole.exec(written)?.[1];
  if (digits !== undefined) {
    const value = Number(digits);
    return Number.isSafeInteger(value) ? value : digits;
  }
  return trues.has(written) ? true : falses.has(written) ? false : undefined;
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
