import { unquoted } from '../lib/go-string.ts';
import { parseError, unsupported } from './errors.ts';
import { type TemplateValue, templateFunctions, truthOf, valueText } from './template-functions.ts';

/** What a template speaks of. */
export interface TemplateScope {
  get(name: string): string;
  readonly line: string;
  readonly seconds: number;
  readonly nanos: number;
}

type Part = (scope: TemplateScope) => string;
type Operand = (scope: TemplateScope) => TemplateValue;

/** Go's text/template as far as lines need it: fields, pipelines of functions, `if`/`else`. Throws LogqlError for the rest. */
export function template(text: string): Part {
  const tokens = [...text.matchAll(/\{\{(-?)\s*((?:"(?:[^"\\]|\\.)*"|`[^`]*`|[^"`}]|\}(?!\}))*?)\s*(-?)\}\}|\{\{/gs)];
  const pieces: Piece[] = [];
  let at = 0;
  let trims = false;
  for (const { 0: whole, 1: before, 2: action, 3: after, index } of tokens) {
    if (action === undefined) {
      throw parseError(`invalid template: unclosed action in ${JSON.stringify(text)}`);
    }
    const plain = text.slice(at, index);
    const begun = trims ? plain.trimStart() : plain;
    pieces.push({ text: before === '-' ? begun.trimEnd() : begun }, { action });
    at = index + whole.length;
    trims = after === '-';
  }
  const rest = text.slice(at);
  pieces.push({ text: trims ? rest.trimStart() : rest });
  const reader = new PieceReader(pieces);
  const body = reader.body(0);
  reader.expectEnd();
  return body;
}

type Piece = { readonly text: string } | { readonly action: string };

const maxDepth = 50;
const later = /^(?:range|with|define|template|block|break|continue)\b/;

class PieceReader {
  readonly #pieces: readonly Piece[];
  #at = 0;

  constructor(pieces: readonly Piece[]) {
    this.#pieces = pieces;
  }

  /** Up to the `else` or `end` that it stands before. */
  body(depth: number): Part {
    const parts: Part[] = [];
    for (let piece = this.#pieces[this.#at]; piece !== undefined; piece = this.#pieces[this.#at]) {
      if ('text' in piece) {
        const { text } = piece;
        parts.push(() => text);
        this.#at += 1;
      } else if (/^(?:else\b|end$)/.test(piece.action)) {
        break;
      } else {
        this.#at += 1;
        parts.push(this.#action(piece.action, depth));
      }
    }
    return (scope) => parts.map((part) => part(scope)).join('');
  }

  expectEnd(): void {
    const piece = this.#pieces[this.#at];
    if (piece !== undefined && 'action' in piece) {
      throw parseError(`invalid template: unexpected {{${piece.action}}}`);
    }
  }

  #action(action: string, depth: number): Part {
    const condition = /^if\s+(.*)$/s.exec(action)?.[1];
    if (condition !== undefined) {
      return this.#choice(condition, depth + 1);
    }
    const word = later.exec(action)?.[0];
    if (word !== undefined) {
      throw unsupported(`{{${word}}} in a template`);
    }
    if (action.startsWith('/*')) {
      return () => '';
    }
    const operand = pipelineOf(action);
    return (scope) => valueText(operand(scope));
  }

  #choice(condition: string, depth: number): Part {
    if (depth > maxDepth) {
      throw parseError('invalid template: nested too deeply');
    }
    const test = pipelineOf(condition);
    const then = this.body(depth);
    const next = this.#pieces[this.#at];
    const action = next !== undefined && 'action' in next ? next.action : '';
    this.#at += 1;
    const otherwise = /^else\s+if\s+(.*)$/s.exec(action)?.[1];
    if (otherwise !== undefined) {
      const other = this.#choice(otherwise, depth + 1);
      return (scope) => (truthOf(test(scope)) ? then(scope) : other(scope));
    }
    const other = action === 'else' ? this.body(depth) : () => '';
    if (action === 'else') {
      this.#expect('end');
    } else if (action !== 'end') {
      throw parseError('invalid template: unexpected EOF');
    }
    return (scope) => (truthOf(test(scope)) ? then(scope) : other(scope));
  }

  #expect(word: string): void {
    const piece = this.#pieces[this.#at];
    if (piece === undefined || !('action' in piece) || piece.action !== word) {
      throw parseError('invalid template: unexpected EOF');
    }
    this.#at += 1;
  }
}

const tokenShape =
  /\s+|(\()|(\))|(\|)|("(?:[^"\\]|\\.)*"|`[^`]*`)|([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)(?![\w.])|\.([a-zA-Z_]\w*)|(\.)(?!\w)|([a-zA-Z_]\w*)|(.)/gsy;

interface Token {
  readonly kind: 'open' | 'close' | 'pipe' | 'string' | 'number' | 'field' | 'dot' | 'word';
  readonly text: string;
}

const kinds: readonly (Token['kind'] | 'strange')[] = [
  'open',
  'close',
  'pipe',
  'string',
  'number',
  'field',
  'dot',
  'word',
  'strange',
];

function tokensOf(action: string): Token[] {
  return [...action.matchAll(tokenShape)].flatMap((match) => {
    const group = match.slice(1).findIndex((text) => text !== undefined);
    const kind = kinds[group];
    if (kind === 'strange') {
      throw unsupported(`${JSON.stringify(match[0])} in the template {{${action}}}`);
    }
    return kind === undefined ? [] : [{ kind, text: match[group + 1] ?? '' }];
  });
}

function pipelineOf(action: string): Operand {
  const tokens = tokensOf(action);
  const { operand, end } = readPipeline(tokens, 0, 0);
  if (end !== tokens.length) {
    throw parseError(`invalid template: unexpected ")" in {{${action}}}`);
  }
  return operand;
}

interface Read {
  readonly operand: Operand;
  readonly end: number;
}

/** Commands with `|` between them: what one gives is the last argument of the next. */
function readPipeline(tokens: readonly Token[], start: number, depth: number): Read {
  if (depth > maxDepth) {
    throw parseError('invalid template: nested too deeply');
  }
  let read = readCommand(tokens, start, undefined, depth);
  while (tokens[read.end]?.kind === 'pipe') {
    read = readCommand(tokens, read.end + 1, read.operand, depth);
  }
  return read;
}

function readCommand(tokens: readonly Token[], start: number, piped: Operand | undefined, depth: number): Read {
  const first = tokens[start];
  const isCall = first?.kind === 'word' && first.text !== 'true' && first.text !== 'false';
  const operands: Operand[] = [];
  let at = isCall ? start + 1 : start;
  for (let token = tokens[at]; token !== undefined; token = tokens[at]) {
    if (token.kind === 'pipe' || token.kind === 'close') {
      break;
    }
    const read = readOperand(tokens, at, depth);
    operands.push(read.operand);
    at = read.end;
  }
  if (isCall) {
    return { operand: callOf(first.text, piped === undefined ? operands : [...operands, piped]), end: at };
  }
  const [operand, ...rest] = operands;
  if (operand === undefined || rest.length > 0 || piped !== undefined) {
    throw parseError('invalid template: a value where a function should stand, or none at all');
  }
  return { operand, end: at };
}

function readOperand(tokens: readonly Token[], at: number, depth: number): Read {
  const token = tokens[at];
  if (token?.kind === 'open') {
    const inner = readPipeline(tokens, at + 1, depth + 1);
    if (tokens[inner.end]?.kind !== 'close') {
      throw parseError('invalid template: unclosed left paren');
    }
    return { operand: inner.operand, end: inner.end + 1 };
  }
  return { operand: plainOperand(token), end: at + 1 };
}

function plainOperand(token: Token | undefined): Operand {
  const text = token?.text ?? '';
  switch (token?.kind) {
    case 'field':
      return (scope) => scope.get(text);
    case 'string': {
      const value = unquoted(text);
      if (value === undefined) {
        throw parseError(`invalid template: ${text} is no string`);
      }
      return () => value;
    }
    case 'number':
      return () => Number(text);
    case 'word':
      return text === 'true' || text === 'false' ? () => text === 'true' : callOf(text, []);
    default:
      throw unsupported('the dot alone in a template');
  }
}

function callOf(name: string, operands: readonly Operand[]): Operand {
  if (name === '__line__') {
    return ({ line }) => line;
  }
  if (name === '__timestamp__') {
    return ({ seconds, nanos }) => new Date(seconds * 1000 + Math.floor(nanos / 1e6)).toISOString();
  }
  const entry = Object.hasOwn(templateFunctions, name) ? templateFunctions[name] : undefined;
  if (entry === undefined) {
    throw unsupported(`the function ${name} in a template`);
  }
  const { least, most = least, call } = entry;
  if (operands.length < least || operands.length > most) {
    throw parseError(`invalid template: wrong number of args for ${name}: want ${least} got ${operands.length}`);
  }
  return (scope) => call(operands.map((operand) => operand(scope)));
}
