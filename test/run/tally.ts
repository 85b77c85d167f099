/** What a run of jest wrote with --json, as far as it is counted. */
export interface JestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numRuntimeErrorTestSuites: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly message?: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

export interface Tally {
  readonly passed: number;
  readonly failed: number;
  /** Full names. */
  readonly skipped: readonly string[];
}

/** A test file that could not be run counts as one failure; so does a suite that left no report. */
export function tallyOf(report: JestReport | undefined): Tally {
  if (report === undefined) {
    return { passed: 0, failed: 1, skipped: [] };
  }
  const results = report.testResults.flatMap(({ assertionResults }) => assertionResults);
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + report.numRuntimeErrorTestSuites,
    skipped: results.filter(({ status }) => status !== 'passed' && status !== 'failed').map(({ fullName }) => fullName),
  };
}

export function sumOf(tallies: readonly Tally[]): Tally {
  return {
    passed: tallies.reduce((sum, { passed }) => sum + passed, 0),
    failed: tallies.reduce((sum, { failed }) => sum + failed, 0),
    skipped: tallies.flatMap(({ skipped }) => skipped),
  };
}

/** Where nothing may be skipped, a skipped test has failed; and a run without any test has failed. */
export function verdictOf(tally: Tally, skipping: 'allowed' | 'fails'): { line: string; good: boolean } {
  const skipped = tally.skipped.length;
  const failed = tally.failed + (skipping === 'fails' ? skipped : 0);
  const rest = skipping === 'allowed' && skipped > 0 ? `, ${skipped} skipped` : '';
  return { line: `${tally.passed} passed, ${failed} failed${rest}`, good: failed === 0 && tally.passed > 0 };
}
