import type { Emission } from '../contract/input.ts';

/** Writes one behind the other, each with its own promise; behind one that is refused none is written. */
export function appendAll(
  emissions: readonly Emission[],
  write: (emission: Emission) => Promise<void>,
): readonly Promise<void>[] {
  const done: Promise<void>[] = [];
  try {
    for (const emission of emissions) {
      done.push(write(emission));
    }
    return done;
  } catch (error) {
    const refused = Promise.reject(error);
    return [...done, ...emissions.slice(done.length).map(() => refused)];
  }
}
