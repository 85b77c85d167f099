import { describe, expect, test } from '@jest/globals';
import type { z } from 'zod';
import { formatFault } from '../../config/fault.ts';
import { type LoadedConfig, loadFrom } from '../../config/load.ts';
import { container } from './container.ts';
import { optionsOf } from './container-options.ts';

/** A file of DataKit's as its users have it, old keys among them. */
const file = `
[inputs.container]
  endpoints = ["unix:///var/run/docker.sock", "unix:///var/run/containerd/containerd.sock"]
  docker_endpoint = "unix:///var/run/docker.sock"
  containerd_address = "/var/run/containerd/containerd.sock"
  enable_container_metric = true
  enable_k8s_metric = true
  enable_pod_metric = false
  enable_k8s_event = true
  enable_k8s_node_local = true
  enable_collect_k8s_job = true
  metric_collect_interval = "60s"
  object_collect_interval = "5m"
  container_max_concurrent = 0
  extract_k8s_label_as_tags_v2 = ["team"]
  extract_k8s_label_as_tags_v2_for_metric = []
  container_include_log = ["image:*/shop/*"]
  container_exclude_log = ["image:*logfwd*", "image:*datakit*"]
  pod_include_metric = []
  pod_exclude_metric = []
  logging_search_interval = "60s"
  logging_enable_multiline = true
  logging_auto_multiline_detection = true
  logging_auto_multiline_extra_patterns = ["^x"]
  logging_min_flush_interval = "5s"
  logging_max_multiline_life_duration = "3s"
  logging_remove_ansi_escape_codes = true
  logging_file_from_beginning = false
  logging_file_from_beginning_threshold_size = 20000000
  logging_max_open_files = 500
  logging_field_white_list = ["service"]
  exclude_pause_container = true
  kubernetes_url = "https://kubernetes.default:443"
  bearer_token = "/run/secrets/kubernetes.io/serviceaccount/token"
  bearer_token_string = ""
  logging_blocking_mode = true
  enable_auto_discovery_of_prometheus_pod_annotations = true
  [inputs.container.logging_extra_source_map]
    "^reviews" = "reviews"
  [inputs.container.logging_source_multiline_map]
    reviews = "^20"
  [inputs.container.tags]
    env = "test"
`;

function load(text: string, env: Readonly<Record<string, string>> = {}): Promise<LoadedConfig> {
  return loadFrom(
    { sources: text === '' ? [] : [{ file: 'container.conf', text }], faults: [] },
    {
      flags: {},
      env,
      cwd: '/',
      definitions: { inputs: [container], outputs: [] },
      where: { inCluster: false, readableDir: () => true },
    },
  );
}

/** The only instance that there is. */
function optionsFrom({ inputs: [input] }: LoadedConfig) {
  const config = input?.config as z.output<typeof container.config>;
  return optionsOf(config, undefined);
}

describe('a file for DataKit', () => {
  test('is good as it is; what does nothing here is named once for each reason', async () => {
    const { faults, warnings } = await load(file);
    expect(faults.map(formatFault)).toEqual([]);
    expect(warnings.map(formatFault)).toEqual([
      "container.conf:3: inputs.container.endpoints: has no effect, nor have docker_endpoint, containerd_address and container_max_concurrent; containers are found by the kubelet's files, without a socket",
      'container.conf:6: inputs.container.enable_container_metric: has no effect, nor have enable_k8s_metric, enable_k8s_event, enable_k8s_node_local, enable_collect_k8s_job, metric_collect_interval and object_collect_interval; metrics of containers and nodes are the business of [[inputs.kubelet]], objects and events are not collected',
      'container.conf:21: inputs.container.logging_search_interval: has no effect; directories are watched, and looked at every second',
      'container.conf:29: inputs.container.logging_file_from_beginning_threshold_size: has no effect, nor has logging_max_open_files; files are read from the beginning, by blocks, and closed when they are done',
    ]);
  });

  test('is followed in all else', async () => {
    const options = optionsFrom(await load(file));
    expect(options).toMatchObject({ from: 'beginning', times: 'runtime', root: '/var/log/pods' });
    expect(options.description).toEqual({
      tags: { env: 'test' },
      includeRules: ['image:*/shop/*'],
      excludeRules: ['image:*logfwd*', 'image:*datakit*'],
      labelsAsTags: ['team'],
      sourceMap: { '^reviews': 'reviews' },
      fieldWhiteList: ['service'],
      defaults: {
        removeAnsi: true,
        enableMultiline: true,
        autoMultiline: true,
        autoMultilinePatterns: ['^x'],
        multilineOfSource: { reviews: '^20' },
        multilineWaitMs: 3_000,
      },
    });
  });
});

describe("DataKit's environment", () => {
  test('says the same as its file, and what does nothing is one warning', async () => {
    const env = {
      ENV_INPUT_CONTAINER_CONTAINER_INCLUDE_LOG: 'image:*/shop/*, namespace:prod',
      ENV_INPUT_CONTAINER_CONTAINER_EXCLUDE_LOG: 'image:*datakit*',
      ENV_INPUT_CONTAINER_EXTRACT_K8S_LABEL_AS_TAGS_V2: '["team"]',
      ENV_INPUT_CONTAINER_LOGGING_EXTRA_SOURCE_MAP: '^reviews=reviews,^x=y',
      ENV_INPUT_CONTAINER_LOGGING_SOURCE_MULTILINE_MAP_JSON: '{"reviews": "^20"}',
      ENV_INPUT_CONTAINER_LOGGING_ENABLE_MULTILINE: 'true',
      ENV_INPUT_CONTAINER_LOGGING_AUTO_MULTILINE_DETECTION: 'false',
      ENV_INPUT_CONTAINER_LOGGING_AUTO_MULTILINE_EXTRA_PATTERNS_JSON: '["^x"]',
      ENV_INPUT_CONTAINER_LOGGING_REMOVE_ANSI_ESCAPE_CODES: 'true',
      ENV_INPUT_CONTAINER_LOGGING_FIELD_WHITE_LIST: '["service"]',
      ENV_INPUT_CONTAINER_LOGGING_MIN_FLUSH_INTERVAL: '5s',
      ENV_INPUT_CONTAINER_TAGS: 'env=test,zone=a',
      ENV_INPUT_CONTAINER_ENDPOINTS: 'unix:///var/run/docker.sock',
      ENV_INPUT_CONTAINER_ENABLE_K8S_EVENT: 'true',
      ENV_INPUT_CONTAINER_METRIC_COLLEC_INTERVAL: '60s',
      ENV_INPUT_CONTAINER_LOGGING_MAX_OPEN_FILES: '500',
    };
    const loaded = await load('', env);
    const { faults, warnings } = loaded;
    expect(faults.map(formatFault)).toEqual([]);
    expect(optionsFrom(loaded).description).toEqual({
      tags: { env: 'test', zone: 'a' },
      includeRules: ['image:*/shop/*', 'namespace:prod'],
      excludeRules: ['image:*datakit*'],
      labelsAsTags: ['team'],
      sourceMap: { '^reviews': 'reviews', '^x': 'y' },
      fieldWhiteList: ['service'],
      defaults: {
        removeAnsi: true,
        enableMultiline: true,
        autoMultiline: false,
        autoMultilinePatterns: ['^x'],
        multilineOfSource: { reviews: '^20' },
        multilineWaitMs: 5_000,
      },
    });
    expect(warnings.map(formatFault)).toEqual([
      'environment: ENV_INPUT_CONTAINER_ENABLE_K8S_EVENT, ENV_INPUT_CONTAINER_ENDPOINTS, ENV_INPUT_CONTAINER_LOGGING_MAX_OPEN_FILES and ENV_INPUT_CONTAINER_METRIC_COLLEC_INTERVAL are known from DataKit and not used yet; no harm is done',
    ]);
  });
});
