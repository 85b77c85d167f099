import { BridgeError } from '../../contract/errors.ts';
import type { QueueRecord } from '../../model/batch.ts';
import type { RumPoint } from '../../model/rum.ts';
import { decodeRumPoints } from './rum-points.ts';

/** The points of a record, with its tag edits applied. Throws BRIDGE_DECODE. */
export function decodePointsOf({ seq, format, payload, edits }: QueueRecord): readonly RumPoint[] {
  if (format !== 'rum-points') {
    throw new BridgeError('BRIDGE_DECODE', `record ${seq} is ${format}, not rum-points`);
  }
  const points = decodeRumPoints(payload);
  const { drop, add } = edits ?? {};
  if (drop === undefined && add === undefined) {
    return points;
  }
  const dropped = new Set(drop);
  return points.map((point) => {
    const kept = Object.entries(point.tags).filter(([key]) => !dropped.has(key));
    return { ...point, tags: { ...add, ...Object.fromEntries(kept) } };
  });
}
