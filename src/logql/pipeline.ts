import type { LabelFormat, Matcher, Stage } from './ast.ts';
import { jsonExpressionParser, jsonParser, type LineParser, unpacked } from './json-parser.ts';
import { labelTest } from './label-filter.ts';
import { lineTest, textsIn } from './line-filter.ts';
import { errorDetailsLabel, errorLabel, LineLabels } from './line-labels.ts';
import { logfmtParser } from './logfmt-parser.ts';
import { testOf } from './matcher.ts';
import type { LogLine } from './source.ts';
import { type TemplateScope, template } from './template.ts';
import { patternParser, regexpParser } from './text-parsers.ts';

/** A line on its way through the stages; one object for all lines. */
export class LineState implements TemplateScope {
  readonly labels = new LineLabels();
  #line: LogLine | undefined;
  #text: string | undefined;

  begin(line: LogLine): void {
    this.#line = line;
    this.#text = undefined;
    this.labels.begin(line);
  }

  get line(): string {
    this.#text ??= this.#line?.bytes.toString() ?? '';
    return this.#text;
  }

  set line(text: string) {
    this.#text = text;
  }

  get seconds(): number {
    return this.#line?.seconds ?? 0;
  }

  get nanos(): number {
    return this.#line?.nanos ?? 0;
  }

  /** Bytes of the text as it stands now. */
  get length(): number {
    return this.#text === undefined ? (this.#line?.length ?? 0) : Buffer.byteLength(this.#text);
  }

  get(name: string): string {
    return this.labels.get(name);
  }
}

/** Whether the line stays. */
type Step = (state: LineState) => boolean;

/** The stages of a query, ready for lines. */
export class Pipeline {
  /** Each stands in every line that passes, in these letters. */
  readonly texts: readonly string[];
  /** Do the stages leave the labels as they were? */
  readonly keepsLabels: boolean;
  readonly #steps: readonly Step[];
  readonly #state = new LineState();

  /** Throws LogqlError. */
  constructor(stages: readonly Stage[]) {
    const firstChange = stages.findIndex(({ kind }) => changesText.has(kind));
    const before = firstChange < 0 ? stages : stages.slice(0, firstChange);
    this.texts = before.flatMap((stage) => (stage.kind === 'line' ? textsIn(stage.op, stage.values) : []));
    this.keepsLabels = stages.every(({ kind }) => kind === 'line' || kind === 'decolorize' || kind === 'line_format');
    this.#steps = stages.map(stepOf);
  }

  /** Undefined where the line is left out. */
  run(line: LogLine): LineState | undefined {
    const state = this.#state;
    state.begin(line);
    for (const step of this.#steps) {
      if (!step(state)) {
        return undefined;
      }
    }
    return state;
  }
}

const changesText: ReadonlySet<Stage['kind']> = new Set(['line_format', 'unpack', 'decolorize']);

function stepOf(stage: Stage): Step {
  switch (stage.kind) {
    case 'line': {
      const test = lineTest(stage.op, stage.values);
      return (state) => test(state.line);
    }
    case 'json':
      return parserStep(stage.labels.length === 0 ? jsonParser : jsonExpressionParser(stage.labels));
    case 'logfmt':
      return parserStep(logfmtParser(stage));
    case 'pattern':
      return parserStep(patternParser(stage.pattern));
    case 'regexp':
      return parserStep(regexpParser(stage.pattern));
    case 'unpack':
      return (state) => {
        state.line = unpacked(state.line, state.labels);
        return true;
      };
    case 'decolorize':
      return (state) => {
        state.line = state.line.replaceAll(colour, '');
        return true;
      };
    case 'filter': {
      const test = labelTest(stage.filter);
      return ({ labels }) => test(labels);
    }
    case 'line_format': {
      const write = template(stage.template);
      return (state) => {
        state.line = write(state);
        return true;
      };
    }
    case 'label_format':
      return labelFormatStep(stage.formats);
    case 'drop':
      return dropStep(stage.labels);
    case 'keep':
      return keepStep(stage.labels);
    default:
      return stage satisfies never;
  }
}

const colour = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'g');

function parserStep(parse: LineParser): Step {
  return (state) => {
    parse(state.line, state.labels);
    return true;
  };
}

function labelFormatStep(formats: readonly LabelFormat[]): Step {
  const writes = formats.map((format) => {
    if ('template' in format) {
      const write = template(format.template);
      return (state: LineState) => state.labels.set(format.name, write(state));
    }
    return ({ labels }: LineState) => {
      labels.set(format.name, labels.get(format.from));
      labels.drop(format.from);
    };
  });
  return (state) => {
    for (const write of writes) {
      write(state);
    }
    return true;
  };
}

function meantBy(label: Matcher | string): { name: string; test: (value: string) => boolean } {
  return typeof label === 'string' ? { name: label, test: () => true } : { name: label.name, test: testOf(label) };
}

function dropStep(labels: readonly (Matcher | string)[]): Step {
  const meant = labels.map(meantBy);
  return ({ labels: all }) => {
    for (const { name, test } of meant) {
      if (test(all.get(name))) {
        all.drop(name);
      }
    }
    return true;
  };
}

function keepStep(labels: readonly (Matcher | string)[]): Step {
  const meant = labels.map(meantBy);
  return ({ labels: all }) => {
    const kept = new Set(meant.filter(({ name, test }) => test(all.get(name))).map(({ name }) => name));
    for (const name of all.names()) {
      if (!kept.has(name) && name !== errorLabel && name !== errorDetailsLabel) {
        all.drop(name);
      }
    }
    return true;
  };
}
