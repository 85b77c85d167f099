export type LabelPair = readonly [name: string, value: string];

export interface Metadata {
  readonly kind: 'TYPE' | 'HELP' | 'UNIT';
  readonly family: string;
  readonly text: string;
}

export interface Sample {
  readonly kind: 'sample';
  readonly name: string;
  readonly labels: readonly LabelPair[];
  readonly value: number;
  readonly timestamp?: number;
  readonly exemplar?: { readonly labels: readonly LabelPair[]; readonly value: number };
}

export type Line = Metadata | Sample | { readonly kind: 'EOF' };

/** What is wrong with the line that is being taken, or with what the line before it ended. */
export class LineFault extends Error {
  readonly where: 'this line' | 'line before';

  constructor(message: string, where: LineFault['where'] = 'this line') {
    super(message);
    this.where = where;
  }
}

/** Reads one line, without its newline, by the grammar of OpenMetrics 1.0. Throws LineFault. */
export function readLine(text: string): Line {
  if (text.endsWith('\r')) {
    throw new LineFault('the line ends with a carriage return');
  }
  if (text === '') {
    throw new LineFault('blank lines are not allowed');
  }
  return text.startsWith('#') ? readComment(text) : new Scanner(text).sample();
}

function readComment(text: string): Line {
  if (text === '# EOF') {
    return { kind: 'EOF' };
  }
  const [, word] = /^# (TYPE|HELP|UNIT)(?= |$)/.exec(text) ?? [];
  if (word !== 'TYPE' && word !== 'HELP' && word !== 'UNIT') {
    throw new LineFault('a line that begins with # must be "# TYPE", "# HELP", "# UNIT" or "# EOF"');
  }
  return new Scanner(text).metadata(word);
}

const metricName = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
const labelName = /[a-zA-Z_][a-zA-Z0-9_]*/y;
const decimal = String.raw`[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:e[+-]?[0-9]+)?`;
const real = new RegExp(decimal, 'iy');
const number = new RegExp(`${decimal}|[+-]?inf(?:inity)?|nan`, 'iy');
const wholeNumber = new RegExp(`^(?:${decimal})$`, 'i');

/** A number in a label such as `le`, where infinity is written `+Inf` and nothing else; NaN where it is none. */
export function numberInLabel(text: string): number {
  if (text === '+Inf') {
    return Number.POSITIVE_INFINITY;
  }
  return wholeNumber.test(text) ? Number(text) : Number.NaN;
}

class Scanner {
  readonly #text: string;
  #pos = 0;

  constructor(text: string) {
    this.#text = text;
  }

  metadata(kind: Metadata['kind']): Metadata {
    this.#pos = `# ${kind}`.length;
    this.#expect(' ', 'a space');
    const family = this.#take(metricName, 'the name of a metric family');
    this.#expect(' ', 'a space');
    return { kind, family, text: this.#text.slice(this.#pos) };
  }

  sample(): Sample {
    const name = this.#take(metricName, 'a metric name');
    const labels = this.#text[this.#pos] === '{' ? this.#labels() : [];
    this.#expect(' ', 'a space');
    const value = this.#number(number, 'a value');
    const timestamp = this.#timestamp();
    const exemplar = this.#exemplar();
    this.#end();
    return {
      kind: 'sample',
      name,
      labels,
      value,
      ...(timestamp !== undefined && { timestamp }),
      ...(exemplar !== undefined && { exemplar }),
    };
  }

  #exemplar(): Sample['exemplar'] {
    if (!this.#text.startsWith(' #', this.#pos)) {
      return undefined;
    }
    this.#pos += 2;
    this.#expect(' ', 'a space');
    if (this.#text[this.#pos] !== '{') {
      throw this.#fault('the labels of an exemplar');
    }
    const labels = this.#labels();
    this.#expect(' ', 'a space');
    const value = this.#number(number, 'the value of an exemplar');
    this.#timestamp();
    return { labels, value };
  }

  #timestamp(): number | undefined {
    if (this.#text[this.#pos] !== ' ' || this.#text.startsWith(' #', this.#pos)) {
      return undefined;
    }
    this.#pos++;
    return this.#number(real, 'a timestamp');
  }

  #labels(): readonly LabelPair[] {
    const labels: LabelPair[] = [];
    this.#pos++;
    if (this.#text[this.#pos] === '}') {
      this.#pos++;
      return labels;
    }
    for (;;) {
      labels.push(this.#label(labels));
      const behind = this.#text[this.#pos];
      if (behind !== ',' && behind !== '}') {
        throw this.#fault('"," or "}"');
      }
      this.#pos++;
      if (behind === '}') {
        return labels;
      }
    }
  }

  #label(before: readonly LabelPair[]): LabelPair {
    const name = this.#take(labelName, 'the name of a label');
    if (name.startsWith('_')) {
      throw new LineFault(`label names that begin with "_" are reserved: "${name}"`);
    }
    if (before.some(([other]) => other === name)) {
      throw new LineFault(`label "${name}" stands there twice`);
    }
    this.#expect('=', '"="');
    const value = this.#quoted();
    return [name, value.includes('\\') ? value.replaceAll(/\\([n"\\])/g, unescapedChar) : value];
  }

  /** A loop, as the stack of a regular expression would not hold megabytes of escapes. */
  #quoted(): string {
    const from = this.#pos + 1;
    let end = this.#text.startsWith('"', this.#pos) ? from : this.#text.length;
    while (end < this.#text.length && this.#text[end] !== '"') {
      end += this.#text[end] === '\\' ? 2 : 1;
    }
    if (end >= this.#text.length) {
      throw this.#fault('a label value in double quotes');
    }
    this.#pos = end + 1;
    return this.#text.slice(from, end);
  }

  #number(pattern: RegExp, what: string): number {
    const text = this.#take(pattern, what);
    if (!/[0-9]/.test(text)) {
      return wordOf(text);
    }
    const value = Number(text);
    if (!Number.isFinite(value)) {
      throw new LineFault(`${text} does not fit a 64-bit floating point number`);
    }
    return value;
  }

  #take(pattern: RegExp, what: string): string {
    pattern.lastIndex = this.#pos;
    const found = pattern.exec(this.#text)?.[0];
    if (found === undefined) {
      throw this.#fault(what);
    }
    this.#pos += found.length;
    return found;
  }

  #expect(char: string, what: string): void {
    if (this.#text[this.#pos] !== char) {
      throw this.#fault(what);
    }
    this.#pos++;
  }

  #end(): void {
    if (this.#pos < this.#text.length) {
      throw this.#fault('the end of the line');
    }
  }

  #fault(wanted: string): LineFault {
    const rest = this.#text.slice(this.#pos, this.#pos + 40);
    return new LineFault(`expected ${wanted}, got ${rest === '' ? 'the end of the line' : JSON.stringify(rest)}`);
  }
}

function unescapedChar(_: string, char: string): string {
  return char === 'n' ? '\n' : char;
}

function wordOf(text: string): number {
  if (/nan/i.test(text)) {
    return Number.NaN;
  }
  return text.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}
