import { parseError } from './errors.ts';
import type { LineParser } from './json-parser.ts';
import type { LineLabels } from './line-labels.ts';
import { compiled } from './pattern-text.ts';

interface Capture {
  /** Undefined for `<_>`. */
  readonly name: string | undefined;
  /** What ends it; '' at the end of the pattern. */
  readonly until: string;
}

const captureShape = /<([a-zA-Z_][a-zA-Z0-9_]*)>/g;

/** `<ip> - <_> "<method> <path>"`: texts between the marks stand in the line, the rest is captured. */
export function patternParser(pattern: string): LineParser {
  const { before, captures } = capturesOf(pattern);
  return (text, labels) => {
    const begin = text.indexOf(before);
    if (begin >= 0) {
      captureAll(captures, text, { at: begin + before.length, labels });
    }
  };
}

function captureAll(
  captures: readonly Capture[],
  text: string,
  { at: begin, labels }: { readonly at: number; readonly labels: LineLabels },
): void {
  let at = begin;
  for (const { name, until } of captures) {
    const found = until === '' ? text.length : text.indexOf(until, at);
    const value = text.slice(at, found < 0 ? undefined : found);
    if (name !== undefined && value !== '') {
      labels.extract(name, value);
    }
    if (found < 0) {
      return;
    }
    at = found + until.length;
  }
}

function capturesOf(pattern: string): { before: string; captures: Capture[] } {
  const marks = [...pattern.matchAll(captureShape)];
  const names = marks.map(([, name = '']) => name).filter((name) => name !== '_');
  if (names.length === 0) {
    throw parseError(`at least one capture is required: invalid pattern ${JSON.stringify(pattern)}`);
  }
  if (new Set(names).size < names.length) {
    throw parseError(`duplicate capture name: invalid pattern ${JSON.stringify(pattern)}`);
  }
  const captures = marks.map(({ 0: mark, 1: name, index }, i) => {
    const until = pattern.slice(index + mark.length, marks[i + 1]?.index);
    if (until === '' && i < marks.length - 1) {
      throw parseError(`found consecutive capture: invalid pattern ${JSON.stringify(pattern)}`);
    }
    return { name: name === '_' ? undefined : name, until };
  });
  return { before: pattern.slice(0, marks[0]?.index), captures };
}

/** Named groups become labels. */
export function regexpParser(pattern: string): LineParser {
  const expression = compiled(pattern);
  const groups = Object.entries(expression.namedGroups());
  if (groups.length === 0) {
    throw parseError('at least one named capture must be supplied');
  }
  return (text, labels) => {
    const matcher = expression.matcher(text);
    if (!matcher.find()) {
      return;
    }
    for (const [name, group] of groups) {
      labels.extract(name, matcher.group(Number(group)) ?? '');
    }
  };
}
