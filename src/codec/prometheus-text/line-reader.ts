import { isUtf8 } from 'node:buffer';
import { BridgeError } from '../../contract/errors.ts';
import type { Exemplar } from '../../model/metric.ts';
import type { Families } from './families.ts';
import { LineLabels } from './line-labels.ts';
import { NumberReader } from './number.ts';
import type { Pair, Pairs } from './pairs.ts';

const letter = 1;
const digit = 2;
const colon = 4;
const kinds = Uint8Array.from({ length: 256 }, (_, byte) => {
  const char = String.fromCharCode(byte);
  return (/[a-zA-Z_]/.test(char) ? letter : 0) | (/[0-9]/.test(char) ? digit : 0) | (char === ':' ? colon : 0);
});

const newline = 0x0a;
const quote = 0x22;
const backslash = 0x5c;
const hash = 0x23;

export interface LineKey {
  readonly name: string;
  readonly labels: readonly Pair[];
}

/** Reads a page from `pos` on, a piece at a time. Throws BRIDGE_DECODE with the number of the line. */
export class LineReader {
  pos = 0;
  readonly #page: Buffer;
  readonly #pairs: Pairs;
  readonly #numbers = new NumberReader();
  readonly #labels = new LineLabels();

  constructor(page: Buffer, pairs: Pairs) {
    this.#page = page;
    this.#pairs = pairs;
  }

  /** The byte at `pos`; behind the end there is one more newline. */
  peek(): number {
    return this.#page[this.pos] ?? newline;
  }

  skipBlanks(): void {
    let byte = this.peek();
    while (byte === 0x20 || byte === 0x09) {
      byte = this.#page[++this.pos] ?? newline;
    }
  }

  skipLine(): void {
    const end = this.#page.indexOf(newline, this.pos);
    this.pos = end < 0 ? this.#page.length : end + 1;
  }

  /** Takes a line that begins with `#`. Malformed HELP and TYPE are faults; every other comment is let pass. */
  comment(families: Families): void {
    this.pos++;
    const blank = this.peek() === 0x20 || this.peek() === 0x09;
    this.skipBlanks();
    const word = this.#page.toString('latin1', this.pos, this.pos + 4);
    const behind = this.#page[this.pos + 4];
    if (blank && (behind === 0x20 || behind === 0x09) && (word === 'HELP' || word === 'TYPE' || word === 'UNIT')) {
      this.pos += 5;
      this.skipBlanks();
      this.#metadata(word, families);
    }
    this.skipLine();
  }

  #metadata(word: 'HELP' | 'TYPE' | 'UNIT', families: Families): void {
    const name = this.peek() === quote ? this.#quoted() : this.#word(letter | colon);
    if (name === '') {
      if (word === 'UNIT') {
        return;
      }
      throw this.fault(`expected a metric name behind ${word}`);
    }
    this.skipBlanks();
    const end = this.#page.indexOf(newline, this.pos);
    const text = this.#utf8(this.pos, end < 0 ? this.#page.length : end);
    if (word === 'HELP') {
      families.setHelp(name, unescaped(text, /\\([\\n])/g));
    } else if (word === 'UNIT') {
      families.setUnit(name, text.trim());
    } else if (!families.setType(name, text.trim())) {
      throw this.fault(`"${text.trim().slice(0, 40)}" is not a metric type`);
    }
  }

  /** Name and labels of a sample; then `pos` is where its value begins. */
  key(): LineKey {
    const plain = this.peek() === 0x7b ? undefined : this.#word(letter | colon);
    if (plain === '') {
      throw this.fault(`expected a metric name, got ${this.#here()}`);
    }
    this.skipBlanks();
    const key = this.peek() === 0x7b ? this.#braces(plain) : { name: plain, labels: [] };
    this.skipBlanks();
    if (key.name === undefined) {
      throw this.fault('the sample has no metric name');
    }
    return { name: key.name, labels: key.labels };
  }

  value(): number {
    return this.#number('a value');
  }

  /** ms since 1970, or undefined where the line ends or an exemplar begins. */
  timestampMs(dialect: 'text' | 'openmetrics'): number | undefined {
    this.skipBlanks();
    if (this.peek() === newline || this.peek() === hash) {
      return undefined;
    }
    const from = this.pos;
    const value = this.#number('a timestamp');
    if (dialect === 'openmetrics') {
      return Math.round(value * 1000);
    }
    if (!/^-?[0-9]{1,18}$/.test(this.#page.toString('latin1', from, this.pos))) {
      this.pos = from;
      throw this.fault(`expected a timestamp in whole milliseconds, got ${this.#here()}`);
    }
    return value;
  }

  /** OpenMetrics, "Exemplars": `# {labels} value [seconds]`. */
  exemplar(): Omit<Exemplar, 'index'> | undefined {
    this.skipBlanks();
    if (this.peek() !== hash) {
      return undefined;
    }
    this.pos++;
    this.skipBlanks();
    if (this.peek() !== 0x7b) {
      throw this.fault(`expected the labels of an exemplar, got ${this.#here()}`);
    }
    const { labels } = this.#braces('');
    this.skipBlanks();
    const value = this.value();
    const timestampMs = this.timestampMs('openmetrics');
    return { labels, value, ...(timestampMs !== undefined && { timestampMs }) };
  }

  lineEnd(): void {
    this.skipBlanks();
    if (this.peek() !== newline) {
      throw this.fault(`expected the end of the line, got ${this.#here()}`);
    }
    this.pos++;
  }

  fault(message: string): BridgeError {
    let line = 1;
    const end = Math.min(this.pos, this.#page.length);
    for (let at = this.#page.indexOf(newline); at >= 0 && at < end; at = this.#page.indexOf(newline, at + 1)) {
      line++;
    }
    return new BridgeError('BRIDGE_DECODE', `line ${line}: ${message}`);
  }

  #number(what: string): number {
    const value = this.#numbers.read(this.#page, this.pos);
    if (this.#numbers.end < 0) {
      throw this.fault(`expected ${what}, got ${this.#here()}`);
    }
    this.pos = this.#numbers.end;
    return value;
  }

  #here(): string {
    const rest = this.#page
      .subarray(this.pos, this.pos + 40)
      .toString('utf8')
      .split('\n')[0];
    return rest === undefined || rest === '' ? 'the end of the line' : JSON.stringify(rest);
  }

  /** A run of letters, digits and colons that does not begin with a digit; empty where none is here. */
  #word(first: number): string {
    const from = this.pos;
    const page = this.#page;
    let pos = from;
    if (((kinds[page[pos] ?? newline] ?? 0) & first) !== 0) {
      const more = first | digit;
      do {
        pos++;
      } while (((kinds[page[pos] ?? newline] ?? 0) & more) !== 0);
    }
    this.pos = pos;
    return page.toString('latin1', from, pos);
  }

  #braces(plainName: string | undefined): { name: string | undefined; labels: readonly Pair[] } {
    let name = plainName;
    this.pos++;
    this.skipBlanks();
    this.#labels.begin();
    while (this.peek() !== 0x7d) {
      const end = this.#labels.again(this.#page, this.pos);
      if (end >= 0) {
        this.pos = end;
        this.#comma();
        continue;
      }
      const labelAt = this.pos;
      const quoted = this.peek() === quote;
      const label = quoted ? this.#quoted() : this.#word(letter);
      if (label === '') {
        throw this.fault(`expected a label name, got ${this.#here()}`);
      }
      this.skipBlanks();
      if (this.peek() === 0x3d) {
        this.#label(label, labelAt);
      } else if (quoted && name === undefined) {
        name = label;
      } else {
        throw this.fault(`expected "=", got ${this.#here()}`);
      }
      this.#comma();
    }
    this.pos++;
    return { name, labels: this.#labels.end() };
  }

  #label(name: string, labelAt: number): void {
    this.pos++;
    this.skipBlanks();
    if (this.peek() !== quote) {
      throw this.fault(`expected a quoted label value, got ${this.#here()}`);
    }
    if (!this.#labels.isNew(name)) {
      throw this.fault(`label "${name}" stands there twice`);
    }
    const pair = this.#pairs.pair(name, this.#quoted());
    this.#labels.add(pair, labelAt, this.pos);
  }

  /** Prometheus does not miss a comma between labels either. */
  #comma(): void {
    this.skipBlanks();
    if (this.peek() === 0x2c) {
      this.pos++;
      this.skipBlanks();
    }
  }

  #quoted(): string {
    const page = this.#page;
    const from = this.pos + 1;
    let pos = from;
    let escapes = 0;
    let seen = 0;
    for (let byte = page[pos] ?? 0; byte !== quote; byte = page[++pos] ?? 0) {
      seen |= byte;
      if (byte === backslash) {
        escapes++;
        seen |= page[++pos] ?? 0;
      }
      if (pos >= page.length) {
        throw this.fault('a quoted text does not end');
      }
    }
    this.pos = pos + 1;
    const text = seen < 0x80 ? page.toString('latin1', from, pos) : this.#utf8(from, pos);
    return escapes === 0 ? text : unescaped(text, /\\([\\"n])/g);
  }

  #utf8(from: number, to: number): string {
    const bytes = this.#page.subarray(from, to);
    if (!isUtf8(bytes)) {
      throw this.fault('a text is not valid UTF-8');
    }
    return bytes.toString('utf8');
  }
}

/** Undoes the escapes that `known` matches; any other backslash stands for itself. */
function unescaped(text: string, known: RegExp): string {
  return text.includes('\\') ? text.replaceAll(known, (_, char: string) => (char === 'n' ? '\n' : char)) : text;
}
