import { moduleFields } from '../../config/module-settings.ts';
import { BridgeError } from '../../contract/errors.ts';
import { defineOutput, type OutputDefinition } from '../../contract/output.ts';
import { LazyOutput } from '../../http/lazy-output.ts';

const config = moduleFields('output');

export const moduleOutput: OutputDefinition<typeof config> = defineOutput({
  type: 'module',
  summary: 'Hands everything to an output of your own, a JavaScript module.',
  signals: ['metrics', 'traces', 'logs', 'rum'],
  config,
  look: async (checked) => (await import('./user-output.ts')).lookAt(moduleOutput, checked),
  create: ({ path }) => new LazyOutput(() => Promise.reject(new BridgeError('BRIDGE_START', `${path} is not loaded`))),
});
