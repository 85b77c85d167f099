import { z } from 'zod';
import { bytes, duration, secret, url } from '../config/fields.ts';

const idle = 'Known from DataKit and read, but it does nothing here.';
/** DataKit's own files have `""` for what is not given. */
const emptyIsNone = (written: string) => (written === '' ? undefined : written);
const text = () => z.string().transform(emptyIsNone).optional();
const noPage = 'is not an address; write one such as "http://127.0.0.1:9090/path", or the path of a file';
const texts = () => z.array(z.string()).default([]);

const fields = {
  url: z
    .string()
    .refine((written) => written === '' || isPage(written), { message: noPage })
    .transform(emptyIsNone)
    .optional()
    .meta({ kind: 'url', example: 'http://127.0.0.1:15020/stats/prometheus' })
    .describe('The page to scrape. Used only where `urls` is empty.'),
  urls: z
    .array(page())
    .default([])
    .meta({ example: ['http://127.0.0.1:15020/stats/prometheus'] })
    .describe('The pages to scrape, each by itself. A path such as `/run/metrics.prom` is read as a file.'),
  source: z
    .string()
    .default('prom')
    .transform((written) => written || 'prom')
    .describe('Name of this source: the `job` label of all its series.'),
  interval: duration('30s').describe('Time from scrape to scrape.'),
  timeout: duration('30s').describe('Longest time for one scrape; never longer than the interval.'),
  body_size_limit: bytes('64MiB').describe('A page that is larger, when unpacked, fails.'),
  sample_limit: limit('A page with more samples than this, filters applied, fails. 0: no limit.'),
  label_limit: limit('A page with a series of more labels than this fails. 0: no limit.'),
  label_name_length_limit: limit('A page with a longer name of a label, in bytes, fails. 0: no limit.'),
  label_value_length_limit: limit('A page with a longer value of a label, in bytes, fails. 0: no limit.'),
  ignore_req_err: z.boolean().default(false).describe('Do not log scrapes that fail; `up` still tells.'),
  uds_path: text()
    .meta({ example: '/var/run/metrics.sock' })
    .describe('Unix socket to connect to in place of the host of the URL.'),
  proxy_url: url()
    .optional()
    .meta({ example: 'http://proxy.example:3128' })
    .describe(
      'HTTP proxy to ask for the page; a user and password in it become basic authorization. Not used with `uds_path`. The environment names none.',
    ),

  metric_types: texts().describe(
    'Keep only families of these types: counter, gauge, histogram, summary, untyped, info. Empty: all.',
  ),
  metric_name_filter: texts().describe(
    'Keep only families or samples whose name one of these regular expressions (RE2) matches anywhere. Empty: all.',
  ),
  metric_name_filter_ignore: texts().describe(
    'Leave out families and samples whose name one of these matches. Looked at first.',
  ),
  measurement_prefix: z.string().default('').describe('Put in front of every measurement.'),
  measurement_name: z.string().default('').describe('Measurement of all metrics; the field is then the whole name.'),
  measurements: z
    .array(
      z.strictObject({
        prefix: z.string().default('').describe('Metrics whose name begins with it; the field is the rest.'),
        name: z.string().default('').describe('Their measurement. Default: the prefix without `_` at its end.'),
        pattern: text().describe(idle),
      }),
    )
    .default([])
    .describe('Measurements by the beginning of the name. The first that fits wins, also over `measurement_name`.'),
  keep_exist_metric_name: z
    .boolean()
    .default(false)
    .describe('Where a name is split at its first `_`, keep all of it as the field.'),
  honor_timestamps: z.boolean().default(true).describe('Use the times that stand on the page.'),
  track_timestamps_staleness: z
    .boolean()
    .default(false)
    .describe('Mark series with times of their own as ended too, when they are gone from the page.'),
  openmetrics: z
    .enum(['lenient', 'strict'])
    .default('lenient')
    .describe(
      '`strict`: ask for OpenMetrics first, and let a page in OpenMetrics 1.0 fail that breaks one of its rules. A page in the text format is read as ever.',
    ),
  honor_labels: z
    .boolean()
    .default(true)
    .describe(
      'Labels of the page win over `tags`, `job` and `instance`. `false`: they are kept under `exported_` and their name.',
    ),

  tags: z
    .record(z.string(), z.string())
    .default({})
    .meta({ example: { cluster: 'prod' } })
    .describe('Labels to add to every series that has no label of that name.'),
  tags_ignore: texts().describe('Labels of the page to leave out.'),
  tags_rename: z
    .strictObject({
      overwrite_exist_tags: z
        .boolean()
        .default(false)
        .describe('Rename also where the new name is taken, and replace what stands there.'),
      mapping: z
        .record(z.string(), z.string())
        .default({})
        .meta({ example: { old_name: 'new_name' } })
        .describe('Old name of a label = new name.'),
    })
    .optional()
    .describe('Labels of the page to call by another name.'),
  ignore_tag_kv_match: z
    .record(z.string(), texts())
    .default({})
    .meta({ example: { response_code: ['^2'] } })
    .describe('Label of the page = regular expressions: the label is left out where one of them matches its value.'),
  ignore_tag_kv_match_drops: z
    .enum(['label', 'series'])
    .default('label')
    .describe('What `ignore_tag_kv_match` leaves out: the label alone, as DataKit does, or the series.'),
  disable_instance_tag: z.boolean().default(false).describe('Do not add the host and port as label `instance`.'),

  http_headers: z
    .record(z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'is not the name of a header'), headerValue())
    .default({})
    .meta({ example: { 'X-Scope': 'mesh' } })
    .describe('Headers to send with every request. They replace ours.'),
  ignore_http_status: z
    .boolean()
    .default(false)
    .describe('Read the page whatever the HTTP status is, as DataKit does. Else only 200 is good.'),
  auth: auth().optional().describe('How to log in at the target.'),
  insecure_skip_verify: z.boolean().default(false).describe('Accept any certificate.'),
  ca_certs: texts().describe("PEM files of the authorities to trust in place of the system's."),
  ca_certs_base64: texts().describe('The same, written here in Base64.'),
  cert: text().meta({ example: '/etc/meshbridge/client.pem' }).describe('PEM file of our own certificate.'),
  cert_base64: text().describe('The same, written here in Base64.'),
  cert_key: text()
    .meta({ example: '/etc/meshbridge/client-key.pem' })
    .describe('PEM file of the key of our certificate.'),
  cert_key_base64: secret().optional().describe('The same, written here in Base64.'),
  server_name: text()
    .meta({ example: 'istiod.istio-system.svc' })
    .describe('Name that the certificate of the target must carry.'),
  tls_open: z
    .boolean()
    .default(false)
    .describe('Old switch of DataKit: the `tls_*` keys count, and without `tls_ca` any certificate is accepted.'),
  tls_ca: text().describe('Old name of an entry in `ca_certs`.'),
  tls_cert: text().describe('Old name of `cert`.'),
  tls_key: text().describe('Old name of `cert_key`.'),

  stream_size: z.int().min(0).optional().describe('Known from DataKit. Pages are always read in one go.'),
  disable_host_tag: z.boolean().optional().describe('Known from DataKit, where it does nothing either.'),
  disable_info_tag: z
    .boolean()
    .optional()
    .describe('Known from DataKit. Info metrics are series of their own here, and never labels of others.'),
  output: text().meta({ idle: 'raw pages are not written to a file; use an output of type file' }).describe(idle),
  max_file_size: z.int().min(0).optional().describe(idle),
  as_logging: z
    .strictObject({
      enable: z
        .boolean()
        .default(false)
        .describe('Write the samples as lines of a log, and not as metrics; `up` and `scrape_*` stay metrics.'),
      service: text()
        .meta({ example: 'mesh-metrics' })
        .describe('Service that the lines are of. Default: the measurement of each.'),
    })
    .optional()
    .describe('Samples as lines of a log.'),
  election: z
    .boolean()
    .optional()
    .describe(
      'In a cluster, of all agents that have this table one scrapes it, and each replica of a Service at its own address. `false`: every agent scrapes it as it is written. Default: one, but for pages of this machine.',
    ),
};

/** The keys of DataKit's `[[inputs.prom]]`, and some of Prometheus' own (docs/prom.md). */
export const promConfig = z
  .strictObject(fields)
  .refine((checked) => checked.url !== undefined || checked.urls.length > 0, {
    path: ['urls'],
    message: 'is missing; write the page to scrape, such as urls = ["http://127.0.0.1:15020/stats/prometheus"]',
  });

export type PromConfig = z.output<typeof promConfig>;

/** What an annotation may ask for at most: far above what real pages have, and little enough for a node. */
const mostOfAnnotations = {
  pageBytes: 64 * 1024 * 1024,
  samples: 200_000,
  labels: 200,
  labelNameBytes: 1_024,
  labelValueBytes: 16 * 1024,
} as const;

/**
 * `[[inputs.prom]]` in an annotation of a pod: as DataKit reads it there, `tags` win over the page, its times do not count,
 * and the source is the pod's name where none is written. Whoever may write annotations may not take the node's memory: the
 * limits hold where none is written, and no higher ones do.
 */
export const annotationConfig = z
  .strictObject({
    ...fields,
    body_size_limit: fields.body_size_limit.transform((asked) => Math.min(asked, mostOfAnnotations.pageBytes)),
    sample_limit: fields.sample_limit.transform(atMost(mostOfAnnotations.samples)),
    label_limit: fields.label_limit.transform(atMost(mostOfAnnotations.labels)),
    label_name_length_limit: fields.label_name_length_limit.transform(atMost(mostOfAnnotations.labelNameBytes)),
    label_value_length_limit: fields.label_value_length_limit.transform(atMost(mostOfAnnotations.labelValueBytes)),
    source: z.string().default(''),
    honor_labels: z.boolean().default(false),
    honor_timestamps: z.boolean().default(false),
  })
  .refine((checked) => checked.url !== undefined || checked.urls.length > 0, {
    path: ['urls'],
    message: 'is missing; write the page to scrape, such as urls = ["http://$IP:15020/stats/prometheus"]',
  });

/** An http or https address, or as in DataKit the path of a file. */
function page() {
  return z.string().refine(isPage, { message: noPage }).meta({ kind: 'url' });
}

function isPage(address: string): boolean {
  return isPath(address) || ['http:', 'https:'].includes(URL.parse(address)?.protocol ?? '');
}

/** `/run/metrics.prom` or `file:///run/metrics.prom`. */
export function isPath(address: string): boolean {
  return address.startsWith('/') || address.startsWith('file:///');
}

/** 0 asks for no limit. */
function atMost(most: number): (asked: number) => number {
  return (asked) => (asked === 0 ? most : Math.min(asked, most));
}

function limit(about: string) {
  return z.int().min(0).default(0).describe(about);
}

function auth() {
  return z.strictObject({
    type: z
      .string()
      .default('bearer_token')
      .refine((type) => ['bearer_token', 'basic'].includes(type.toLowerCase()), {
        message: 'is no kind of authorization; write "bearer_token" or "basic"',
      })
      .describe('Kind of authorization: `bearer_token` or `basic`.'),
    token: secret().optional().describe('The token.'),
    token_file: text()
      .meta({ example: '/var/run/secrets/kubernetes.io/serviceaccount/token' })
      .describe('File that holds the token; read for every scrape.'),
    username: text().meta({ example: 'reader' }).describe('Name for `basic`.'),
    password: secret().optional().describe('Password for `basic`.'),
    password_file: text()
      .meta({ example: '/etc/meshbridge/password' })
      .describe('File that holds the password; read for every scrape.'),
  });
}

function headerValue() {
  return z
    .string()
    .regex(/^[^\r\n\0]*$/, 'has a line break in it')
    .meta({ kind: 'secret', secret: true });
}
