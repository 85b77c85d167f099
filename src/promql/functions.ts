import { absence } from './absent.ts';
import { type CallExpr, type Expr, unparenthesised } from './ast.ts';
import { stringArgument } from './check.ts';
import { calendarFunctions, elementwise, withParameters } from './elementwise.ts';
import { executionError } from './errors.ts';
import type { Evaluator } from './evaluate.ts';
import { histogramQuantile } from './histogram.ts';
import { labelJoin, labelReplace } from './label-functions.ts';
import { overTimeFunctions, overTimeWithParameter } from './over-time.ts';
import { newNumbers, type Row, type Scope, timeAt, type Value } from './query.ts';
import { rateFunctions } from './rates.ts';
import { constantRow, distinct, mapped, merged } from './rows.ts';
import { instantVector } from './select.ts';
import { nanFirst } from './sums.ts';
import { overWindows, type WindowFunction } from './window.ts';

/** A call whose name and arguments have been checked. */
export async function callVector(scope: Scope, call: CallExpr, evaluator: Evaluator): Promise<Value> {
  const special = specials[call.name];
  if (special !== undefined) {
    return special(scope, call, evaluator);
  }
  const rows = (await overRange(scope, call, evaluator)) ?? (await overValues(scope, call, evaluator));
  if (rows === undefined) {
    throw executionError(`the function ${call.name} is not known`);
  }
  return { type: 'vector', rows };
}

async function overRange(
  scope: Scope,
  { name, args }: CallExpr,
  evaluator: Evaluator,
): Promise<readonly Row[] | undefined> {
  const plain = rateFunctions[name] ?? overTimeFunctions[name];
  const parametrised = overTimeWithParameter[name];
  const [range, parameter] = name === 'quantile_over_time' ? [args[1], args[0]] : args;
  let compute: WindowFunction;
  if (plain !== undefined) {
    compute = plain;
  } else if (parametrised !== undefined) {
    compute = parametrised(await evaluator.scalar(scope, parameter));
  } else {
    return undefined;
  }
  const windows = await evaluator.windows(scope, range);
  const keeps = name === 'last_over_time' ? 'keep' : 'drop';
  return distinct(await overWindows(scope, windows, compute, { name: keeps }));
}

async function overValues(scope: Scope, call: CallExpr, evaluator: Evaluator): Promise<readonly Row[] | undefined> {
  const { name, args } = call;
  const simple = elementwise[name];
  if (simple !== undefined) {
    return mapped(scope, await evaluator.rows(scope, args[0]), simple);
  }
  const calendar = calendarFunctions[name];
  if (calendar !== undefined) {
    const rows = args.length === 0 ? [constantRow(scope, [], secondsOf(scope))] : await evaluator.rows(scope, args[0]);
    return mapped(scope, rows, calendar);
  }
  const parametrised = withParameters[name];
  if (parametrised === undefined) {
    return undefined;
  }
  const parameters: Float64Array[] = [];
  for (const arg of args.slice(1)) {
    parameters.push(await evaluator.scalar(scope, arg));
  }
  return mapped(scope, await evaluator.rows(scope, args[0]), (value, step) =>
    parametrised(
      value,
      parameters.map((values) => values[step] ?? Number.NaN),
    ),
  );
}

function secondsOf(scope: Scope): Float64Array {
  return newNumbers(scope).map((_, step) => timeAt(scope.grid, step) / 1_000);
}

type Special = (scope: Scope, call: CallExpr, evaluator: Evaluator) => Promise<Value>;

function ofRows(make: (scope: Scope, call: CallExpr, evaluator: Evaluator) => Promise<readonly Row[]>): Special {
  return async (scope, call, evaluator) => ({ type: 'vector', rows: await make(scope, call, evaluator) });
}

function sorted(direction: 1 | -1): Special {
  return ofRows(async (scope, { args }, evaluator) => {
    const rows = await evaluator.rows(scope, args[0]);
    // Over a range the order means nothing.
    const value = (row: Row): number => row.values[0] ?? 0;
    return rows.toSorted((a, b) => {
      const [one, two] = [value(a), value(b)];
      return Number.isNaN(one) || Number.isNaN(two) ? -nanFirst(one, two) : direction * nanFirst(one, two);
    });
  });
}

const specials: Readonly<Record<string, Special>> = {
  time: async (scope) => ({ type: 'scalar', values: secondsOf(scope) }),
  pi: async (scope) => ({ type: 'scalar', values: newNumbers(scope).fill(Math.PI) }),
  scalar: async (scope, { args }, evaluator) => ({
    type: 'scalar',
    values: onlyValue(scope, await evaluator.rows(scope, args[0])),
  }),
  vector: ofRows(async (scope, { args }, evaluator) => [
    constantRow(scope, [], await evaluator.scalar(scope, args[0])),
  ]),
  timestamp: ofRows(timestamps),
  sort: sorted(1),
  sort_desc: sorted(-1),
  absent: ofRows(async (scope, { args }, evaluator) => absence(scope, args[0], await evaluator.rows(scope, args[0]))),
  absent_over_time: ofRows(async (scope, { args }, evaluator) => {
    const windows = await evaluator.windows(scope, args[0]);
    const present: WindowFunction = (window) => {
      window.result = 1;
      return true;
    };
    return absence(scope, args[0], await overWindows(scope, windows, present, { name: 'keep' }));
  }),
  histogram_quantile: ofRows(async (scope, { args }, evaluator) =>
    histogramQuantile(scope, await evaluator.scalar(scope, args[0]), await evaluator.rows(scope, args[1])),
  ),
  label_replace: ofRows(async (scope, { args }, evaluator) => {
    const [vector, target, template, source, expression] = args;
    return labelReplace(scope, await evaluator.rows(scope, vector), {
      target: stringArgument(target),
      template: stringArgument(template),
      source: stringArgument(source),
      expression: stringArgument(expression),
    });
  }),
  label_join: ofRows(async (scope, { args }, evaluator) => {
    const [vector, target, separator, ...sources] = args;
    return labelJoin(scope, await evaluator.rows(scope, vector), {
      target: stringArgument(target),
      separator: stringArgument(separator),
      sources: sources.map(stringArgument),
    });
  }),
};

/** The value of the one series that is there; NaN where there is none, or several. */
function onlyValue(scope: Scope, rows: readonly Row[]): Float64Array {
  const values = newNumbers(scope).fill(Number.NaN);
  const counts = new Uint32Array(scope.grid.count);
  for (const row of rows) {
    for (const [step, present] of row.present.entries()) {
      if (present === 1) {
        counts[step] = (counts[step] ?? 0) + 1;
        values[step] = row.values[step] ?? 0;
      }
    }
  }
  return values.map((value, step) => (counts[step] === 1 ? value : Number.NaN));
}

/** Of a selector: when its samples were taken; of anything else: the time of evaluation. */
async function timestamps(scope: Scope, { args }: CallExpr, evaluator: Evaluator): Promise<readonly Row[]> {
  const [arg] = args;
  const bare: Expr | undefined = arg === undefined ? undefined : unparenthesised(arg);
  if (bare?.kind === 'selector') {
    return mapped(scope, await instantVector(scope, bare, 'time'), (value) => value);
  }
  const rows = await evaluator.rows(scope, arg);
  return merged(scope, await mapped(scope, rows, (_, step) => timeAt(scope.grid, step) / 1_000));
}
