import { labelTest } from '../lib/label-matcher.ts';
import type { Matcher } from './ast.ts';
import { parseError } from './errors.ts';

export type TextTest = (value: string) => boolean;

/** Throws a syntax fault at a wrong expression. */
export function testOf(matcher: Matcher): TextTest {
  try {
    return labelTest(matcher);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw parseError(`error parsing regexp: ${reason}`);
  }
}
