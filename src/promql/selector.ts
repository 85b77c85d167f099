import type { SyntaxNode } from '@lezer/common';
import { labelTest } from '../lib/label-matcher.ts';
import type { SelectorExpr } from './ast.ts';
import { syntaxError } from './errors.ts';
import { metricName } from './labels.ts';
import type { Matcher } from './source.ts';
import { children, type Source, stringValue, textOf } from './tree.ts';

/** `name{a="b", "quoted.name", "quoted.label"!~"c"}` */
export function selector(source: Source, node: SyntaxNode): SelectorExpr {
  const matchers: Matcher[] = [];
  const [first, second] = children(node);
  if (first?.name === 'Identifier') {
    matchers.push(nameMatcher(textOf(source, first)));
  }
  const braces = first?.name === 'LabelMatchers' ? first : second;
  for (const part of braces === undefined ? [] : children(braces)) {
    const matcher = matcherOf(source, part);
    const named = matchers.find(({ name, op }) => name === metricName && op === '=');
    if (named !== undefined && matcher.name === metricName && (first?.name === 'Identifier' || isBareName(part))) {
      const names = `${JSON.stringify(named.value)} or ${JSON.stringify(matcher.value)}`;
      throw syntaxError(source.query, node.from, `metric name must not be set twice: ${names}`);
    }
    matchers.push(matcher);
  }
  if (matchers.every((matcher) => labelTest(matcher)(''))) {
    const what = 'vector selector must contain at least one non-empty matcher';
    throw syntaxError(source.query, node.from, what);
  }
  return { kind: 'selector', matchers, from: node.from, to: node.to };
}

function isBareName(part: SyntaxNode): boolean {
  return part.name === 'QuotedLabelName';
}

function nameMatcher(value: string): Matcher {
  return { name: metricName, op: '=', value };
}

function matcherOf(source: Source, part: SyntaxNode): Matcher {
  const [label, op, value] = children(part);
  if (part.name === 'QuotedLabelName' || label === undefined || op === undefined || value === undefined) {
    return nameMatcher(stringValue(source, label ?? part));
  }
  const name =
    label.name === 'QuotedLabelName' ? stringValue(source, label.firstChild ?? label) : textOf(source, label);
  const matcher: Matcher = { name, op: opOf(textOf(source, op)), value: stringValue(source, value) };
  try {
    labelTest(matcher);
  } catch (error) {
    const reason = error instanceof Object && 'message' in error ? String(error.message) : 'not a regular expression';
    throw syntaxError(source.query, label.from, reason);
  }
  return matcher;
}

function opOf(text: string): Matcher['op'] {
  return text === '=' || text === '!=' || text === '=~' ? text : '!~';
}
