import type { RE2JS } from 're2js';
import type { Follower } from './follower.ts';
import { beginOf, bufferOf, type Text } from './text.ts';

const day = '(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)';
const month = '(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)';
const clock = '\\d{1,2}:\\d{2}:\\d{2}';
/** What may stand before the time: a bracket, or a level. */
const before = '^(?:[\\[(<"\']|[A-Za-z]{3,8}[:\\s]{0,2}[\\s\\[(]{0,4})?';

/** How programs begin the lines of their logs. What does not begin so continues the line before. */
const dateForms = [
  `${before}\\d{4}-\\d{2}-\\d{2}[T ]${clock}`, // 2026-11-21T09:39:00.123Z; log4j, logback, Python
  `${before}\\d{4}/\\d{2}/\\d{2}[ T-]${clock}`, // 2026/11/21 09:39:00 of Go and nginx
  `${before}\\d{4}\\.\\d{2}\\.\\d{2}[ T-]${clock}`,
  `${before}\\d{8}[T ]?(?:\\d{6}|${clock})`, // 20261121 09:39:00
  `${before}\\d{1,2}/${month}/\\d{4}[: ]${clock}`, // 21/Nov/2026:09:39:00 of web servers
  `${before}\\d{1,2}[-/.]\\d{1,2}[-/.]\\d{2,4}[ T,]{1,2}${clock}`, // 21.11.2026 09:39:00
  `${before}\\d{1,2}[- ]${month}[- ]\\d{2,4}[ ,]{1,2}${clock}`, // 21-Nov-2026 09:39:00 of Tomcat
  `${before}\\d{2} ${month} \\d{2} \\d{2}:\\d{2} `, // RFC 822
  `${before}${day}[a-z]{0,6},? \\d{1,2}[- ]${month}[- ]\\d{2,4} ${clock}`, // RFC 850, RFC 1123
  `${before}${day} ${month} [ \\d]\\d ${clock}`, // C's asctime, date(1), Ruby
  `${before}${month} {1,2}\\d{1,2},? (?:\\d{4},? )?${clock}`, // syslog, java.util.logging
  '^[IWEFD]\\d{4} \\d{2}:\\d{2}:\\d{2}', // klog
  `${before}${clock}[.,]\\d{3}\\b`, // a time of day
  `${before}\\d{10}(?:\\d{3})?(?:\\.\\d+)?[\\s\\])]`, // seconds or milliseconds since 1970
].map((form) => new RegExp(form));

/** These have their time further behind, or none. */
const otherForms = [/^\{\s*"/, /^(?:time|ts|timestamp|t|level|lvl|severity|msg)=\S/];

/** Forms look at this much of a line, patterns of users at this. */
const formReach = 96;
const patternReach = 4_096;

/** Follows one stream; a line that one of the patterns is found in begins a record. */
export class FirstLineFollower implements Follower {
  readonly #forms: RegExp[];
  readonly #patterns: readonly RE2JS[];
  /** Before one was found, lines that are indented continue. */
  #isKnown = false;

  constructor(by: 'pattern' | 'dates', patterns: readonly RE2JS[]) {
    this.#forms = by === 'dates' ? [...dateForms, ...otherForms] : [];
    this.#patterns = patterns;
  }

  judge(text: Text): 'begin' | 'continue' | 'alone' {
    if (this.#isFirst(text)) {
      this.#isKnown = true;
      return 'begin';
    }
    const first = text.bytes[text.start];
    const isIndented = text.end > text.start && (first === 32 || first === 9);
    return this.#isKnown || isIndented ? 'continue' : 'begin';
  }

  reset(): void {
    // What the lines look like has been learned; only what was open is forgotten.
  }

  #isFirst(text: Text): boolean {
    return (this.#forms.length > 0 && this.#hasForm(text)) || this.#hasPattern(text);
  }

  #hasForm(text: Text): boolean {
    const line = beginOf(text, formReach);
    const at = this.#forms.findIndex((form) => form.test(line));
    if (at > 0) {
      // A program has one form: ask for it first from now on.
      this.#forms.unshift(...this.#forms.splice(at, 1));
    }
    return at >= 0;
  }

  #hasPattern(text: Text): boolean {
    if (this.#patterns.length === 0) {
      return false;
    }
    const line = bufferOf({ ...text, end: Math.min(text.end, text.start + patternReach) }).toString();
    return this.#patterns.some((pattern) => pattern.test(line));
  }
}
