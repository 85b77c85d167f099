import type { ValueType } from './ast.ts';

export interface Signature {
  readonly args: readonly ValueType[];
  /** How many of the last arguments may be left out; `any`: the last may also be repeated. */
  readonly optional: number | 'any';
  readonly returns: ValueType;
}

function all(names: string, args: readonly ValueType[], optional: number | 'any' = 0): [string, Signature][] {
  return names.split(' ').map((name) => [name, { args, optional, returns: 'vector' }]);
}

/** The stable functions of PromQL that are evaluated here. */
export const signatures: ReadonlyMap<string, Signature> = new Map([
  ...all('rate increase delta irate idelta deriv changes resets absent_over_time', ['matrix']),
  ...all('avg_over_time min_over_time max_over_time sum_over_time count_over_time last_over_time', ['matrix']),
  ...all('stddev_over_time stdvar_over_time present_over_time', ['matrix']),
  ...all('quantile_over_time', ['scalar', 'matrix']),
  ...all('predict_linear', ['matrix', 'scalar']),
  ...all('abs ceil floor exp sqrt ln log2 log10 sgn deg rad absent sort sort_desc timestamp', ['vector']),
  ...all('sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh', ['vector']),
  ...all('day_of_month day_of_week day_of_year days_in_month hour minute month year', ['vector'], 1),
  ...all('round', ['vector', 'scalar'], 1),
  ...all('clamp', ['vector', 'scalar', 'scalar']),
  ...all('clamp_min clamp_max', ['vector', 'scalar']),
  ...all('histogram_quantile', ['scalar', 'vector']),
  ...all('label_replace', ['vector', 'string', 'string', 'string', 'string']),
  ...all('label_join', ['vector', 'string', 'string', 'string'], 'any'),
  ...all('vector', ['scalar']),
  ['scalar', { args: ['vector'], optional: 0, returns: 'scalar' }],
  ['time', { args: [], optional: 0, returns: 'scalar' }],
  ['pi', { args: [], optional: 0, returns: 'scalar' }],
]);

/** Functions of Prometheus 3 that a query may name and that this version refuses. */
export const laterFunctions: ReadonlySet<string> = new Set(
  (
    'histogram_avg histogram_count histogram_sum histogram_fraction histogram_stddev histogram_stdvar histogram_quantiles ' +
    'double_exponential_smoothing holt_winters first_over_time mad_over_time ts_of_first_over_time ts_of_last_over_time ' +
    'ts_of_max_over_time ts_of_min_over_time info sort_by_label sort_by_label_desc start end step range min_of max_of ' +
    'start_timestamp'
  ).split(' '),
);

/** What the parameter of an aggregation must be; absent: it has none. */
export const aggregationParams: ReadonlyMap<string, ValueType> = new Map([
  ['topk', 'scalar'],
  ['bottomk', 'scalar'],
  ['quantile', 'scalar'],
  ['count_values', 'string'],
]);
