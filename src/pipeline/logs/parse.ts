import { levelOfText } from '../../codec/log-block/level.ts';
import type { LogMarks } from '../../codec/log-block/log-block-builder.ts';
import type { Counter } from '../../contract/runtime.ts';
import { logLevels } from '../../model/log.ts';
import { faulty } from './compiled.ts';
import { compileCondition } from './condition.ts';
import { accessLog, type FieldReader, jsonFields, logfmtFields } from './field-readers.ts';
import { castValue, compileGrok } from './grok.ts';
import { ParsedRecord } from './parsed-record.ts';
import type { ParseStep } from './settings.ts';
import type { StepCounters } from './step-counters.ts';
import type { Text } from './text.ts';
import { isZone, parseTime, type TimeFormat, timeFormats } from './times.ts';

/** Undefined when a step left the record out. */
export type Parser = (marks: LogMarks, text: Text) => { readonly marks: LogMarks; readonly text: Text } | undefined;

/** `failed`: the record is not of the form that the step reads; it stays as it is. */
type Outcome = 'done' | 'failed' | 'dropped';
type Step = (record: ParsedRecord) => Outcome;
type StepOf<Name extends ParseStep['step']> = Extract<ParseStep, { step: Name }>;

/**
 * Compiles steps that are done one after the other. Throws BRIDGE_CONFIG, which begins with the path of the key, such as
 * `parse[1].patterns[0]`.
 */
export function compileParse(steps: readonly ParseStep[], counters: StepCounters): Parser {
  const compiled = steps.map((step, i) => conditional(step, `parse[${i}]`, counterOf(step, counters)));
  return (marks, text) => {
    const record = new ParsedRecord(marks, text);
    for (const step of compiled) {
      if (step(record) === 'dropped') {
        return undefined;
      }
    }
    return { marks: record.marks(), text: record.text };
  };
}

function counterOf({ step }: ParseStep, counters: StepCounters): Counter {
  return step === 'drop' ? counters.dropped() : counters.unparsed(step);
}

function conditional(step: ParseStep, key: string, counter: Counter): Step {
  const isFor = step.when === undefined ? undefined : compileCondition(step.when, `${key}.when`);
  const run = compileStep(step, key);
  return (record) => {
    if (isFor !== undefined && !isFor(record)) {
      return 'done';
    }
    const outcome = run(record);
    if (outcome !== 'done') {
      counter.add(1);
    }
    return outcome;
  };
}

function compileStep(step: ParseStep, key: string): Step {
  switch (step.step) {
    case 'json':
      return reading(step, jsonFields);
    case 'logfmt':
      return reading(step, logfmtFields);
    case 'access-log':
      return reading(step, accessLog);
    case 'grok':
      return reading(step, grokReader(step, key));
    case 'drop':
      return () => 'dropped';
    case 'level':
      return levelStep(step, key);
    case 'time':
      return timeStep(step, key);
    default:
      return editing(step);
  }
}

/** Steps that change fields that are there; what is not there they leave alone. */
function editing(
  step: Exclude<ParseStep, { step: 'json' | 'logfmt' | 'access-log' | 'grok' | 'drop' | 'level' | 'time' }>,
): Step {
  const edit = editOf(step);
  return (record) => {
    edit(record);
    return 'done';
  };
}

function editOf(step: Parameters<typeof editing>[0]): (record: ParsedRecord) => void {
  switch (step.step) {
    case 'add':
      return (record) => setAll(record, Object.entries(step.fields), '');
    case 'remove':
      return (record) => deleteAll(record, step.fields);
    case 'rename':
      return (record) => rename(record, step.from, step.to);
    case 'cast':
      return (record) => cast(record, step);
    case 'message':
      return (record) => takeMessage(record, step.from);
    default:
      return step satisfies never;
  }
}

function reading(
  { from, prefix = '' }: { from?: string | undefined; prefix?: string | undefined },
  read: FieldReader,
): Step {
  return (record) => {
    const value = record.value(from);
    const fields = value === undefined ? undefined : read(String(value));
    if (fields === undefined) {
      return 'failed';
    }
    setAll(record, fields, prefix);
    return 'done';
  };
}

function setAll(record: ParsedRecord, fields: ReturnType<FieldReader> & object, prefix: string): void {
  for (const [name, value] of fields) {
    record.set(prefix + name, value);
  }
}

function deleteAll({ fields }: ParsedRecord, names: readonly string[]): void {
  for (const name of names) {
    fields.delete(name);
  }
}

function rename(record: ParsedRecord, from: string, to: string): void {
  const value = record.fields.get(from);
  if (value !== undefined) {
    record.fields.delete(from);
    record.set(to, value);
  }
}

function cast(record: ParsedRecord, { field, to }: StepOf<'cast'>): void {
  const value = record.fields.get(field);
  if (value !== undefined) {
    record.set(field, castValue(value, to));
  }
}

function takeMessage(record: ParsedRecord, from: string): void {
  const value = record.fields.get(from);
  if (value !== undefined) {
    record.fields.delete(from);
    record.message = String(value);
  }
}

/** Of characters; where groups are is found out slowly. */
const longestForGrok = 65_536;

function grokReader({ patterns, define }: StepOf<'grok'>, key: string): FieldReader {
  const groks = patterns.map((pattern, i) => compileGrok(`${key}.patterns[${i}]`, pattern, define));
  return (text) => {
    for (const grok of text.length > longestForGrok ? [] : groks) {
      const fields = grok(text);
      if (fields !== undefined) {
        return fields;
      }
    }
    return undefined;
  };
}

const levels: readonly string[] = logLevels;

function levelStep({ from, map = {} }: StepOf<'level'>, key: string): Step {
  const own = new Map(
    Object.entries(map).map(([word, name]) => {
      const level = levels.indexOf(name);
      if (level < 0) {
        throw faulty(`${key}.map`, `"${name}" is not a level; write one of ${logLevels.join(', ')}`);
      }
      return [word.toLowerCase(), level] as const;
    }),
  );
  return (record) => {
    const value = record.fields.get(from);
    if (value === undefined) {
      return 'failed';
    }
    const level = own.get(String(value).toLowerCase()) ?? levelOfText(String(value));
    record.level = level === 0 ? record.level : level;
    return 'done';
  };
}

function timeStep({ from, format, zone }: StepOf<'time'>, key: string): Step {
  if (format !== undefined && !isTimeFormat(format)) {
    throw faulty(`${key}.format`, `"${format}" is not a form of times; write one of ${timeFormats.join(', ')}`);
  }
  if (zone !== undefined && !isZone(zone)) {
    throw faulty(`${key}.zone`, `"${zone}" is not a zone; write one such as "+08:00" or "UTC"`);
  }
  return (record) => {
    const value = record.fields.get(from);
    const time = value === undefined ? undefined : parseTime(String(value), { format, zone }, record);
    if (time === undefined) {
      return 'failed';
    }
    record.seconds = time.seconds;
    record.nanos = time.nanos;
    return 'done';
  };
}

function isTimeFormat(format: string): format is TimeFormat {
  return timeFormats.some((known) => known === format);
}
