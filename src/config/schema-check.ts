import { z } from 'zod';
import { type FaultCode, keyPathOf, type PathStep } from './fault.ts';
import { nearest } from './nearest.ts';
import { isSecretPath, knownKeys } from './schema-walk.ts';

/** What is wrong with a value, and where in it; the caller adds the file and line. */
export interface Finding {
  readonly code: FaultCode;
  readonly path: readonly PathStep[];
  readonly message: string;
  readonly hint?: string;
}

export interface Checked<T> {
  /** Undefined when something is wrong beyond unknown keys. */
  readonly value: T | undefined;
  readonly faults: readonly Finding[];
  readonly unknownKeys: readonly Finding[];
}

/**
 * Checks a value as it stands in the file. `shown` is the value before `${NAME}` was replaced: messages quote that, so that
 * nothing from the environment or a secret file is ever shown. Unknown keys are left out and reported apart.
 */
export function checkValue<T extends z.ZodType>(schema: T, value: unknown, shown: unknown): Checked<z.output<T>> {
  const first = schema.safeParse(value);
  if (first.success) {
    return { value: first.data, faults: [], unknownKeys: [] };
  }
  const unknown = first.error.issues.filter((issue) => issue.code === 'unrecognized_keys');
  const faults = first.error.issues
    .filter((issue) => issue.code !== 'unrecognized_keys')
    .map((issue) => findingOf(issue, schema, value, shown));
  const unknownKeys = unknown.flatMap((issue) => issue.keys.map((key) => unknownKey(schema, stepsOf(issue.path), key)));
  if (unknownKeys.length === 0) {
    return { value: undefined, faults, unknownKeys };
  }
  const known = checkValue(schema, without(value, unknownKeys), shown);
  return { value: known.value, faults: known.faults, unknownKeys: [...unknownKeys, ...known.unknownKeys] };
}

/** A value that could not be made out is not also said to be wrong. */
export function beside(findings: readonly Finding[], unresolved: readonly Finding[]): readonly Finding[] {
  const paths = new Set(unresolved.map((finding) => keyPathOf(finding.path)));
  return [...unresolved, ...findings.filter((finding) => !paths.has(keyPathOf(finding.path)))];
}

function stepsOf(path: readonly PropertyKey[]): PathStep[] {
  return path.map((step) => (typeof step === 'number' ? step : String(step)));
}

/** A copy without what stands on those paths. */
function without(value: unknown, findings: readonly Finding[], base: readonly PathStep[] = []): unknown {
  if (Array.isArray(value)) {
    return value.map((entry, index) => without(entry, findings, [...base, index]));
  }
  if (typeof value !== 'object' || value === null || value instanceof Date) {
    return value;
  }
  const gone = new Set(findings.map((finding) => keyPathOf(finding.path)));
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !gone.has(keyPathOf([...base, key])))
      .map(([key, entry]) => [key, without(entry, findings, [...base, key])]),
  );
}

export function unknownKey(schema: z.core.$ZodType, table: readonly PathStep[], key: string): Finding {
  return {
    code: 'unknown-key',
    path: [...table, key],
    message: 'unknown key',
    ...hintFor(key, knownKeys(schema, table)),
  };
}

/** The nearest known word, else all of them while they fit on a line. */
export function hintFor(word: string, known: readonly string[] | undefined): { hint?: string } {
  if (known === undefined) {
    return {};
  }
  const meant = nearest(word, known);
  if (meant !== undefined) {
    return { hint: `did you mean "${meant}"?` };
  }
  return known.length > 12
    ? { hint: 'see docs/configuration.md for those that there are' }
    : { hint: `there are ${listed(known)}` };
}

export function listed(words: readonly string[], last = 'and'): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} ${last} ${words.at(-1)}`;
}

const kinds: Readonly<Record<string, string>> = {
  string: 'text in quotes',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list in brackets',
  tuple: 'a list in brackets',
  object: 'a table',
  record: 'a table',
};

function kindOf(value: unknown): string {
  if (Array.isArray(value)) {
    return 'a list';
  }
  if (value instanceof Date) {
    return 'a date';
  }
  return (
    { string: 'text', number: 'a number', boolean: 'true or false', object: 'a table' }[String(typeof value)] ??
    'nothing'
  );
}

function at(value: unknown, path: readonly PathStep[]): unknown {
  let here = value;
  for (const step of path) {
    if (typeof here !== 'object' || here === null) {
      return undefined;
    }
    here = Object.entries(here).find(([key]) => key === String(step))?.[1];
  }
  return here;
}

const hidden = 'this value';
const tellingName = /token|passw|secret|credential|authorization|cookie|api[_-]?key|private[_-]?key/i;

/** The value for a message: cut, without the secret parts of an address, and not at all where it may be a secret itself. */
function quoted(value: unknown, path: readonly PathStep[], schema: z.core.$ZodType): string {
  if (isSecretPath(schema, path) || path.some((step) => tellingName.test(String(step)))) {
    return hidden;
  }
  if (typeof value === 'number' || typeof value === 'boolean') {
    return String(value);
  }
  if (typeof value !== 'string') {
    return hidden;
  }
  const safe = value.replace(/\/\/[^/@\s]*@/, '//...@').replace(/\?.*$/s, '?...');
  return JSON.stringify(safe.length > 60 ? `${safe.slice(0, 57)}...` : safe);
}

type Issue = z.core.$ZodIssue;

function findingOf(issue: Issue, schema: z.core.$ZodType, value: unknown, shown: unknown): Finding {
  const path = stepsOf(issue.path);
  const actual = at(value, path);
  if (actual === undefined && (issue.code === 'invalid_type' || issue.code === 'invalid_value')) {
    const key = path.at(-1);
    const example =
      issue.code === 'invalid_value' ? issue.values.map((one) => JSON.stringify(one))[0] : exampleOf(issue.expected);
    return { code: 'missing-key', path, message: 'is missing', hint: `write ${key} = ${example ?? '...'}` };
  }
  const subject = quoted(at(shown, path), path, schema);
  switch (issue.code) {
    case 'invalid_type':
      return {
        code: 'type',
        path,
        ...(withoutUnit(issue, schema, value) ?? wrongKind(issue.expected, actual, path.at(-1), subject)),
      };
    case 'invalid_value': {
      const choices = issue.values.map((one) => JSON.stringify(one));
      const meant = nearest(String(actual), issue.values.map(String));
      const hint = meant === undefined ? `write ${listed(choices, 'or')}` : `did you mean "${meant}"?`;
      return { code: 'value', path, message: `${subject} is not one of ${choices.join(', ')}`, hint };
    }
    case 'too_big':
    case 'too_small':
      return { code: 'value', path, ...outOfBounds(issue, subject) };
    case 'invalid_union':
      return unionFinding(issue, schema, value, shown);
    default:
      return { code: 'value', path, ...sentence(issue.message, actual === undefined ? '' : subject) };
  }
}

function exampleOf(expected: string): string {
  return { string: '"..."', number: '1', int: '1', boolean: 'true', array: '["..."]' }[expected] ?? '...';
}

/** `interval = 10`: quotes alone would not mend it, so the sentence about what the text must be is the useful one. */
function withoutUnit(
  issue: z.core.$ZodIssueInvalidType,
  schema: z.core.$ZodType,
  value: unknown,
): { message: string; hint?: string } | undefined {
  const path = stepsOf(issue.path);
  const bare = at(value, path);
  if (issue.expected !== 'string' || typeof bare !== 'number') {
    return undefined;
  }
  const quotedValue = put(value, path, String(bare));
  const next = z
    .safeParse(schema, quotedValue)
    .error?.issues.find((one) => keyPathOf(stepsOf(one.path)) === keyPathOf(path));
  return next?.code === 'custom' ? sentence(next.message, String(bare)) : undefined;
}

/** A copy with `entry` on that path. */
function put(value: unknown, [step, ...rest]: readonly PathStep[], entry: unknown): unknown {
  if (step === undefined) {
    return entry;
  }
  if (Array.isArray(value)) {
    return value.map((one, index) => (index === step ? put(one, rest, entry) : one));
  }
  return { ...Object(value), [step]: put(at(value, [step]), rest, entry) };
}

function wrongKind(
  expected: string,
  actual: unknown,
  key: PathStep | undefined,
  subject: string,
): { message: string; hint?: string } {
  const message = `must be ${kinds[expected] ?? expected}, and is ${kindOf(actual)}`;
  if (expected === 'string' && (typeof actual === 'number' || typeof actual === 'boolean')) {
    return { message, hint: `write ${key} = "${subject === hidden ? '...' : actual}"` };
  }
  if (expected === 'array' && typeof actual === 'string') {
    return { message, hint: `write ${key} = ["..."]` };
  }
  if (typeof actual === 'string' && ['number', 'int', 'boolean'].includes(expected)) {
    return { message, hint: 'write it without quotes' };
  }
  return { message };
}

function outOfBounds(
  issue: z.core.$ZodIssueTooBig | z.core.$ZodIssueTooSmall,
  subject: string,
): { message: string; hint?: string } {
  const few = issue.code === 'too_small';
  const limit = few ? issue.minimum : issue.maximum;
  if (issue.origin === 'number' || issue.origin === 'int') {
    return {
      message: `${subject} is too ${few ? 'small' : 'large'}`,
      hint: `write ${few ? 'at least' : 'at most'} ${limit}`,
    };
  }
  const own = /^(?:is|may|must|has|needs)\b/.test(issue.message);
  return own
    ? split(issue.message)
    : { message: `is too ${few ? 'short' : 'long'}`, hint: `write ${few ? 'at least' : 'at most'} ${limit}` };
}

function split(text: string): { message: string; hint?: string } {
  const [message = '', ...hint] = text.split('; ');
  return hint.length === 0 ? { message } : { message, hint: hint.join('; ') };
}

/** Messages of the schemas go on after the value: `is not a duration; write ...`. Others stand for themselves. */
function sentence(text: string, subject: string): { message: string; hint?: string } {
  return split(/^(?:is|may|must|has|needs|lacks|does|can)\b/.test(text) ? `${subject} ${text}`.trim() : text);
}

/** Of a union, the branch that got furthest; else what would do. */
function unionFinding(
  issue: z.core.$ZodIssueInvalidUnion,
  schema: z.core.$ZodType,
  value: unknown,
  shown: unknown,
): Finding {
  const base = stepsOf(issue.path);
  const branches = issue.errors.map((branch) => branch.map((one) => ({ ...one, path: [...base, ...one.path] })));
  const fitting = branches.find((branch) =>
    branch.every((one) => one.code !== 'invalid_type' || one.path.length > base.length),
  );
  const chosen = fitting?.[0];
  if (chosen !== undefined) {
    return findingOf(chosen, schema, value, shown);
  }
  const wanted = branches.flatMap((branch) =>
    branch.flatMap((one) => (one.code === 'invalid_type' ? [kinds[one.expected] ?? one.expected] : [])),
  );
  return {
    code: 'type',
    path: base,
    message: `must be ${[...new Set(wanted)].join(' or ')}, and is ${kindOf(at(value, base))}`,
  };
}
