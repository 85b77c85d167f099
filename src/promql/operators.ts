type Operator = (left: number, right: number) => number;

/** Go's math.Pow, which knows 1 where JavaScript has NaN. */
function power(base: number, exponent: number): number {
  if (base === 1 || (base === -1 && Math.abs(exponent) === Number.POSITIVE_INFINITY)) {
    return 1;
  }
  return base ** exponent;
}

export const arithmetic: Readonly<Record<string, Operator>> = {
  '+': (left, right) => left + right,
  '-': (left, right) => left - right,
  '*': (left, right) => left * right,
  '/': (left, right) => left / right,
  '%': (left, right) => left % right,
  '^': power,
  atan2: Math.atan2,
};

const comparing: Readonly<Record<string, (left: number, right: number) => boolean>> = {
  '==': (left, right) => left === right,
  '!=': (left, right) => left !== right,
  '>': (left, right) => left > right,
  '<': (left, right) => left < right,
  '>=': (left, right) => left >= right,
  '<=': (left, right) => left <= right,
};

/** What becomes of a pair: a number, or undefined where a comparison drops it. */
export type Combine = (left: number, right: number) => number | undefined;

/** `kept` is the side whose value a comparison without `bool` gives. */
export function combiner(op: string, how: { readonly bool: boolean; readonly kept: 'left' | 'right' }): Combine {
  const compare = comparing[op];
  if (compare === undefined) {
    return arithmetic[op] ?? (() => undefined);
  }
  if (how.bool) {
    return (left, right) => (compare(left, right) ? 1 : 0);
  }
  return how.kept === 'left'
    ? (left, right) => (compare(left, right) ? left : undefined)
    : (left, right) => (compare(left, right) ? right : undefined);
}
