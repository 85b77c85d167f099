import { z } from 'zod';
import { defineInput } from '../../contract/input.ts';
import { HubInput } from './hub-input.ts';

const config = z.strictObject({});

export const hubInput = defineInput({
  type: 'hub',
  summary: 'Takes the records of agents, each of which posts what it collects on its node.',
  signals: ['metrics', 'traces', 'logs', 'rum'],
  config,
  byDefault: ({ storeIsOn = true }) => (storeIsOn ? {} : undefined),
  create: (_, runtime) => new HubInput(runtime),
});
