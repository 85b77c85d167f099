import { z } from 'zod';
import { duration } from '../../config/fields.ts';

const texts = z.array(z.string());
const anything = z.unknown().optional();

/** Read, so that a file of DataKit's is good as it is; `why` it does nothing. */
function idle(why: string) {
  return anything.meta({ idle: why }).describe(`DataKit's; has no effect: ${why}.`);
}

/** Of old files: DataKit itself does not read it any more. */
function bygone() {
  return anything.describe("DataKit's, of old; has no effect.");
}

const noSockets = "containers are found by the kubelet's files, without a socket";
const noObjects =
  'metrics of containers and nodes are the business of [[inputs.kubelet]], objects and events are not collected';
const allFiles = 'files are read from the beginning, by blocks, and closed when they are done';

/** The keys of DataKit's `[inputs.container]` (docs/logs.md). */
export const dataKitKeys = {
  container_include_log: texts
    .default([])
    .describe(
      "DataKit's filter, such as `namespace:prod-*` or `image:*/shop/*`. Also `image_name`, `image_short_name`, `pod`, `container`, `deployment`. `*` stands for anything.",
    ),
  container_exclude_log: texts.default([]).describe("DataKit's filter; written as `container_include_log` is."),
  extract_k8s_label_as_tags_v2: texts
    .default([])
    .meta({ example: ['team', 'app.kubernetes.io/name'] })
    .describe('Labels of the pod that become tags, `.` in their names replaced by `_`. `[""]`: all of them.'),
  logging_extra_source_map: z
    .record(z.string(), z.string())
    .default({})
    .meta({ example: { '^reviews.*': 'reviews' } })
    .describe(
      'Another source than the name of the container: regular expression (RE2) → source; the first that is found.',
    ),
  logging_source_multiline_map: z
    .record(z.string(), z.string())
    .default({})
    .meta({ example: { reviews: '^\\d{4}' } })
    .describe('By source, the expression that the first line of each record fits; the others continue it.'),
  logging_enable_multiline: z
    .boolean()
    .optional()
    .describe('`true`: indented lines continue the record before them. Default: `multiline` decides.'),
  logging_auto_multiline_detection: z
    .boolean()
    .optional()
    .describe('`true`: a line that begins with a time begins a record, the others continue it.'),
  logging_auto_multiline_extra_patterns: texts
    .default([])
    .describe('More expressions that the first line of a record fits.'),
  logging_min_flush_interval: duration().optional().describe('How long a record waits for its next line.'),
  logging_max_multiline_life_duration: duration().optional().describe('The same; comes first where both are written.'),
  logging_remove_ansi_escape_codes: z.boolean().default(false).describe('Take colours and the like out of lines.'),
  logging_field_white_list: texts.default([]).describe('Only these tags are kept. Empty: all.'),
  logging_file_from_beginning: bygone(),
  logging_file_from_beginning_threshold_size: idle(allFiles),
  logging_max_open_files: idle(allFiles),
  logging_search_interval: idle('directories are watched, and looked at every second'),
  logging_forced_flush_interval: bygone(),
  endpoints: idle(noSockets),
  docker_endpoint: idle(noSockets),
  containerd_address: idle(noSockets),
  container_max_concurrent: idle(noSockets),
  enable_container_metric: idle(noObjects),
  enable_k8s_metric: idle(noObjects),
  enable_pod_metric: idle(noObjects),
  enable_k8s_event: idle(noObjects),
  enable_k8s_node_local: idle(noObjects),
  enable_collect_k8s_job: idle(noObjects),
  enable_collect_kube_job: idle(noObjects),
  metric_collect_interval: idle(noObjects),
  object_collect_interval: idle(noObjects),
  pod_include_metric: idle(noObjects),
  pod_exclude_metric: idle(noObjects),
  extract_k8s_label_as_tags_v2_for_metric: idle(noObjects),
  exclude_pause_container: bygone(),
  kubernetes_url: bygone(),
  bearer_token: bygone(),
  bearer_token_string: bygone(),
  logging_blocking_mode: bygone(),
  enable_auto_discovery_of_prometheus_pod_annotations: bygone(),
  enable_auto_discovery_of_prometheus_service_annotations: bygone(),
  enable_auto_discovery_of_prometheus_pod_monitors: bygone(),
  enable_auto_discovery_of_prometheus_service_monitors: bygone(),
  keep_exist_prometheus_metric_name: bygone(),
  disable_k8s_events: bygone(),
  max_log_length: bygone(),
};
