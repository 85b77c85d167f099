import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { type Outcome, runPromqltest } from '../../test/promql/promqltest.ts';

const directory = join(process.env['MESHBRIDGE_SHARED'] ?? '../shared', 'conformance/promql');

/** Evals of each file that pass; those that do not run need native histograms, or functions that only a flag switches on. */
const passing: Readonly<Record<string, number>> = {
  'aggregators.test': 123,
  'literals.test': 25,
  'operators.test': 142,
  'range_queries.test': 14,
  'selectors.test': 31,
  'staleness.test': 17,
};
const notRun = /^native histograms$|limitk|limit_ratio|sort_by_label/;

test.each(Object.entries(passing))("Prometheus' own %s passes with %d evals", async (file, count) => {
  const outcomes = await runPromqltest(readFileSync(join(directory, file), 'utf8'));
  const shown = ({ line, eval: text, failure }: Outcome): string => `${line}: ${text}\n${failure}`;
  expect(outcomes.filter(({ failure }) => failure !== undefined).map(shown)).toEqual([]);
  const skipped = outcomes.flatMap((outcome) => outcome.skipped ?? []);
  expect(skipped.filter((reason) => !notRun.test(reason))).toEqual([]);
  expect(outcomes.length - skipped.length).toBe(count);
});
