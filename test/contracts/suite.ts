/** One promise of a contract, as a test that can also be run by hand. Rejects when the promise is broken. */
export interface Case {
  readonly name: string;
  run(): Promise<void>;
}

/** A case that a component need not pass, and why. The name must be one of the suite's. */
export type Exceptions<Name extends string = string> = Readonly<Partial<Record<Name, string>>>;

/** The cases that remain. Throws when an exception names no case, or gives no reason. */
export function withoutExceptions(cases: readonly Case[], exceptions: Exceptions): readonly Case[] {
  for (const [name, reason] of Object.entries(exceptions)) {
    if (!cases.some((candidate) => candidate.name === name)) {
      throw new Error(`stale exception: the suite has no case "${name}"`);
    }
    if (reason === undefined || reason.trim() === '') {
      throw new Error(`the exception "${name}" gives no reason`);
    }
  }
  return cases.filter((candidate) => !(candidate.name in exceptions));
}
