import type { OutputDefinition } from '../contract/output.ts';

/** Every output there is. One component, one folder, one line here. */
export const outputs: readonly OutputDefinition[] = [];
