import { type Fault, formatFault } from '../../config/fault.ts';
import type { Pod, PodView } from '../../kube/kube.ts';
import type { Origin, TagEdits } from '../../model/batch.ts';
import type { LogSettings } from '../../pipeline/logs/settings.ts';
import { DataKitRules } from './datakit-rules.ts';
import { matchesAny } from './globs.ts';
import { type ContainerRules, noRules, rulesOf, type SourceOf } from './log-annotations.ts';
import { type LogDefaults, limitOf, settingsOf } from './log-entry.ts';
import { containerOfLog, originOfLog, pathInContainer } from './log-path.ts';
import { PatternFaults } from './pattern-faults.ts';
import { containerOf, type LogPlace, labelTags, originOfPod, restartOf, tagsOfPod } from './pod-facts.ts';
import { RateLimit, type RateLimitOptions } from './rate-limit.ts';
import { SourceNames } from './source-names.ts';

/** What is known and wanted of one log. The same object until something of it changes. */
export interface LogDescription {
  readonly origin: Origin;
  readonly edits: TagEdits | undefined;
  readonly settings: LogSettings;
  readonly limit: RateLimit | undefined;
  /** Why it is not read. */
  readonly leftOut: string | undefined;
  /** The annotation that its settings come from. */
  readonly rule: string | undefined;
  /** Whole lines. */
  readonly problems: readonly string[];
}

/** The same of a container, before it has a log. */
export interface ExplainedLog {
  readonly settings: LogSettings;
  readonly tags: Readonly<Record<string, string>>;
  readonly limit: RateLimitOptions | undefined;
  readonly rules: ContainerRules;
  readonly leftOut: string | undefined;
}

/** All that is left out is empty. */
export interface DescriberOptions {
  /** Undefined where nobody asks an API server. */
  readonly pods?: PodView | undefined;
  readonly tags?: Readonly<Record<string, string>>;
  readonly includeRules?: readonly string[];
  readonly excludeRules?: readonly string[];
  /** DataKit's `extract_k8s_label_as_tags_v2`. */
  readonly labelsAsTags?: readonly string[];
  /** DataKit's `logging_extra_source_map`: expression → source. */
  readonly sourceMap?: Readonly<Record<string, string>>;
  /** DataKit's `logging_field_white_list`. Empty: all. */
  readonly fieldWhiteList?: readonly string[];
  readonly defaults?: LogDefaults;
}

const noDefaults: LogDefaults = { removeAnsi: false, autoMultilinePatterns: [], multilineOfSource: {} };

interface Known {
  /** As it stands in the name of the directory. */
  readonly uid: string;
  readonly pod: Pod | undefined;
  readonly description: LogDescription;
}

/** Tells of each log what its pod, its annotations and the configuration say. Waits for nobody: what is not known is left open. */
export class LogDescriber {
  readonly #rules: DataKitRules;
  readonly #options: DescriberOptions;
  readonly #defaults: LogDefaults;
  readonly #sources: SourceNames;
  readonly #patterns = new PatternFaults();
  /** What is wrong with the table's own patterns and steps. */
  readonly wrongForAll: readonly string[];
  readonly #known = new Map<string, Known>();
  /** Of containers: their instances share one. */
  readonly #limits = new Map<string, { readonly key: string; readonly limit: RateLimit }>();

  constructor(options: DescriberOptions = {}) {
    this.#options = options;
    this.#defaults = options.defaults ?? noDefaults;
    this.#rules = new DataKitRules(options.includeRules ?? [], options.excludeRules ?? []);
    this.#sources = new SourceNames(options.sourceMap ?? {});
    this.wrongForAll = this.#patterns.faultsOf(settingsOf({}, this.#defaults, ''));
  }

  /** What of the configuration does nothing: whole lines. */
  warnings(): readonly string[] {
    const { unknown, needingPods } = this.#rules;
    const ofImages = this.#options.pods === undefined ? needingPods : [];
    const { wrong } = this.#sources;
    return [
      ...line('container_include_log and container_exclude_log', unknown, 'there are no such rules'),
      ...line(
        'container_include_log and container_exclude_log',
        ofImages,
        'images and workloads are known in a cluster alone',
      ),
      ...line('logging_extra_source_map', wrong, 'that is no regular expression (RE2)'),
      ...this.wrongForAll.map((text) => `inputs.container: ${text}; it is left out`),
    ];
  }

  /** `path`: of the log below the root. */
  describe(path: string, nowMs: number): LogDescription {
    const known = this.#known.get(path);
    const uid = known?.uid ?? originOfLog(path).podUid ?? '';
    const pod = this.#options.pods?.find(uid);
    // A pod that is forgotten was known well enough.
    if (known !== undefined && (pod === known.pod || pod === undefined)) {
      return known.description;
    }
    const description = this.#make(path, pod, nowMs);
    this.#known.set(path, { uid, pod, description });
    return description;
  }

  /** Whether the pod has been seen, or nobody will ever see it. */
  knows(path: string): boolean {
    const known = this.#known.get(path);
    const { pods } = this.#options;
    return pods === undefined || known?.pod !== undefined || pods.find(originOfLog(path).podUid ?? '') !== undefined;
  }

  forget(path: string): void {
    this.#known.delete(path);
    const container = containerOfLog(path);
    if (![...this.#known.keys()].some((other) => containerOfLog(other) === container)) {
      this.#limits.delete(container);
    }
  }

  /** What would be known and wanted of the logs of such a pod. */
  explain(pod: Pod, container: string, sourceOf?: SourceOf): ExplainedLog {
    const origin = originOfPod({ namespace: pod.namespace, pod: pod.name, podUid: pod.uid, container }, pod);
    const { settings, tags, limit, rules, leftOut } = this.#found({ origin, restart: undefined }, pod, sourceOf);
    return { settings, tags, limit, rules, leftOut };
  }

  #make(path: string, pod: Pod | undefined, nowMs: number): LogDescription {
    const inside = pathInContainer(path);
    const place = { origin: originOfLog(path), restart: restartOf(path), ...(inside !== undefined && { inside }) };
    const { origin, settings, tags, limit, rules, leftOut } = this.#found(place, pod);
    return {
      origin,
      edits: Object.keys(tags).length === 0 ? undefined : { add: tags },
      settings,
      limit: limit && this.#limit(containerOfLog(path), JSON.stringify(limit), () => new RateLimit(limit, nowMs)),
      leftOut,
      rule: rules.rule,
      problems: [...rules.faults, ...rules.warnings].map(formatFault),
    };
  }

  #found(place: LogPlace, pod: Pod | undefined, sourceOf?: SourceOf): ExplainedLog & { readonly origin: Origin } {
    const origin = pod === undefined ? place.origin : originOfPod(place.origin, pod);
    const { container = '' } = origin;
    const said = pod === undefined ? noRules : rulesOf(pod, container, sourceOf);
    const rules = place.inside === undefined || pod === undefined ? said : ofFile(said, place.inside);
    const source = this.#sources.of(rules.entry.source, container);
    const settings = settingsOf({ ...rules.entry, source }, this.#defaults, source ?? container);
    return {
      origin: source === undefined ? origin : { ...origin, source },
      settings,
      tags: this.#tags(pod, settings, { ...place, origin }),
      limit: limitOf(rules.entry, this.#defaults),
      rules: { ...rules, faults: [...rules.faults, ...this.#patternFaults(settings, rules)] },
      leftOut: this.#refusal(origin, pod) ?? rules.leftOut,
    };
  }

  #patternFaults(settings: LogSettings, { place }: ContainerRules): readonly Fault[] {
    const wrong = this.#patterns.faultsOf(settings).filter((text) => !this.wrongForAll.includes(text));
    return wrong.map((message) => ({ code: 'value', keyPath: 'inputs.container', ...place, message }));
  }

  /** Weaker tags first: those of the table, labels of the pod, the annotation's, and what is known for sure. */
  #tags(pod: Pod | undefined, settings: LogSettings, place: LogPlace): Record<string, string> {
    const { tags, labelsAsTags = [], fieldWhiteList = [] } = this.#options;
    const service = settings.service ?? settings.source ?? '';
    const all = {
      ...tags,
      ...(pod !== undefined && labelTags(pod, labelsAsTags)),
      ...settings.tags,
      ...(pod !== undefined && tagsOfPod(pod, place)),
      ...(service !== '' && { service }),
    };
    const isKept = (name: string): boolean => fieldWhiteList.length === 0 || fieldWhiteList.includes(name);
    return Object.fromEntries(Object.entries(all).filter(([name]) => isKept(name)));
  }

  #refusal({ namespace, pod: name, container, workload }: Origin, pod: Pod | undefined): string | undefined {
    const image = containerOf(pod, container)?.image;
    return this.#rules.refusal({ namespace, pod: name, container, workload, image });
  }

  #limit(container: string, key: string, make: () => RateLimit): RateLimit {
    const known = this.#limits.get(container);
    const limit = known?.key === key ? known.limit : make();
    this.#limits.set(container, { key, limit });
    return limit;
  }
}

/** What is said of stdout is not said of a file. */
function ofFile(rules: ContainerRules, inside: string): ContainerRules {
  const { rule, files, faults, warnings, place } = rules;
  const entry = files.findLast(({ path }) => matchesAny([path], inside));
  return {
    ...{ rule, files, faults, warnings, entry: entry ?? {} },
    ...(place && { place }),
    ...(entry === undefined && { leftOut: 'no annotation names the file any more' }),
  };
}

function line(key: string, written: readonly string[], why: string): readonly string[] {
  return written.length === 0
    ? []
    : [`${key}: without effect ${written.length === 1 ? 'is' : 'are'} ${written.join(', ')}; ${why}`];
}
