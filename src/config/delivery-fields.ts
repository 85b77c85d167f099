import { z } from 'zod';
import { bytes, clientTls, duration, secret, url } from './fields.ts';

/** Below this a limit is finer than what the queue can tell apart. */
const leastQueueBytes = 1024 * 1024;

/**
 * The keys of every output (interfaces.md, "Every output"). The loader takes them out of the table before the output's own
 * schema sees the rest; delivery acts on them.
 */
export const deliveryFields = {
  name: z
    .string()
    .regex(
      /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/,
      'may have letters, digits, dot, dash and underscore only, up to 63 of them',
    )
    .optional()
    .meta({ example: 'main' })
    .describe('Name of this output: its place in the queue and its metrics are kept under it. Default: the type.'),
  signals: z
    .array(z.enum(['metrics', 'traces', 'logs', 'rum']))
    .min(1, 'is empty; leave the key out to send everything that this output can take')
    .optional()
    .describe('What to send. Default: everything that this output can take.'),
  namespaces: z
    .array(z.string().min(1))
    .default([])
    .describe('Send only what comes from these Kubernetes namespaces. Empty: from everywhere.'),
  match: z
    .string()
    .optional()
    .meta({ example: '{namespace="prod", app!~"load-.*"}' })
    .describe(
      'Send only what has these labels: of the place it comes from (namespace, pod, container, node, app, version, ...), or else of each sample, span, line or point itself.',
    ),
  on_full: z
    .enum(['block', 'drop_oldest', 'drop_newest'])
    .default('drop_oldest')
    .describe(
      'When this output lags too far behind: `block` refuses new data until it has caught up, `drop_oldest` gives up the oldest of what waits for it, `drop_newest` keeps that and leaves out what comes, for this output alone. What is given up is counted.',
    ),
  queue_bytes: bytes()
    .refine((size) => size >= leastQueueBytes, 'is less than 1MiB')
    .optional()
    .meta({ example: '500MB' })
    .describe(
      'How much may wait for this output in the queue of one signal before `on_full` acts, at least `1MiB`. Default, and most: half of what that queue may hold, with `drop_newest` a quarter that all such outputs share, and with `block` all of it.',
    ),
  queue_age: duration()
    .refine((ms) => ms > 0, 'is not above 0')
    .optional()
    .meta({ example: '12h' })
    .describe(
      'What has waited longer than this is given up, and counted, instead of being sent. Only time in which meshbridge runs counts. Default: nothing is too old.',
    ),
  start: z
    .enum(['end', 'beginning'])
    .default('end')
    .describe(
      'Where an output with a new name begins: at the `end` of the queue, or at the `beginning` of what it still holds.',
    ),
  batch_items: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(10_000)
    .describe('Most items (samples, spans, lines, points) in one request.'),
  batch_bytes: bytes('4MiB').describe('Most bytes of queued data in one request.'),
  batch_wait: duration('200ms').describe('Longest time to wait for more before a request goes out that is not full.'),
  concurrency: z
    .int()
    .min(1)
    .max(64)
    .default(1)
    .describe(
      'Requests under way at once. With 1 the order of the data is kept as it came; with more that of each target and container is.',
    ),
  timeout: duration('30s').describe('Longest time for one attempt.'),
  max_bytes_per_second: bytes()
    .refine((size) => size > 0, 'is not above 0')
    .optional()
    .meta({ example: '5MB' })
    .describe('Most queued data to send in a second, all signals together. Default: as fast as it is taken.'),
} as const;

/**
 * Keys of outputs that speak to a server: such an output spreads them into its own schema. Elsewhere the loader takes them
 * and warns that they do nothing.
 */
export const httpFields = {
  headers: z
    .record(z.string(), z.string().meta({ kind: 'secret', secret: true }))
    .default({})
    .describe('Headers to send along, such as a token. A value may be `file:PATH`.'),
  basic_auth: z
    .strictObject({
      username: z.string().min(1).describe('The name.'),
      password: secret().describe('The password. May be `file:PATH`.'),
    })
    .optional()
    .describe('Log in with a name and a password (HTTP basic authorization).'),
  bearer_token_file: z
    .string()
    .min(1)
    .optional()
    .meta({ example: '/var/run/secrets/tokens/backend' })
    .describe('File with a token to log in with. It is read for each request, so a renewed one is used at once.'),
  tls: clientTls().describe('How to reach a server over TLS.'),
  proxy_url: url()
    .optional()
    .meta({ example: 'http://proxy.example:3128' })
    .describe(
      'HTTP proxy to go through; a user and password in it become basic authorization. The environment names none.',
    ),
} as const;

export const delivery = z.strictObject(deliveryFields);
/** Checked values of the common keys: durations in ms, sizes in bytes. */
export type Delivery = z.output<typeof delivery>;
