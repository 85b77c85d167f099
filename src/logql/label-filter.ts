import type { Comparison, LabelFilter } from './ast.ts';
import type { LineLabels } from './line-labels.ts';
import { testOf } from './matcher.ts';
import { byteCount, durationSeconds, floatOf } from './units.ts';

export type LabelTest = (labels: LineLabels) => boolean;

export const filterFault = 'LabelFilterErr';

/** Where a value is no number, the line passes and has an `__error__`, as in Loki. */
export function labelTest(filter: LabelFilter): LabelTest {
  switch (filter.kind) {
    case 'and': {
      const [left, right] = [labelTest(filter.left), labelTest(filter.right)];
      return (labels) => left(labels) && right(labels);
    }
    case 'or': {
      const [left, right] = [labelTest(filter.left), labelTest(filter.right)];
      return (labels) => left(labels) || right(labels);
    }
    case 'text': {
      const { name } = filter.matcher;
      const test = testOf(filter.matcher);
      return (labels) => test(labels.get(name));
    }
    default:
      return numberTest(filter);
  }
}

const readers = { number: floatOf, duration: durationSeconds, bytes: byteCount } as const;

function numberTest({ kind, name, op, value }: Extract<LabelFilter, { readonly value: number }>): LabelTest {
  const read = readers[kind];
  const holds = comparisons[op];
  return (labels) => {
    const text = labels.get(name);
    if (text === '') {
      return false;
    }
    const number = read(text);
    if (number === undefined) {
      labels.fail(filterFault, `${JSON.stringify(text)} is no ${kind}`);
      return true;
    }
    return holds(number, value);
  };
}

const comparisons: Readonly<Record<Comparison, (a: number, b: number) => boolean>> = {
  '=': (a, b) => a === b,
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
};
