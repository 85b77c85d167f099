import { isDeepStrictEqual } from 'node:util';
import { expressionIn } from './test-file.ts';

export type TestItem = Readonly<Record<string, unknown>>;

/** One key of the nearest item that is not as it should be; `path` such as `tags.cluster`. */
export interface KeyDifference {
  readonly path: string;
  readonly expected: unknown;
  /** Left out where the item has no such key. */
  readonly actual?: unknown;
}

/** One thing that is not as a test expects it. */
export interface Difference {
  /** Whole line. */
  readonly message: string;
  /** Of what was expected and is not there: the item that comes nearest, and where it differs. */
  readonly nearest?: TestItem;
  readonly keys?: readonly KeyDifference[];
  /** Items that are there, at most 20. */
  readonly items?: readonly TestItem[];
}

export interface Expectations {
  readonly expect: readonly TestItem[];
  readonly absent: readonly TestItem[];
  readonly count?: number | undefined;
}

const mostItems = 20;

/**
 * Holds items against patterns. All keys of a pattern must be there and fit; a text between slashes is a regular expression;
 * null stands for a key that is not there.
 */
export function differences(
  { expect, absent, count }: Expectations,
  items: readonly TestItem[],
): readonly Difference[] {
  const missing = expect.flatMap((pattern) => missingOf(pattern, items));
  const unwanted = absent.flatMap((pattern) => {
    const found = items.filter((item) => keyDifferences(pattern, item).length === 0);
    const message = `${counted(found.length)} like ${JSON.stringify(pattern)}, which should be absent`;
    return found.length === 0 ? [] : [{ message, items: found.slice(0, mostItems) }];
  });
  const message = `there ${items.length === 1 ? 'is' : 'are'} ${counted(items.length)}, not ${count}`;
  const isOff = count !== undefined && items.length !== count;
  return [...missing, ...unwanted, ...(isOff ? [{ message, items: items.slice(0, mostItems) }] : [])];
}

function missingOf(pattern: TestItem, items: readonly TestItem[]): readonly Difference[] {
  let best: { readonly item: TestItem; readonly keys: readonly KeyDifference[] } | undefined;
  for (const item of items) {
    const keys = keyDifferences(pattern, item);
    if (keys.length === 0) {
      return [];
    }
    if (best === undefined || distance(keys) < distance(best.keys)) {
      best = { item, keys };
    }
  }
  const message = `nothing is like ${JSON.stringify(pattern)}`;
  return [best === undefined ? { message, items: [] } : { message, nearest: best.item, keys: best.keys }];
}

/** Of another signal it is never near, and a name says more than the rest. */
function distance(keys: readonly KeyDifference[]): number {
  const weights: Readonly<Record<string, number>> = { signal: 1_000, name: 10, measurement: 10 };
  return keys.reduce((sum, { path }) => sum + (weights[path] ?? 1), 0);
}

function keyDifferences(pattern: unknown, value: unknown, path = ''): readonly KeyDifference[] {
  const expression = expressionIn(pattern);
  if (expression !== undefined && typeof value === 'string') {
    return new RegExp(expression).test(value) ? [] : [{ path, expected: pattern, actual: value }];
  }
  if (pattern === null) {
    return value === undefined ? [] : [{ path, expected: pattern, actual: value }];
  }
  if (typeof pattern !== 'object' || Array.isArray(pattern)) {
    const isSame = isDeepStrictEqual(pattern, value);
    return isSame ? [] : [{ path, expected: pattern, ...(value !== undefined && { actual: value }) }];
  }
  const fields = typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {};
  return Object.entries(pattern).flatMap(([key, inner]) =>
    keyDifferences(inner, fields[key], path === '' ? key : `${path}.${key}`),
  );
}

/** A difference as people read it. */
export function linesOf({ message, nearest, keys = [], items }: Difference): readonly string[] {
  const near = nearest === undefined ? [] : [`  nearest  ${JSON.stringify(nearest)}`];
  const at = keys.map(({ path, expected, actual }) => {
    const is = actual === undefined ? 'is missing' : `is ${JSON.stringify(actual)}`;
    return `  ${path} ${is}, expected ${expected === null ? 'none' : JSON.stringify(expected)}`;
  });
  const there = items?.map((item) => `  there is ${JSON.stringify(item)}`) ?? [];
  return [message, ...near, ...at, ...(items?.length === 0 ? ['  there are no items'] : there)];
}

function counted(count: number): string {
  return `${count} item${count === 1 ? '' : 's'}`;
}
