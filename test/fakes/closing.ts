import { afterEach } from '@jest/globals';

/** Takes what ends something; after each test all of it is called, what came last first. */
export function closedAfterEach(): (...ends: readonly (() => Promise<unknown>)[]) => void {
  const open: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const end of open.splice(0).toReversed()) {
      await end();
    }
  });
  return (...ends) => {
    open.push(...ends);
  };
}
