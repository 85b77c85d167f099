import { z } from 'zod';
import { RecordDecoders } from '../../src/codec/record-decoder.ts';
import type { InputDefinition } from '../../src/contract/input.ts';
import type { OutputDefinition, RecordDecoder } from '../../src/contract/output.ts';
import type { UserInput, UserOutput } from '../../src/contract/user-component.ts';
import { asInputDefinition } from '../../src/inputs/module/user-input.ts';
import { definitionOf, type UserDefinition } from '../../src/lib/user-definition.ts';
import { asOutputDefinition } from '../../src/outputs/module/user-output.ts';

/**
 * The contract suites, for components of somebody else (docs/extending.md). A suite is a list of cases, each with a name and a
 * function that rejects when the promise is broken: `for (const { name, run } of outputCases(subject)) test(name, run)` under
 * node:test, jest or vitest alike.
 */
export { itemsOf } from '../../src/codec/items/items.ts';
export type { Input, InputDefinition, InputRuntime } from '../../src/contract/input.ts';
export type {
  Output,
  OutputDefinition,
  OutputRuntime,
  RecordDecoder,
  WriteRequest,
  WriteResult,
} from '../../src/contract/output.ts';
export type {
  PlainItem,
  UserInput,
  UserInputRuntime,
  UserOutput,
  UserOutputRuntime,
} from '../../src/contract/user-component.ts';
export type { Batch, Origin, Position, QueueRecord, Signal } from '../../src/model/batch.ts';
export {
  type InputCase,
  type InputSubject,
  inputCases,
  readsAlone,
  type Source,
  type Told,
} from '../contracts/input-cases.ts';
export {
  type HttpOutputSubject,
  type LocalOutputSubject,
  type OutputCase,
  type OutputSubject,
  outputCases,
} from '../contracts/output-cases.ts';
export { type Case, type Exceptions, withoutExceptions } from '../contracts/suite.ts';
export { type FakeFarSide, fakeFarSide, type Received } from '../fakes/far-side.ts';
export { type Emission, type FakeInputRuntime, fakeInputRuntime } from '../fakes/input-runtime.ts';
export { type FakeRuntime, fakeRuntime } from '../fakes/runtime.ts';
export { until, within } from '../fakes/until.ts';
export { sampleRequest } from './sample-request.ts';

/** What reads records for a suite. */
export function recordDecoders(): RecordDecoder {
  return new RecordDecoders();
}

/** What a module exports as `output`, as `[[outputs.module]]` takes it. Rejects when it is none. */
export async function outputDefinition(
  exported: UserOutput | ((tools: { z: typeof z }) => UserOutput),
): Promise<OutputDefinition> {
  return asOutputDefinition(await definition(exported, 'output'), z.strictObject({}));
}

/** What a module exports as `input`, as `[[inputs.module]]` takes it. Rejects when it is none. */
export async function inputDefinition(
  exported: UserInput | ((tools: { z: typeof z }) => UserInput),
): Promise<InputDefinition> {
  return asInputDefinition(await definition(exported, 'input'), z.strictObject({}));
}

async function definition(exported: unknown, kind: 'input' | 'output'): Promise<UserDefinition> {
  const found = await definitionOf(exported, kind);
  if (found.definition === undefined) {
    throw new TypeError(`what is exported is no ${kind}: it ${found.fault}`);
  }
  return found.definition;
}
