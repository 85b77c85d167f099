import type { Batch } from '../model/batch.ts';

/** A pure step before the log. Header steps never touch the payload. `undefined` drops the batch. */
export type HeaderStep = (batch: Batch) => Batch | undefined;

/** Adds tags where an item lacks the key; the decoder does it when the payload is read. */
export function addTags(tags: Readonly<Record<string, string>>): HeaderStep {
  return (batch) => ({ ...batch, edits: { ...batch.edits, add: { ...tags, ...batch.edits?.add } } });
}

/** Fills the fields of the origin that the input left open. */
export function originDefaults(origin: Batch['origin']): HeaderStep {
  // Inputs send the same origin object again and again; so do we, since encoders cache by identity.
  const merged = new WeakMap<Batch['origin'], Batch['origin']>();
  return (batch) => {
    let whole = merged.get(batch.origin);
    if (whole === undefined) {
      whole = { ...origin, ...batch.origin };
      merged.set(batch.origin, whole);
    }
    return { ...batch, origin: whole };
  };
}

/** One step out of many. No step: the batch itself. */
export function pipeline(steps: readonly HeaderStep[]): HeaderStep {
  return (batch) => {
    let current: Batch | undefined = batch;
    for (const step of steps) {
      current = step(current);
      if (current === undefined) {
        return undefined;
      }
    }
    return current;
  };
}
