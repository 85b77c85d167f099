import { RE2JS } from 're2js';
import { executionError } from './errors.ts';
import { labelValue, withLabel } from './labels.ts';
import type { Row, Scope } from './query.ts';
import { merged } from './rows.ts';

export interface Replacement {
  readonly target: string;
  readonly template: string;
  readonly source: string;
  readonly expression: string;
}

/** A series whose source label the whole expression matches gets the template, filled in, as its target label. */
export function labelReplace(scope: Scope, rows: readonly Row[], replacement: Replacement): readonly Row[] {
  const { target, template, source, expression } = replacement;
  const pattern = compiled(expression);
  checkName(target, 'label_replace');
  const made = rows.map((row) => {
    const matcher = pattern.matcher(labelValue(row.labels, source));
    if (!matcher.matches()) {
      return row;
    }
    const named = pattern.namedGroups();
    const value = expanded(template, (name) => {
      const index = /^\d+$/.test(name) ? Number(name) : named[name];
      return index === undefined || index > matcher.groupCount() ? '' : (matcher.group(index) ?? '');
    });
    return { ...row, labels: withLabel(row.labels, target, value) };
  });
  return merged(scope, made);
}

function compiled(expression: string): RE2JS {
  try {
    return RE2JS.compile(expression, RE2JS.DOTALL);
  } catch {
    throw executionError(`invalid regular expression in label_replace(): ${expression}`);
  }
}

function checkName(name: string, where: string): void {
  if (name === '' || !name.isWellFormed()) {
    throw executionError(`invalid destination label name in ${where}(): ${name}`);
  }
}

/** Go's Regexp.Expand: `$1`, `$name`, `${name}`, `$$`; the longest name counts. */
function expanded(template: string, group: (name: string) => string): string {
  return template.replaceAll(/\$(?:\$|(\w+)|\{(\w+)\})/g, (whole, bare?: string, braced?: string) => {
    const name = bare ?? braced;
    return name === undefined ? whole.slice(1) : group(name);
  });
}

export interface Joining {
  readonly target: string;
  readonly separator: string;
  readonly sources: readonly string[];
}

export function labelJoin(scope: Scope, rows: readonly Row[], { target, separator, sources }: Joining): readonly Row[] {
  checkName(target, 'label_join');
  const made = rows.map((row) => {
    const value = sources.map((source) => labelValue(row.labels, source)).join(separator);
    return { ...row, labels: withLabel(row.labels, target, value) };
  });
  return merged(scope, made);
}
