import type { PodView } from '../../kube/kube.ts';
import type { ContainerConfig } from './container.ts';
import type { ContainerInputOptions } from './container-input.ts';
import type { LogDefaults } from './log-entry.ts';

/** What the table asks for, in the words of the reader. */
export function optionsOf(config: ContainerConfig, pods: PodView | undefined): ContainerInputOptions {
  return {
    root: config.root,
    ...(config.host_root !== '' && { hostRoot: config.host_root }),
    include: config.include,
    exclude: config.exclude,
    from: config.from,
    times: config.timestamp,
    kubeletRoot: config.kubelet_root,
    maxLineBytes: config.max_line_bytes,
    pollIntervalMs: config.poll_interval,
    flushAfterMs: config.flush_after,
    pinned: { ms: config.max_pinned_age, bytes: config.max_pinned_bytes },
    description: {
      ...(pods && { pods }),
      tags: config.tags,
      includeRules: config.container_include_log,
      excludeRules: config.container_exclude_log,
      labelsAsTags: config.extract_k8s_label_as_tags_v2,
      sourceMap: config.logging_extra_source_map,
      fieldWhiteList: config.logging_field_white_list,
      defaults: defaultsOf(config),
    },
  };
}

function defaultsOf(config: ContainerConfig): LogDefaults {
  return {
    multiline: config.multiline,
    redact: config.redact,
    parse: config.parse,
    max_lines_per_second: config.max_lines_per_second,
    max_bytes_per_second: config.max_bytes_per_second,
    over_limit: config.over_limit,
    removeAnsi: config.logging_remove_ansi_escape_codes,
    enableMultiline: config.logging_enable_multiline,
    autoMultiline: config.logging_auto_multiline_detection,
    autoMultilinePatterns: config.logging_auto_multiline_extra_patterns,
    multilineOfSource: config.logging_source_multiline_map,
    multilineWaitMs: config.logging_max_multiline_life_duration ?? config.logging_min_flush_interval,
  };
}
