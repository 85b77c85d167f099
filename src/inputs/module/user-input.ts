import { batchOf } from '../../codec/items/items.ts';
import { lookAtModule, type ModuleConfig, moduleSignals } from '../../config/module-settings.ts';
import { BridgeError } from '../../contract/errors.ts';
import type { Input, InputDefinition, InputRuntime } from '../../contract/input.ts';
import type { Looked } from '../../contract/looked.ts';
import type { UserInputRuntime } from '../../contract/user-component.ts';
import type { UserDefinition } from '../../lib/user-definition.ts';
import { whyNot, withinTime } from '../../lib/user-module.ts';

/** A module's start and stop may take so long; what is under way then is left alone. */
const patienceMs = 10_000;

/** The definition of somebody's input, with settings that were checked. */
export async function lookAt(definition: InputDefinition, config: ModuleConfig): Promise<Looked<InputDefinition>> {
  const { made, ...looked } = await lookAtModule(config, 'input');
  if (made === undefined) {
    return looked;
  }
  const signals = moduleSignals(made);
  const create: InputDefinition['create'] = (_config, runtime) => {
    try {
      return created(made, config.config, runtime);
    } catch (cause) {
      throw new BridgeError('BRIDGE_START', `${config.path} does not start: ${whyNot(cause)}`, { cause });
    }
  };
  return { ...looked, definition: { ...definition, signals, create } };
}

/** Somebody's input, with what it left out filled in. What it throws when it is asked for its status is no status. */
function created(definition: UserDefinition, config: unknown, runtime: InputRuntime): Input {
  const made = definition.create(definition.config?.parse(config) ?? config, userRuntime(runtime));
  if (!isInput(made)) {
    throw new TypeError('what create() returned has no function start');
  }
  return {
    start: async () => {
      try {
        await withinTime(made.start(), patienceMs, 'its start()');
      } catch (cause) {
        throw new BridgeError('BRIDGE_START', `${runtime.id} does not start: ${whyNot(cause)}`, { cause });
      }
    },
    stop: () => withinTime(made.stop?.() ?? Promise.resolve(), patienceMs, 'its stop()'),
    status: () => quietly(() => made.status?.(), {}),
    warnings: () => quietly(() => made.warnings?.(), []),
  };
}

function isInput(value: unknown): value is Pick<Input, 'start'> & Partial<Input> {
  return typeof value === 'object' && value !== null && 'start' in value && typeof value.start === 'function';
}

function quietly<T>(ask: () => T | undefined, otherwise: T): T {
  try {
    return ask() ?? otherwise;
  } catch {
    return otherwise;
  }
}

function userRuntime(runtime: InputRuntime): UserInputRuntime {
  const batch: UserInputRuntime['batchOf'] = (items, origin = {}) =>
    batchOf(items, { origin, nowMs: runtime.clock.now() });
  return {
    ...runtime,
    batchOf: batch,
    emitItems: async (items, { origin = {}, position } = {}) => {
      await runtime.emit(batch(items, origin), position);
    },
  };
}

/** A definition as the lists of components hold them, made of what somebody's module exports: for the contract suites. */
export function asInputDefinition(definition: UserDefinition, fallback: InputDefinition['config']): InputDefinition {
  return {
    type: 'module',
    summary: 'An input of somebody else.',
    signals: moduleSignals(definition),
    config: definition.config ?? fallback,
    create: (config, runtime) => created(definition, config, runtime),
  };
}
