import type { Fault } from '../../config/fault.ts';
import type { PodLogsExplanation } from '../../contract/status.ts';
import type { Pod } from '../../kube/kube.ts';
import type { LogSettings, Multiline } from '../../pipeline/logs/settings.ts';
import type { SourceOf } from './log-annotations.ts';
import type { LogDescriber } from './log-description.ts';
import type { RateLimitOptions } from './rate-limit.ts';

export interface ExplainedLogs {
  /** Of containers that somebody says something of. */
  readonly containers: readonly PodLogsExplanation[];
  readonly faults: readonly Fault[];
  readonly warnings: readonly Fault[];
}

/** Stands for whatever containers the pod has. */
const anyContainer = '$CONTAINER';

/** What follows for the logs of a pod from its annotations and the table of the input. */
export function explainLogs(pod: Pod, describer: LogDescriber, sourceOf?: SourceOf): ExplainedLogs {
  const names = pod.containers.length === 0 ? [anyContainer] : pod.containers.map(({ name }) => name);
  const all = names.map((container) => ({ container, ...describer.explain(pod, container, sourceOf) }));
  const told = all.filter(({ rules, leftOut }) => rules.rule !== undefined || leftOut !== undefined);
  return {
    containers: told.map(({ container, rules, settings, limit, leftOut, tags }) => ({
      container,
      ...(rules.rule !== undefined && { rule: rules.rule }),
      ...(leftOut !== undefined && { leftOut }),
      source: settings.source ?? container,
      tags,
      done: leftOut === undefined ? wordsOf(settings, limit) : [],
    })),
    faults: once(all.flatMap(({ rules }) => rules.faults)),
    warnings: [...once(all.flatMap(({ rules }) => rules.warnings)), ...strangers(pod, sourceOf)],
  };
}

/** Annotations about containers that the pod does not have. */
function strangers(pod: Pod, sourceOf: SourceOf | undefined): readonly Fault[] {
  if (pod.containers.length === 0) {
    return [];
  }
  return Object.entries(pod.annotations).flatMap(([annotation, text]): Fault[] => {
    const container = /^(?:datakit|meshbridge\.io)\/(.+)\.logs$/.exec(annotation)?.[1];
    if (container === undefined || pod.containers.some(({ name }) => name === container)) {
      return [];
    }
    const { file, firstLine, within } = sourceOf?.(annotation, text) ?? {
      file: `${pod.namespace}/${pod.name}`,
      within: annotation,
    };
    const message = `the pod has no container ${container}`;
    return [
      { code: 'no-effect', file, ...(firstLine !== undefined && { line: firstLine }), keyPath: within ?? '', message },
    ];
  });
}

/** The same annotation is read for each container. */
function once(faults: readonly Fault[]): readonly Fault[] {
  return [...new Map(faults.map((fault) => [JSON.stringify(fault), fault])).values()];
}

function wordsOf(settings: LogSettings, limit: RateLimitOptions | undefined): readonly string[] {
  const { encoding, removeAnsi, multiline, redact, parse } = settings;
  return [
    ...(encoding === 'as-is' ? [] : [`read from ${encoding}`]),
    ...(removeAnsi ? ['without terminal sequences'] : []),
    ...multilineWords(multiline),
    ...(redact.length === 0
      ? []
      : [`hidden: ${redact.map((one) => (typeof one === 'string' ? one : one.name)).join(', ')}`]),
    ...(parse.length === 0 ? [] : [`steps: ${parse.map(({ step }) => step).join(', ')}`]),
    ...limitWords(limit),
  ];
}

function multilineWords(multiline: Multiline): readonly string[] {
  switch (multiline.by) {
    case 'off':
      return [];
    case 'languages':
      return [`stack traces of ${multiline.languages.join(', ')} are one record`];
    case 'dates':
      return ['a line that begins with a time begins a record'];
    case 'pattern':
      return multiline.patterns.length === 0
        ? ['indented lines continue a record']
        : [`a line with ${multiline.patterns.join(' or ')} begins a record`];
  }
}

function limitWords(limit: RateLimitOptions | undefined): readonly string[] {
  const { linesPerSecond, bytesPerSecond, over } = limit ?? {};
  const most = [
    ...(linesPerSecond === undefined ? [] : [`${linesPerSecond} lines/s`]),
    ...(bytesPerSecond === undefined ? [] : [`${bytesPerSecond} bytes/s`]),
  ];
  return most.length === 0
    ? []
    : [`at most ${most.join(' and ')}; past it ${over === 'sample' ? 'lines are left out' : 'it is read later'}`];
}
