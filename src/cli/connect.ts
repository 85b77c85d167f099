import type { Fault } from '../config/fault.ts';
import type { LoadedOutput } from '../config/load.ts';
import { BridgeError } from '../contract/errors.ts';
import type { OutputRuntime, RecordDecoder } from '../contract/output.ts';
import type { Counter, Gauge, Health, Logger } from '../contract/runtime.ts';
import { systemClock } from '../lib/clock.ts';

export interface ConnectContext {
  readonly version: string;
  /** Where relative paths of outputs start. */
  readonly dataDir: string;
}

const maxCheckMs = 10_000;

/** Asks each output whether it could deliver now; one fault for each that could not. */
export async function connectFaults(
  outputs: readonly LoadedOutput[],
  context: ConnectContext,
): Promise<readonly Fault[]> {
  const answers = await Promise.all(
    outputs.map(async (output) => ({ output, health: await healthOf(output, context) })),
  );
  return answers.flatMap(({ output, health }) =>
    health.ok
      ? []
      : [
          {
            code: 'connect' as const,
            ...(output.file === undefined ? {} : { file: output.file }),
            keyPath: output.id,
            message: `can't deliver: ${health.reason}`,
          },
        ],
  );
}

async function healthOf(loaded: LoadedOutput, context: ConnectContext): Promise<Health> {
  const output = loaded.definition.create(loaded.config, silentRuntime(loaded, context));
  const limit = new AbortController();
  const tooLate = systemClock
    .sleep(Math.min(loaded.delivery.timeout, maxCheckMs), limit.signal)
    .then((): Health => ({ ok: false, reason: 'it does not answer' }))
    .catch((): Health => ({ ok: true }));
  try {
    await output.start();
    return await Promise.race([output.check(), tooLate]);
  } catch (error) {
    return { ok: false, reason: error instanceof Error ? error.message : String(error) };
  } finally {
    limit.abort();
    await output.stop();
  }
}

const quiet: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

function silentRuntime(loaded: LoadedOutput, { version, dataDir }: ConnectContext): OutputRuntime {
  const counter = (): Counter => ({ add: () => {}, value: 0 });
  const gauge = (): Gauge => ({ set: () => {} });
  return {
    id: loaded.id,
    name: loaded.name,
    log: quiet,
    clock: systemClock,
    meter: { counter, gauge },
    dataDir,
    userAgent: `meshbridge/${version}`,
    instance: 'check',
    decode: nothingToDecode,
  };
}

const refuse = (): never => {
  throw new BridgeError('BRIDGE_DECODE', 'a check sends nothing, so there is nothing to decode');
};
const nothingToDecode: RecordDecoder = { spans: refuse, frame: refuse, lines: refuse, points: refuse };
