import type { LogSettings } from '../../pipeline/logs/settings.ts';
import { faultsOfLogSettings } from '../../pipeline/logs/steps-cache.ts';

const mostKept = 500;

/** What is wrong with patterns and steps. As many containers as have the same settings are looked at once. */
export class PatternFaults {
  readonly #known = new Map<string, readonly string[]>();

  faultsOf({ encoding, removeAnsi, multiline, redact, parse }: LogSettings): readonly string[] {
    if (multiline.by === 'off' && redact.length === 0 && parse.length === 0) {
      return [];
    }
    const content = { encoding, removeAnsi, multiline, redact, parse };
    const key = JSON.stringify(content);
    const faults = this.#known.get(key) ?? faultsOfLogSettings(content);
    if (this.#known.size >= mostKept) {
      this.#known.clear();
    }
    this.#known.set(key, faults);
    return faults;
  }
}
