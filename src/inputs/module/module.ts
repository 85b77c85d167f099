import { moduleFields } from '../../config/module-settings.ts';
import { BridgeError } from '../../contract/errors.ts';
import { defineInput, type InputDefinition } from '../../contract/input.ts';

const config = moduleFields('input');
const everything = ['metrics', 'traces', 'logs', 'rum'] as const;

export const moduleInput: InputDefinition<typeof config> = defineInput({
  type: 'module',
  summary: 'Takes in what an input of your own gives, a JavaScript module.',
  signals: everything,
  config,
  look: async (checked) => (await import('./user-input.ts')).lookAt(moduleInput, checked),
  create: ({ path }) => ({
    start: () => Promise.reject(new BridgeError('BRIDGE_START', `${path} is not loaded`)),
    stop: () => Promise.resolve(),
  }),
});
