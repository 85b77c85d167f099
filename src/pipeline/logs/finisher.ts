import { sniffLevel } from '../../codec/log-block/level.ts';
import type { LogBlockBuilder, LogMarks } from '../../codec/log-block/log-block-builder.ts';
import { compileParse, type Parser } from './parse.ts';
import { compileRedaction, type Redactor } from './redact.ts';
import type { LogSettings } from './settings.ts';
import type { StepCounters } from './step-counters.ts';
import type { Text } from './text.ts';

/** What is done with a record when all its lines are there: redacts it, takes fields out of it, and puts it into the block. */
export class Finisher {
  readonly isPlain: boolean;
  readonly #redactor: Redactor | undefined;
  readonly #parser: Parser | undefined;

  /** Throws BRIDGE_CONFIG. */
  constructor({ redact, parse }: Pick<LogSettings, 'redact' | 'parse'>, counters: StepCounters) {
    this.#redactor = redact.length === 0 ? undefined : compileRedaction(redact, counters);
    this.#parser = parse.length === 0 ? undefined : compileParse(parse, counters);
    this.isPlain = this.#redactor === undefined && this.#parser === undefined;
  }

  /** False when a step left the record out. */
  finish(marks: Omit<LogMarks, 'level'>, text: Text, into: LogBlockBuilder): boolean {
    const { seconds, nanos, flags } = marks;
    const kept = this.#redactor === undefined ? text : this.#redactor(text);
    const level = sniffLevel(kept.bytes, kept.start, kept.end);
    if (this.#parser === undefined) {
      into.append({ seconds, nanos, flags, level }, kept.bytes, kept.start, kept.end);
      return true;
    }
    const parsed = this.#parser({ seconds, nanos, flags, level }, kept);
    if (parsed === undefined) {
      return false;
    }
    into.append(parsed.marks, parsed.text.bytes, parsed.text.start, parsed.text.end);
    return true;
  }
}
