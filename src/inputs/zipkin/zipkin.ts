import { z } from 'zod';
import { defineInput } from '../../contract/input.ts';
import { ZipkinInput } from './zipkin-input.ts';

const notYet = 'Read, but without effect in this version.';

const config = z.strictObject({
  pathV1: z.string().startsWith('/').default('/api/v1/spans').describe('Path that takes v1 spans by POST.'),
  pathV2: z.string().startsWith('/').default('/api/v2/spans').describe('Path that takes v2 spans by POST.'),
  tags: z
    .record(z.string().min(1), z.string())
    .default({})
    .describe('Tags that every span gets that does not have them by itself.'),
  ignore_tags: z.array(z.string()).default([]).describe(notYet),
  keep_rare_resource: z.boolean().default(false).describe(notYet),
  del_message: z.boolean().default(false).describe(notYet),
  close_resource: z.record(z.string(), z.array(z.string())).default({}).describe(notYet),
  sampler: z.looseObject({}).optional().describe(notYet),
  threads: z.looseObject({}).optional().describe(notYet),
  storage: z.looseObject({}).optional().describe(notYet),
});
export type ZipkinConfig = z.output<typeof config>;

export const zipkin = defineInput({
  type: 'zipkin',
  summary: 'Receives spans that Zipkin tracers and Istio sidecars send.',
  signals: ['traces'],
  config,
  datakit: true,
  byDefault: () => ({}),
  create: (checked, runtime) => new ZipkinInput(checked, runtime),
});
