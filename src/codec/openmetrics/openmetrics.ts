import { isUtf8 } from 'node:buffer';
import { BridgeError } from '../../contract/errors.ts';
import { Family } from './family.ts';
import { LineFault, type Metadata, readLine, type Sample } from './line.ts';

/**
 * Checks a page against all that OpenMetrics 1.0 demands of the text format (prometheus/OpenMetrics,
 * specification/OpenMetrics.md): grammar, order and grouping, names that clash, and the values and labels of each type.
 * Throws BRIDGE_DECODE with the number of the first line that breaks a rule, and which rule.
 */
export function checkOpenMetrics(page: Buffer): void {
  if (!isUtf8(page)) {
    throw fault(lineOfBadText(page), 'the text is not valid UTF-8');
  }
  const text = page.toString('utf8');
  const exposition = new Exposition();
  let line = 1;
  try {
    for (let start = 0; !exposition.ended; line++) {
      const newline = text.indexOf('\n', start);
      const end = newline < 0 ? text.length : newline;
      if (start === text.length) {
        throw new LineFault('the page must end with "# EOF"');
      }
      exposition.take(text.slice(start, end));
      start = Math.min(end + 1, text.length);
      if (exposition.ended && start < text.length) {
        line++;
        throw new LineFault('nothing may stand behind "# EOF"');
      }
    }
  } catch (error) {
    if (!(error instanceof LineFault)) {
      throw error;
    }
    throw fault(error.where === 'this line' ? line : line - 1, error.message);
  }
}

class Exposition {
  ended = false;
  #family: Family | undefined;
  #reserved: readonly string[] = [];
  /** Names of families and of their samples, and whose they are. */
  readonly #taken = new Map<string, Family>();

  take(text: string): void {
    const line = readLine(text);
    if (line.kind === 'EOF') {
      this.#close();
      this.ended = true;
    } else if (line.kind === 'sample') {
      this.#sample(line);
    } else {
      this.#metadata(line);
    }
  }

  #metadata(line: Metadata): void {
    const family = this.#family?.name === line.family ? this.#family : this.#open(line.family);
    family.describe(line);
    if (line.kind === 'TYPE') {
      this.#reserve(family);
    }
  }

  #sample(sample: Sample): void {
    if (this.#family?.take(sample) === true) {
      this.#reserve(this.#family);
      return;
    }
    const owner = this.#taken.get(sample.name);
    if (owner !== undefined && owner === this.#family) {
      const names = owner.sampleNames.join(', ');
      throw new LineFault(`${sample.name} is not a sample of ${owner.type} ${owner.name}: those are ${names}`);
    }
    const family = this.#open(sample.name);
    this.#reserve(family);
    family.take(sample);
  }

  #open(name: string): Family {
    this.#close();
    const owner = this.#taken.get(name);
    if (owner !== undefined) {
      throw clash(name, owner);
    }
    this.#family = new Family(name);
    this.#reserved = [];
    return this.#family;
  }

  #close(): void {
    if (this.#family !== undefined) {
      this.#family.end();
      this.#reserve(this.#family);
    }
  }

  #reserve(family: Family): void {
    if (this.#reserved.length > 0) {
      return;
    }
    this.#reserved = [family.name, ...family.sampleNames];
    for (const name of this.#reserved) {
      const owner = this.#taken.get(name) ?? family;
      if (owner !== family) {
        throw clash(name, owner);
      }
      this.#taken.set(name, family);
    }
  }
}

function clash(name: string, { name: family, type }: Family): LineFault {
  return new LineFault(`${name} is a name of ${type} ${family}, whose lines must stand together`);
}

function lineOfBadText(page: Buffer): number {
  let line = 1;
  let start = 0;
  for (let end = page.indexOf(0x0a); end >= 0 && isUtf8(page.subarray(start, end)); end = page.indexOf(0x0a, start)) {
    start = end + 1;
    line++;
  }
  return line;
}

function fault(line: number, message: string): BridgeError {
  return new BridgeError('BRIDGE_DECODE', `line ${line}: ${message}`);
}
