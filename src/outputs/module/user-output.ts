import { itemsOf } from '../../codec/items/items.ts';
import { lookAtModule, type ModuleConfig, moduleSignals } from '../../config/module-settings.ts';
import { BridgeError } from '../../contract/errors.ts';
import type { Looked } from '../../contract/looked.ts';
import type { Output, OutputDefinition, OutputRuntime, WriteRequest, WriteResult } from '../../contract/output.ts';
import type { Health } from '../../contract/runtime.ts';
import type { UserOutputRuntime } from '../../contract/user-component.ts';
import { attempt, LazyOutput, type Sender } from '../../http/lazy-output.ts';
import { writeResultOf } from '../../http/status.ts';
import type { UserDefinition } from '../../lib/user-definition.ts';
import { whyNot, withinTime } from '../../lib/user-module.ts';

/** A module's start and stop may take so long; what is under way then is left alone. */
const patienceMs = 10_000;

/** Somebody's output, with what it left out filled in. */
export class UserSender implements Sender {
  readonly #output: Partial<Output>;
  readonly #write: Output['write'];
  #closed: Promise<void> | undefined;

  private constructor(output: Partial<Output>, write: Output['write']) {
    this.#output = output;
    this.#write = write;
  }

  /** Starts it. */
  static async of(definition: UserDefinition, config: unknown, runtime: OutputRuntime): Promise<UserSender> {
    const made = definition.create(definition.config?.parse(config) ?? config, userRuntime(runtime));
    if (!isOutput(made)) {
      throw new TypeError('what create() returned has no function write');
    }
    await withinTime(made.start?.(), patienceMs, 'its start()');
    return new UserSender(made, (request, signal) => made.write(request, signal));
  }

  write(request: WriteRequest, signal: AbortSignal): Promise<WriteResult> {
    return this.#write(request, signal);
  }

  async check(): Promise<Health> {
    return (await this.#output.check?.()) ?? { ok: true };
  }

  close(): Promise<void> {
    this.#closed ??= withinTime(this.#output.stop?.(), patienceMs, 'its stop()');
    return this.#closed;
  }
}

function userRuntime(runtime: OutputRuntime): UserOutputRuntime {
  const items: UserOutputRuntime['items'] = (record) => itemsOf(record, runtime.decode);
  return {
    ...runtime,
    items,
    attempt: ({ records }, signal, send) => {
      signal.throwIfAborted();
      const encode = () => records.flatMap(items);
      const post = async (all: ReturnType<typeof encode>): Promise<WriteResult> =>
        resultOf(await send(all).catch(causeOf), { records: records.length, nowMs: runtime.clock.now() });
      return attempt({ records: records.length, encode, post }, signal);
    },
  };
}

/** `fetch failed` says nothing; what caused it does. */
function causeOf(error: unknown): never {
  throw typeof error === 'object' && error !== null && 'cause' in error && error.cause ? error.cause : error;
}

/** As much of an answer as a reason needs. */
const maxDetail = 500;

async function resultOf(
  answer: Response,
  facts: { readonly records: number; readonly nowMs: number },
): Promise<WriteResult> {
  const text = (await answer.text()).trim().slice(0, maxDetail);
  const retryAfter = answer.headers.get('retry-after') ?? undefined;
  return writeResultOf(answer.status, retryAfter, text === '' ? facts : { ...facts, detail: text });
}

function isOutput(value: unknown): value is Pick<Output, 'write'> & Partial<Output> {
  return typeof value === 'object' && value !== null && 'write' in value && typeof value.write === 'function';
}

/** The definition of somebody's output, with settings that were checked. */
export async function lookAt(definition: OutputDefinition, config: ModuleConfig): Promise<Looked<OutputDefinition>> {
  const { made, ...looked } = await lookAtModule(config, 'output');
  if (made === undefined) {
    return looked;
  }
  const create: OutputDefinition['create'] = (_config, runtime) =>
    new LazyOutput(async () => {
      try {
        return await UserSender.of(made, config.config, runtime);
      } catch (cause) {
        throw new BridgeError('BRIDGE_START', `${config.path} does not start: ${whyNot(cause)}`, { cause });
      }
    });
  return { ...looked, definition: { ...definition, signals: moduleSignals(made), create } };
}

/** A definition as the lists of components hold them, made of what somebody's module exports: for the contract suites. */
export function asOutputDefinition(made: UserDefinition, fallback: OutputDefinition['config']): OutputDefinition {
  return {
    type: 'module',
    summary: 'An output of somebody else.',
    signals: moduleSignals(made),
    config: made.config ?? fallback,
    create: (config, runtime) => new LazyOutput(() => UserSender.of(made, config, runtime)),
  };
}
