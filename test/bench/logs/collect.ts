import type { InputRuntime } from '../../../src/contract/input.ts';
import type { Logger } from '../../../src/contract/runtime.ts';
import { LogCollector } from '../../../src/inputs/container/log-collector.ts';
import { LogDescriber } from '../../../src/inputs/container/log-description.ts';
import { LogTree } from '../../../src/inputs/container/log-tree.ts';
import { systemClock } from '../../../src/lib/clock.ts';

const silent: Logger = { debug() {}, info() {}, warn: console.warn, error: console.error };

/** All that a component of a bench may reach. */
export const benchRuntime = {
  id: 'bench',
  log: silent,
  clock: systemClock,
  meter: { counter: () => ({ add() {}, value: 0 }), gauge: () => ({ set() {} }) },
  userAgent: 'bench',
  instance: 'bench',
};

function runtimeOf(dataDir: string, emit: InputRuntime['emit']): InputRuntime {
  return {
    ...benchRuntime,
    dataDir,
    routes: { add() {} },
    emit,
    emitAll: async (emissions) => {
      await Promise.all(emissions.map(({ batch, position }) => emit(batch, position)));
    },
    position: () => undefined,
    positions: () => new Map(),
    forget() {},
    refused() {},
    dropped() {},
  };
}

/** Reads all files of a log directory once, as the container input does. Resolves with the records that came. */
export async function collectLines(root: string, emit: InputRuntime['emit']): Promise<number> {
  let items = 0;
  const counting: InputRuntime['emit'] = async (batch, position) => {
    items += batch.items;
    await emit(batch, position);
  };
  const options = {
    keyPrefix: 'bench:',
    maxLineBytes: 1_048_576,
    flushAfterMs: 5_000,
    pinned: { ms: 3_600_000, bytes: 1e9 },
    from: 'beginning' as const,
    times: 'runtime' as const,
    describer: new LogDescriber(),
  };
  const collector = new LogCollector(options, runtimeOf(root, counting));
  const look = await new LogTree({ root, accepts: () => true }).look();
  if (look === undefined) {
    throw new Error(`${root} is gone`);
  }
  await collector.see(look);
  await collector.settled();
  await collector.stop();
  return items;
}
