import { z } from 'zod';
import { defineInput } from '../../contract/input.ts';
import { RumInput } from './rum-input.ts';

const path = () => z.string().regex(/^\/[\w./-]+$/, 'is not a path; write one such as "/v1/write/rum"');

const withoutEffect = 'Read so that a DataKit file needs no edit; has no effect in this version.';

const config = z.strictObject({
  endpoints: z
    .array(path())
    .default(['/v1/write/rum'])
    .describe('Paths that take points by POST, as line protocol or JSON.'),
  session_replay_endpoints: z
    .array(path())
    .default(['/v1/write/rum/replay'])
    .describe(
      'Paths of session replay. What comes there is refused with a text that says so: recordings are not kept.',
    ),
  measurements: z
    .array(z.string().min(1))
    .default(['view', 'resource', 'action', 'long_task', 'error', 'telemetry'])
    .describe('Kinds of points that are taken; a request with another one is refused as a whole.'),
  app_id_white_list: z
    .array(z.string().min(1))
    .default([])
    .describe('Application ids that are taken; empty: every one. Also `ENV_RUM_APP_ID_WHITE_LIST`.'),
  origin_ip_header: z
    .string()
    .default('X-Forwarded-For')
    .describe(
      "Header whose first address is the browser's, where a proxy stands before. Also `ENV_RUM_ORIGIN_IP_HEADER`.",
    ),
  allowed_cors_origins: z
    .array(z.string().min(1))
    .default([])
    .describe(
      'Origins whose pages may send, such as `https://shop.example`; empty: every one. Also `ENV_HTTP_ALLOWED_CORS_ORIGINS`.',
    ),
  rate_limit: z
    .number()
    .min(0)
    .default(100)
    .describe(
      'Requests a second that one address may make for long; loopback may make any number. 0: no limit. Also `ENV_REQUEST_RATE_LIMIT`.',
    ),
  rate_limit_burst: z
    .number()
    .min(1)
    .default(500)
    .describe('Requests that one address may make at once. Also `ENV_REQUEST_RATE_LIMIT_BURST`.'),
  tags: z
    .record(z.string().min(1), z.string())
    .default({})
    .describe('Tags for every point that does not have them by itself.'),
  remote_configuration: z
    .record(z.string().min(1), z.record(z.string().min(1), z.union([z.string(), z.number(), z.boolean()])))
    .default({})
    .describe(
      'Application id, or `*`, to settings that the SDK of that application asks for at its start (`remoteConfiguration: true`), such as `sessionSampleRate`.',
    ),
  cdn_map: z.string().optional().describe(withoutEffect),
  android_cmdline_home: z.string().optional().describe(withoutEffect),
  proguard_home: z.string().optional().describe(withoutEffect),
  ndk_home: z.string().optional().describe(withoutEffect),
  atos_bin_path: z.string().optional().describe(withoutEffect),
  java_home: z.string().optional().describe(withoutEffect),
  threads: z.record(z.string(), z.unknown()).optional().describe(withoutEffect),
  storage: z.record(z.string(), z.unknown()).optional().describe(withoutEffect),
  session_replay: z.record(z.string(), z.unknown()).optional().describe(withoutEffect),
});
export type RumConfig = z.output<typeof config>;

const idle = [
  'cdn_map',
  'android_cmdline_home',
  'proguard_home',
  'ndk_home',
  'atos_bin_path',
  'java_home',
  'threads',
  'storage',
  'session_replay',
] as const satisfies readonly (keyof RumConfig)[];

export const rum = defineInput({
  type: 'rum',
  summary: "Receives what DataKit's browser SDK measures in the pages of users.",
  signals: ['rum'],
  config,
  datakit: true,
  byDefault: () => ({}),
  create: (checked, runtime) =>
    new RumInput(
      {
        endpoints: checked.endpoints,
        replayEndpoints: checked.session_replay_endpoints,
        measurements: new Set(checked.measurements),
        appIds: new Set(checked.app_id_white_list),
        originIpHeader: checked.origin_ip_header.toLowerCase(),
        corsOrigins: checked.allowed_cors_origins,
        requestsPerSecond: checked.rate_limit,
        burstRequests: checked.rate_limit_burst,
        tags: checked.tags,
        remoteConfiguration: checked.remote_configuration,
        idleKeys: idle.filter((key) => checked[key] !== undefined),
      },
      runtime,
    ),
});
