import { RE2JS } from 're2js';
import type { Counter } from '../../contract/runtime.ts';
import { candidatesIn } from './candidates.ts';
import { compiled } from './compiled.ts';
import { type RedactionRule, rulesOfSet } from './redaction-rules.ts';
import type { Redaction } from './settings.ts';
import type { StepCounters } from './step-counters.ts';
import { bufferOf, type Text, wholeText } from './text.ts';

export type Redactor = (text: Text) => Text;

interface CountedRule extends RedactionRule {
  readonly found: Counter;
}

interface OwnRule {
  readonly pattern: RE2JS;
  readonly replacement: string;
  readonly found: Counter;
}

/** Throws BRIDGE_CONFIG for a pattern that is none. Counts into `meshbridge_log_redacted_total{rule}`. */
export function compileRedaction(redactions: readonly Redaction[], counters: StepCounters): Redactor {
  const rules = [...new Set(redactions.flatMap((one) => (typeof one === 'string' ? rulesOfSet[one] : [])))].map(
    (rule): CountedRule => ({ ...rule, found: counters.redacted(rule.name) }),
  );
  const own = redactions.flatMap((one, i) => {
    return typeof one === 'string' ? [] : [ownRule(one, `redact[${i}].pattern`, counters.redacted(one.name))];
  });
  const wanted = rules.reduce((bits, { candidate }) => bits | candidate, 0);
  return (text) => {
    const known = wanted === 0 ? 0 : wanted & candidatesIn(text.bytes, text.start, text.end);
    const rest = known === 0 ? text : withoutKnown(text, rules, known);
    return own.length === 0 ? rest : withoutOwn(rest, own);
  };
}

function ownRule({ name, pattern, replacement }: Exclude<Redaction, string>, key: string, found: Counter): OwnRule {
  return { pattern: compiled(key, pattern), replacement: replacement ?? RE2JS.quoteReplacement(markOf(name)), found };
}

function markOf(rule: string): string {
  return `[redacted:${rule}]`;
}

function withoutKnown(text: Text, rules: readonly CountedRule[], known: number): Text {
  const before = bufferOf(text).toString('latin1');
  let line = before;
  for (const rule of rules) {
    if ((rule.candidate & known) !== 0) {
      line = replaced(line, rule);
    }
  }
  return line === before ? text : wholeText(Buffer.from(line, 'latin1'));
}

function replaced(line: string, { name, pattern, keeps, length, found }: CountedRule): string {
  return line.replace(pattern, (match: string, ...rest: unknown[]) => {
    const groups = rest.filter((group) => typeof group === 'string').slice(0, -1);
    const before = keeps === 'before' ? groups.join('') : keeps === 'around' ? (groups[0] ?? '') : '';
    const behind = keeps === 'around' ? (groups[1] ?? '') : '';
    const taken = length === undefined ? match.length : length(match);
    // What was replaced once is not found again by a rule that is less exact.
    if (taken === 0 || match.startsWith('[redacted:', before.length)) {
      return match;
    }
    found.add(1);
    return before + quotedAs(before, markOf(name)) + behind + match.slice(taken);
  });
}

/** A number behind a key of JSON becomes text in quotes. */
function quotedAs(before: string, mark: string): string {
  const quote = /(\\{0,7}")[ \t]*:[ \t]*$/.exec(before)?.[1] ?? '';
  return quote + mark + quote;
}

function withoutOwn(text: Text, rules: readonly OwnRule[]): Text {
  const before = bufferOf(text).toString();
  let line = before;
  for (const { pattern, replacement, found } of rules) {
    // Whether it is there is told much faster than where.
    if (pattern.test(line)) {
      found.add(1);
      line = pattern.matcher(line).replaceAll(replacement);
    }
  }
  return line === before ? text : wholeText(Buffer.from(line));
}
