import { describe, test } from '@jest/globals';
import { type Case, type Exceptions, withoutExceptions } from './suite.ts';

/** Registers the cases as tests of one component. */
export function describeCases(title: string, cases: readonly Case[], exceptions: Exceptions): void {
  const remaining = withoutExceptions(cases, exceptions);
  describe(title, () => {
    for (const { name, run } of remaining) {
      test(name, run, 20_000);
    }
  });
}
