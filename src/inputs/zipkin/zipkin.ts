import { z } from 'zod';
import { defineInput } from '../../contract/input.ts';
import { ZipkinInput } from './zipkin-input.ts';

const defaultPathV1 = '/api/v1/spans';
const defaultPathV2 = '/api/v2/spans';

function path(fallback: string) {
  return z
    .string()
    .regex(/^(\/[\w./-]+)?$/, 'is not a path; write one such as "/api/v2/spans"')
    .default(fallback)
    .transform((text) => (text === '' ? fallback : text));
}

const withoutEffect = 'Read so that a DataKit file needs no edit; has no effect in this version.';

const config = z.strictObject({
  pathV1: path(defaultPathV1).describe('Path that takes v1 spans by POST, as JSON.'),
  pathV2: path(defaultPathV2).describe('Path that takes v2 spans by POST, as JSON or protobuf.'),
  tags: z
    .record(z.string().min(1), z.string())
    .default({})
    .describe('Tags for every span that does not have them by itself.'),
  ignore_tags: z.array(z.string()).default([]).describe(withoutEffect),
  customer_tags: z.array(z.string()).default([]).describe(withoutEffect),
  pipelines: z.record(z.string(), z.string()).default({}).describe(withoutEffect),
  keep_rare_resource: z.boolean().default(false).describe(withoutEffect),
  del_message: z.boolean().default(false).describe(withoutEffect),
  close_resource: z.record(z.string(), z.array(z.string())).default({}).describe(withoutEffect),
  sampler: z
    .strictObject({
      sampling_rate: z.number().min(0).max(1).optional().describe(withoutEffect),
      priority: z.int().optional().describe(withoutEffect),
    })
    .optional()
    .describe(withoutEffect),
  threads: z
    .strictObject({
      buffer: z.int().optional().describe(withoutEffect),
      threads: z.int().optional().describe(withoutEffect),
    })
    .optional()
    .describe(withoutEffect),
  storage: z
    .strictObject({
      path: z.string().optional().describe(withoutEffect),
      capacity: z.int().optional().describe(withoutEffect),
    })
    .optional()
    .describe(withoutEffect),
});
export type ZipkinConfig = z.output<typeof config>;

const acting: ReadonlySet<string> = new Set(['pathV1', 'pathV2', 'tags']);

/** Keys that somebody wrote and that do nothing yet. */
function idleKeys(checked: ZipkinConfig): readonly string[] {
  const isWritten = (value: unknown): boolean =>
    typeof value === 'object' && value !== null ? Object.keys(value).length > 0 : value === true;
  return Object.entries(checked).flatMap(([key, value]) => (acting.has(key) || !isWritten(value) ? [] : [key]));
}

export const zipkin = defineInput({
  type: 'zipkin',
  summary: 'Receives spans that Zipkin tracers and Istio sidecars send.',
  signals: ['traces'],
  config,
  datakit: true,
  byDefault: () => ({}),
  create: (checked, runtime) => {
    const { pathV1, pathV2, tags } = checked;
    return new ZipkinInput({ pathV1, pathV2, tags, idleKeys: idleKeys(checked) }, runtime);
  },
});
