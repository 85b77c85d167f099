import type { Counter, Meter } from '../../contract/runtime.ts';
import { rulesOfSet } from './redaction-rules.ts';

/** Steps that read something, and may fail to. */
const readingSteps = ['json', 'logfmt', 'grok', 'access-log', 'level', 'time'] as const;

/** What steps count. Asked again for the same, the meter gives the same counter. */
export class StepCounters {
  readonly #meter: Pick<Meter, 'counter'>;

  constructor(meter: Pick<Meter, 'counter'>) {
    this.#meter = meter;
  }

  /** So that all are there, with 0, before there is anything to count. */
  register(): void {
    this.replaced();
    this.dropped();
    for (const rule of Object.values(rulesOfSet).flat()) {
      this.redacted(rule.name);
    }
    for (const step of readingSteps) {
      this.unparsed(step);
    }
  }

  replaced(): Counter {
    const help = 'Characters of log lines that were not of the encoding that is set, and became U+FFFD.';
    return this.#meter.counter('meshbridge_log_replaced_characters_total', help);
  }

  redacted(rule: string): Counter {
    return this.#meter.counter(
      'meshbridge_log_redacted_total',
      'What was replaced in log lines, by the rule that found it.',
      {
        rule,
      },
    );
  }

  dropped(): Counter {
    return this.#meter.counter('meshbridge_log_dropped_total', 'Records of logs that a parsing step left out.');
  }

  unparsed(step: string): Counter {
    const help = 'Records of logs that a parsing step could not read; they stay as they are.';
    return this.#meter.counter('meshbridge_log_unparsed_total', help, { step });
  }
}
