import { z } from 'zod';
import { defineInput } from '../../contract/input.ts';
import type { TagEdits } from '../../model/batch.ts';
import type { SpanFilterSettings } from './span-filter.ts';
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

/** Go's regular expressions, in linear time. Checked when it is used: the schema must load nothing heavy. */
const expression = () => z.string();

const withoutEffect = 'Read so that a DataKit file needs no edit; has no effect in this version.';

const config = z.strictObject({
  pathV1: path(defaultPathV1).describe('Path that takes v1 spans by POST, as JSON.'),
  pathV2: path(defaultPathV2).describe('Path that takes v2 spans by POST, as JSON or protobuf.'),
  tags: z
    .record(z.string().min(1), z.string())
    .default({})
    .describe('Tags for every span that does not have them by itself.'),
  partial: z
    .boolean()
    .default(false)
    .describe(
      'Take the good spans of a list that holds others too, and count the others, instead of refusing the whole list with 400.',
    ),
  ignore_tags: z
    .array(expression())
    .default([])
    .describe('Expressions; tags whose key holds one of them, as sent or with `_` for `.`, are left out.'),
  close_resource: z
    .record(z.string(), z.array(expression()))
    .default({})
    .describe(
      'Service, or `*`, to expressions: the spans of a trace that come with a span whose name holds one are left out.',
    ),
  sampler: z
    .strictObject({
      sampling_rate: z
        .number()
        .min(0)
        .max(1)
        .optional()
        .describe('Share of traces to keep, chosen by trace id, so that all agents choose the same.'),
      keep_errors: z
        .boolean()
        .default(true)
        .describe('Keep what comes of a trace with the tag `error`, whatever the share says.'),
      priority: z.int().optional().describe(withoutEffect),
    })
    .optional()
    .describe('Which traces to keep.'),
  keep_rare_resource: z
    .boolean()
    .default(false)
    .describe('Keep, whatever the sampler says, what has a service and span name that were not seen for an hour.'),
  customer_tags: z.array(z.string()).default([]).describe(withoutEffect),
  pipelines: z.record(z.string(), z.string()).default({}).describe(withoutEffect),
  del_message: z
    .boolean()
    .default(false)
    .describe(
      'Leave out the field `message`, a second copy of the span, where spans become points (`influxdb`, `dataway`).',
    ),
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

const acting: ReadonlySet<string> = new Set([
  'pathV1',
  'pathV2',
  'tags',
  'partial',
  'ignore_tags',
  'close_resource',
  'sampler',
  'keep_rare_resource',
  'del_message',
]);

/** Keys that somebody wrote and that do nothing yet. */
function idleKeys(checked: ZipkinConfig): readonly string[] {
  const isWritten = (value: unknown): boolean =>
    typeof value === 'object' && value !== null ? Object.keys(value).length > 0 : value === true;
  return Object.entries(checked).flatMap(([key, value]) => (acting.has(key) || !isWritten(value) ? [] : [key]));
}

/** Undefined where nothing is to be left out: then the sender's bytes go on as they came. */
function filterOf(checked: ZipkinConfig): SpanFilterSettings | undefined {
  const { ignore_tags: ignoreTags, close_resource: closeResource, sampler, keep_rare_resource: keepRare } = checked;
  const samplingRate = sampler?.sampling_rate;
  const acts = ignoreTags.length > 0 || Object.keys(closeResource).length > 0 || (samplingRate ?? 1) < 1;
  const keepErrors = sampler?.keep_errors ?? true;
  return acts ? { ignoreTags, closeResource, samplingRate, keepErrors, keepRare } : undefined;
}

function editsOf(add: Readonly<Record<string, string>>, dropFields: readonly string[]): TagEdits | undefined {
  const adds = Object.keys(add).length > 0;
  return adds || dropFields.length > 0
    ? { ...(adds && { add }), ...(dropFields.length > 0 && { dropFields }) }
    : undefined;
}

export const zipkin = defineInput({
  type: 'zipkin',
  summary: 'Receives spans that Zipkin tracers and Istio sidecars send.',
  signals: ['traces'],
  config,
  datakit: true,
  byDefault: () => ({}),
  create: (checked, runtime) => {
    const { pathV1, pathV2, tags, partial, del_message: withoutMessage } = checked;
    const strictness = partial ? 'partial' : 'whole';
    const settings = {
      pathV1,
      pathV2,
      edits: editsOf(tags, withoutMessage ? ['message'] : []),
      strictness,
      filter: filterOf(checked),
      idleKeys: idleKeys(checked),
    } as const;
    return new ZipkinInput(settings, runtime);
  },
});
