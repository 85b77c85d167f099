import { describeCases } from './describe-cases.ts';
import { type OutputCase, type OutputSubject, outputCases } from './output-cases.ts';
import type { Exceptions } from './suite.ts';

export * from './output-cases.ts';

/** Shows that an output keeps contract/output.ts. */
export function describeOutput(subject: OutputSubject, exceptions: Exceptions<OutputCase> = {}): void {
  describeCases(`output ${subject.definition.type} keeps the contract`, outputCases(subject), exceptions);
}
