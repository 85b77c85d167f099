import { BridgeError } from '../../contract/errors.ts';
import type { Counter, Meter } from '../../contract/runtime.ts';
import { compileLogSteps } from './log-steps.ts';
import { type LogSettings, type LogSteps, plainLogSettings } from './settings.ts';
import { StepCounters } from './step-counters.ts';

interface Compiled {
  readonly steps: LogSteps;
  /** What is wrong with the settings, each with its key; that part is left out. */
  readonly faults: readonly string[];
}

/** What steps are made of; the rest of the settings is of no account to them. */
type Content = Pick<LogSettings, 'encoding' | 'removeAnsi' | 'multiline' | 'redact' | 'parse'>;

/** Compiles equal settings once. What is faulty of them is left out, so that a bad pattern of one pod keeps no line back. */
export class StepsCache {
  readonly #meter: Pick<Meter, 'counter'>;
  readonly #ofObject = new WeakMap<LogSettings, Compiled>();
  readonly #ofText = new Map<string, WeakRef<Compiled>>();

  constructor(meter: Pick<Meter, 'counter'>) {
    this.#meter = meter;
    new StepCounters(meter).register();
  }

  of(settings: LogSettings): Compiled {
    const known = this.#ofObject.get(settings);
    if (known !== undefined) {
      return known;
    }
    const { encoding, removeAnsi, multiline, redact, parse } = settings;
    const content = { encoding, removeAnsi, multiline, redact, parse };
    const key = JSON.stringify(content);
    const compiled = this.#ofText.get(key)?.deref() ?? compileSound(content, this.#meter);
    this.#ofObject.set(settings, compiled);
    this.#ofText.set(key, new WeakRef(compiled));
    for (const [text, reference] of this.#ofText) {
      if (reference.deref() === undefined) {
        this.#ofText.delete(text);
      }
    }
    return compiled;
  }
}

/** What is wrong with patterns and steps of the settings, all of it; each begins with its key. For `check` and explanations. */
export function faultsOfLogSettings(settings: Content): readonly string[] {
  return compileSound(settings, { counter: () => noCounter }).faults;
}

const noCounter: Counter = { add: () => undefined, value: 0 };

function compileSound(content: Content, meter: Pick<Meter, 'counter'>): Compiled {
  const faults: string[] = [];
  const isSound = (part: Partial<Content>): boolean => {
    const fault = faultOf(part);
    faults.push(...(fault === undefined ? [] : [fault]));
    return fault === undefined;
  };
  const { encoding, removeAnsi, multiline, redact, parse } = content;
  const sound = {
    encoding,
    removeAnsi,
    multiline: isSound({ multiline }) ? multiline : plainLogSettings.multiline,
    // The places in the lists are kept for the words of faults.
    redact: redact.filter((_, i) => isSound({ redact: redact.map((rule, j) => (i === j ? rule : 'tokens')) })),
    parse: isSound({ parse }) ? parse : [],
  };
  return { steps: compileLogSteps({ ...plainLogSettings, ...sound }, meter), faults };
}

function faultOf(part: Partial<Content>): string | undefined {
  try {
    compileLogSteps({ ...plainLogSettings, ...part }, { counter: () => noCounter });
    return undefined;
  } catch (error) {
    if (error instanceof BridgeError) {
      return error.message;
    }
    throw error;
  }
}
