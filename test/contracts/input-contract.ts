import { describeCases } from './describe-cases.ts';
import { type InputCase, type InputSubject, inputCases } from './input-cases.ts';
import type { Exceptions } from './suite.ts';

export * from './input-cases.ts';

/** Shows that an input keeps contract/input.ts. */
export function describeInput(subject: InputSubject, exceptions: Exceptions<InputCase> = {}): void {
  describeCases(`input ${subject.definition.type} keeps the contract`, inputCases(subject), exceptions);
}
