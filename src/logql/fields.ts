import { jsonParser, type LineParser } from './json-parser.ts';
import { LineLabels } from './line-labels.ts';
import { readPairs } from './logfmt-parser.ts';
import type { LogLine } from './source.ts';
import { byteCount, durationSeconds, floatOf } from './units.ts';

/** A field that lines turn out to have (Loki's `detected_fields`). */
export interface DetectedField {
  readonly label: string;
  readonly type: 'string' | 'int' | 'float' | 'boolean' | 'duration' | 'bytes';
  readonly cardinality: number;
  /** Stages that bring it out; null: none is needed. */
  readonly parsers: readonly string[] | null;
}

interface Field {
  readonly values: Set<string>;
  readonly parsers: Set<string>;
  types: Set<DetectedField['type']>;
}

/** Values of one field that are told apart. */
const maxValues = 1_000;

/** Looks at lines and collects what fields they have. */
export class FieldBook {
  readonly #fields = new Map<string, Field>();
  readonly #limit: number;
  readonly #labels = new LineLabels();

  /** At most so many different fields. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  look(line: LogLine): void {
    const labels = this.#labels;
    labels.begin(line);
    const before = labels.parts();
    this.#noteAll({ ...labels.derived(), ...before.metadata });
    const text = line.bytes.toString();
    const isJson = text.trimStart().startsWith('{');
    if (!isJson && !isLogfmt(text)) {
      return;
    }
    parserOf[isJson ? 'json' : 'logfmt'](text, labels);
    this.#noteAll(labels.parts().parsed, isJson ? 'json' : 'logfmt');
  }

  fields(): DetectedField[] {
    return [...this.#fields].map(([label, { values, parsers, types }]) => {
      const [type = 'string', ...others] = types;
      const list = parsers.size === 0 ? null : [...parsers];
      return { label, type: others.length === 0 ? type : 'string', cardinality: values.size, parsers: list };
    });
  }

  values(label: string): string[] {
    return [...(this.#fields.get(label)?.values ?? [])].sort();
  }

  #noteAll(values: Readonly<Record<string, string>>, parser?: string): void {
    for (const [name, value] of Object.entries(values)) {
      if (!name.startsWith('__error')) {
        this.#note(name, value, parser);
      }
    }
  }

  #note(name: string, value: string, parser: string | undefined): void {
    const known = this.#fields.get(name);
    if (known === undefined && this.#fields.size >= this.#limit) {
      return;
    }
    const field = known ?? { values: new Set(), parsers: new Set(), types: new Set() };
    this.#fields.set(name, field);
    field.types.add(typeOf(value));
    if (field.values.size < maxValues) {
      field.values.add(value);
    }
    if (parser !== undefined) {
      field.parsers.add(parser);
    }
  }
}

const parserOf: Readonly<Record<'json' | 'logfmt', LineParser>> = {
  json: jsonParser,
  logfmt: (text, labels) => {
    readPairs(text, (key, value) => {
      if (value !== '') {
        labels.extract(key.replaceAll(/[^a-zA-Z0-9_]/g, '_'), value);
      }
    });
  },
};

/** Two pairs at least, and nothing but pairs. */
function isLogfmt(text: string): boolean {
  let pairs = 0;
  const fault = readPairs(text, (_, value) => {
    pairs += value === '' ? -1 : 1;
  });
  return fault === undefined && pairs >= 2;
}

function typeOf(value: string): DetectedField['type'] {
  if (value === 'true' || value === 'false') {
    return 'boolean';
  }
  if (/^[+-]?\d+$/.test(value)) {
    return 'int';
  }
  if (floatOf(value) !== undefined) {
    return 'float';
  }
  return durationSeconds(value) !== undefined ? 'duration' : byteCount(value) === undefined ? 'string' : 'bytes';
}
