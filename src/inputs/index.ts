import type { InputDefinition } from '../contract/input.ts';

/** Every input there is. One component, one folder, one line here. */
export const inputs: readonly InputDefinition[] = [];
