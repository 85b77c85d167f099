import { join } from 'node:path';
import type { LoadedConfig } from '../config/load.ts';
import { hasCode } from '../contract/errors.ts';
import type { Logger } from '../contract/runtime.ts';
import { Lane } from '../lane/lane.ts';
import { systemClock } from '../lib/clock.ts';
import { type Signal, signals } from '../model/batch.ts';
import { fileSystemBytes, floorBytes, freeBytesOf, laneCaps } from './disk-space.ts';

const mib = 1024 * 1024;

export interface LanesOptions {
  readonly config: LoadedConfig['queue'];
  readonly dataDir: string;
  readonly log: (signal: Signal) => Logger;
}

/** The four lanes, each recovered. Throws BRIDGE_START. */
export async function openLanes({ config, dataDir, log }: LanesOptions): Promise<Record<Signal, Lane>> {
  const total = fileSystemBytes(dataDir);
  const caps = laneCaps(config.max_bytes, total);
  const freeBytes = freeBytesOf(dataDir, systemClock);
  const open = (signal: Signal): Promise<Lane> =>
    Lane.open({
      signal,
      dir: join(dataDir, 'queue', signal),
      segmentBytes: Math.min(signal === 'metrics' ? 16 * mib : 64 * mib, Math.max(mib, caps[signal] / 8)),
      maxBytes: caps[signal],
      freeBytes,
      minFreeBytes: floorBytes(config.min_free, total),
      clock: systemClock,
      log: log(signal),
    });
  const lanes = await Promise.all(signals.map(async (signal) => [signal, await open(signal)] as const));
  return Object.fromEntries(lanes) as Record<Signal, Lane>;
}

/**
 * A disk that takes nothing is said and is no failure of the end: what was acknowledged is on disk, and how far an output has come
 * is at most one request behind.
 */
export async function closeLanes(lanes: readonly Lane[], log: LanesOptions['log']): Promise<void> {
  await Promise.all(lanes.map((lane) => closeLane(lane, log(lane.signal))));
}

async function closeLane(lane: Lane, log: Logger): Promise<void> {
  try {
    await lane.close();
  } catch (error) {
    if (!hasCode(error, 'BRIDGE_OVERLOADED')) {
      throw error;
    }
    const reason = error.message;
    log.error({ signal: lane.signal, reason }, 'The queue ends as it is on disk; outputs may repeat one request.');
  }
}
