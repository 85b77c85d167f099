import type { LogLine, Values } from './source.ts';

/** Labels that tell of a fault of a stage. */
export const errorLabel = '__error__';
export const errorDetailsLabel = '__error_details__';
const levelLabel = 'detected_level';
const traceLabel = 'trace_id';
const noValues: Values = {};

const plainName = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/** Text → a name that a label may have. */
export function labelName(text: string): string {
  if (plainName.test(text)) {
    return text;
  }
  const name = text.trim().replaceAll(/[^a-zA-Z0-9_]/g, '_');
  return /^\d/.test(name) ? `_${name}` : name;
}

/** The labels of a line by where they come from. */
export interface LabelParts {
  readonly stream: Values;
  /** Structured metadata, and the level that was found in the text. */
  readonly metadata: Values;
  readonly parsed: Values;
}

/**
 * The labels of one line on its way through the stages: what a stage set goes before the stream's, these before structured
 * metadata. What has to be read out of the line first is read when a name is asked for that nothing else has.
 */
export class LineLabels {
  #line: LogLine | undefined;
  #metadata: Map<string, string> | undefined;
  #derived: Values | undefined;
  readonly #parsed = new Map<string, string>();
  readonly #dropped = new Set<string>();
  error = '';
  errorDetails = '';

  begin(line: LogLine): void {
    this.#line = line;
    this.#metadata = undefined;
    this.#derived = undefined;
    if (this.#parsed.size > 0) {
      this.#parsed.clear();
    }
    if (this.#dropped.size > 0) {
      this.#dropped.clear();
    }
    this.error = '';
    this.errorDetails = '';
  }

  fail(error: string, details: string): void {
    if (this.error === '') {
      this.error = error;
      this.errorDetails = details;
    }
  }

  /** '' where there is none. */
  get(name: string): string {
    if (name === errorLabel) {
      return this.error;
    }
    if (name === errorDetailsLabel) {
      return this.errorDetails;
    }
    const parsed = this.#parsed.get(name);
    if (parsed !== undefined || this.#dropped.has(name)) {
      return parsed ?? '';
    }
    return this.#line?.stream[name] ?? this.#knownValue(name) ?? this.#derivedValue(name);
  }

  set(name: string, value: string): void {
    this.#parsed.set(name, value);
  }

  /** What a parser found. Labels of the stream and structured metadata keep their names; of two of one name the first counts. */
  extract(name: string, value: string): void {
    const isKnown = this.#line?.stream[name] !== undefined || (!this.#dropped.has(name) && this.#isMetadata(name));
    const own = isKnown ? `${name}_extracted` : name;
    if (!this.#parsed.has(own)) {
      this.#parsed.set(own, value);
    }
  }

  drop(name: string): void {
    if (name === errorLabel) {
      this.error = '';
    } else if (name === errorDetailsLabel) {
      this.errorDetails = '';
    }
    this.#parsed.delete(name);
    this.#dropped.add(name);
  }

  /** Names of all labels but those of faults. */
  names(): Set<string> {
    const names = new Set([...Object.keys(this.#line?.stream ?? {}), ...this.#known().keys()]);
    return new Set([...[...names].filter((name) => !this.#dropped.has(name)), ...this.#parsed.keys()]);
  }

  parts(): LabelParts {
    const { stream = {} } = this.#line ?? {};
    const visible = ([name]: readonly [string, string]): boolean => !this.#dropped.has(name) && !this.#parsed.has(name);
    const errors = [[errorLabel, this.error] as const, [errorDetailsLabel, this.errorDetails] as const];
    return {
      stream: Object.fromEntries(Object.entries(stream).filter(visible)),
      metadata: Object.fromEntries([...this.#known()].filter((entry) => visible(entry) && !(entry[0] in stream))),
      parsed: Object.fromEntries([...this.#parsed, ...errors].filter(([, value]) => value !== '')),
    };
  }

  /** What the text itself is known to say, under names that nothing else has. */
  derived(): Values {
    const traceId = this.#line?.traceId() ?? '';
    const all = { ...(traceId === '' ? {} : { [traceLabel]: traceId }), ...this.#readDerived() };
    const own = Object.entries(all).filter(([name, value]) => this.get(name) === value);
    return Object.fromEntries(own.filter(([name]) => !this.#parsed.has(name) && !this.#known().has(name)));
  }

  #isMetadata(name: string): boolean {
    return this.#line?.hasMetadata === true && this.#known().has(name);
  }

  #knownValue(name: string): string | undefined {
    if (this.#line?.hasMetadata === true) {
      return this.#known().get(name);
    }
    return name === levelLabel ? (this.#line?.level ?? 'unknown') : undefined;
  }

  #known(): Map<string, string> {
    if (this.#metadata === undefined) {
      const line = this.#line;
      this.#metadata = new Map([[levelLabel, line?.level ?? 'unknown']]);
      if (line?.hasMetadata === true) {
        for (const [key, value] of Object.entries(line.metadata())) {
          this.#metadata.set(labelName(key), String(value));
        }
      }
    }
    return this.#metadata;
  }

  #derivedValue(name: string): string {
    const level = this.#line?.level ?? 'unknown';
    if (name === 'level') {
      return level === 'unknown' ? '' : level;
    }
    return this.#readDerived()[name] ?? (name === traceLabel ? (this.#line?.traceId() ?? '') : '');
  }

  #readDerived(): Values {
    this.#derived ??= this.#line?.derived() ?? noValues;
    return this.#derived;
  }
}
