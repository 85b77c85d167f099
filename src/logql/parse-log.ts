import type { LogExpr, Matcher } from './ast.ts';
import { parseError } from './errors.ts';
import { testOf } from './matcher.ts';
import { matcherOf, stagesOf } from './parse-stages.ts';
import type { Tree } from './tree.ts';

export function logOf(tree: Tree): LogExpr {
  const inner = tree.child('LogExpr');
  if (inner !== undefined) {
    return logOf(inner);
  }
  const matchers = tree
    .only('Selector')
    .all('Matchers')
    .flatMap((list) => list.listed('Matcher'))
    .map(matcherOf);
  checkMatchers(matchers);
  return { kind: 'log', matchers, stages: stagesOf(tree) };
}

/** One of them must ask for something that is there. */
function checkMatchers(matchers: readonly Matcher[]): void {
  if (!matchers.some((matcher) => !testOf(matcher)(''))) {
    throw needsMatcher();
  }
}

export function needsMatcher(): Error {
  return parseError(
    'queries require at least one regexp or equality matcher that does not have an empty-compatible value. ' +
      'For instance, app=~".*" does not meet this requirement, but app=~".+" will',
  );
}
