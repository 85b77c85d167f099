import { expect, test } from '@jest/globals';
import { sumOf, tallyOf, verdictOf } from '../run/tally.ts';

const results = [
  { status: 'passed', fullName: 'a passes' },
  { status: 'failed', fullName: 'b fails' },
  { status: 'pending', fullName: 'c waits' },
  { status: 'todo', fullName: 'd is to be written' },
];
const report = {
  numPassedTests: 1,
  numFailedTests: 1,
  numRuntimeErrorTestSuites: 1,
  testResults: [{ name: 'x.test.ts', assertionResults: results }],
};

test('counts a file that cannot be run and a suite without a report as failures', () => {
  expect(tallyOf(report)).toEqual({ passed: 1, failed: 2, skipped: ['c waits', 'd is to be written'] });
  expect(tallyOf(undefined)).toEqual({ passed: 0, failed: 1, skipped: [] });
  expect(sumOf([tallyOf(report), tallyOf(undefined)])).toMatchObject({ passed: 1, failed: 3 });
});

test('a skipped test is a failure where nothing may be skipped', () => {
  const tally = { passed: 3, failed: 0, skipped: ['c waits'] };
  expect(verdictOf(tally, 'allowed')).toEqual({ line: '3 passed, 0 failed, 1 skipped', good: true });
  expect(verdictOf(tally, 'fails')).toEqual({ line: '3 passed, 1 failed', good: false });
});

test('a run of no test is not good', () => {
  expect(verdictOf({ passed: 0, failed: 0, skipped: [] }, 'fails')).toEqual({
    line: '0 passed, 0 failed',
    good: false,
  });
});
