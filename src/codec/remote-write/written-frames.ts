import type { Series } from '../../model/metric.ts';
import { type EncodedFrame, LabelBudget, MetricFrames } from '../otlp/metric-frames.ts';
import type { WrittenRequest, WrittenSeries } from './decode.ts';
import { described, type KnownFamilies } from './known-families.ts';
import type { Label, NamedLabels } from './written-labels.ts';

export type WriteRefusal = 'malformed' | 'native_histogram' | 'too_many';

export interface WrittenFrames {
  /** Of each target one, and more where a series has several samples. */
  readonly frames: readonly EncodedFrame[];
  readonly samples: number;
  readonly exemplars: number;
  /** Samples, and histograms, that were not taken, by reason, and what is wrong with the first of them. */
  readonly refused: ReadonlyMap<WriteRefusal, { readonly items: number; readonly message: string }>;
  /** A frame has an exemplar beside a sample of its series; these came without any. */
  readonly exemplarsLeftOut: number;
}

/** Times that a date can be made of, from 1970 on. */
const latestMs = 8.64e15;
/** Each is a record of its own; further targets share one. */
const mostTargets = 1_000;
const furtherTargets = 'further';
const tooMany = 'a request has too many samples of one series, or labels; send less at a time';

/**
 * Frames by target (`job` and `instance`), in the order of the times of each series. What is good is taken, whatever stands beside
 * it. `families` says of which type a series is where the request does not.
 */
export function writtenFrames(request: WrittenRequest, families: KnownFamilies): WrittenFrames {
  const collector = new Collector(families);
  for (const one of request.series) {
    collector.add(one);
  }
  return collector.result();
}

class Collector {
  readonly #families: KnownFamilies;
  readonly #budget = new LabelBudget();
  readonly #targets = new Map<string, MetricFrames>();
  readonly #refused = new Map<WriteRefusal, { items: number; message: string }>();
  /** Prometheus sends them as series of their own, behind all samples. */
  readonly #exemplars: { readonly identity: NamedLabels; readonly exemplars: WrittenSeries['exemplars'] }[] = [];
  #samples = 0;

  constructor(families: KnownFamilies) {
    this.#families = families;
  }

  add(written: WrittenSeries): void {
    const { identity, samples, exemplars, histograms } = written;
    if ('fault' in identity) {
      this.#refuse('malformed', Math.max(1, samples.length + histograms), identity.fault);
      return;
    }
    if (histograms > 0) {
      const message = `native histograms are not kept, such as ${identity.name}; have the sender send classic ones`;
      this.#refuse('native_histogram', histograms, message);
    }
    if (samples.length > 0) {
      this.#addSamples(written, identity);
    }
    if (exemplars.length > 0) {
      this.#exemplars.push({ identity, exemplars });
    }
  }

  result(): WrittenFrames {
    const { added, leftOut } = this.#addExemplars();
    return {
      frames: [...this.#targets.values()].flatMap((target) => target.encoded()),
      samples: this.#samples,
      exemplars: added,
      refused: this.#refused,
      exemplarsLeftOut: leftOut,
    };
  }

  #addSamples({ samples, metadata }: WrittenSeries, { name, labels }: NamedLabels): void {
    const about = isSaid(metadata) ? described(name, metadata) : this.#families.describe(name);
    const series: Series = { ...about, labels };
    const key = keyOf(name, labels);
    const target = this.#target(labels);
    for (const sample of samples) {
      if (!(sample.timeMs >= 0 && sample.timeMs <= latestMs)) {
        this.#refuse('malformed', 1, `the time ${sample.timeMs} ms of a sample of ${name} is no time since 1970`);
      } else if (target.add({ key, series, ...sample })) {
        this.#samples += 1;
      } else {
        this.#refuse('too_many', 1, tooMany);
      }
    }
  }

  #addExemplars(): { readonly added: number; readonly leftOut: number } {
    let [added, leftOut] = [0, 0];
    for (const { identity, exemplars } of this.#exemplars) {
      const target = this.#knownTarget(targetOf(identity.labels));
      if (target?.addExemplars(keyOf(identity.name, identity.labels), exemplars) === true) {
        added += exemplars.length;
      } else {
        leftOut += exemplars.length;
      }
    }
    return { added, leftOut };
  }

  #target(labels: readonly Label[]): MetricFrames {
    const key = targetOf(labels);
    const known = this.#knownTarget(key);
    if (known !== undefined) {
      return known;
    }
    const fresh = new MetricFrames(this.#budget);
    this.#targets.set(this.#targets.size < mostTargets ? key : furtherTargets, fresh);
    return fresh;
  }

  #knownTarget(key: string): MetricFrames | undefined {
    return this.#targets.get(key) ?? this.#targets.get(furtherTargets);
  }

  #refuse(reason: WriteRefusal, items: number, message: string): void {
    const known = this.#refused.get(reason);
    this.#refused.set(reason, { items: items + (known?.items ?? 0), message: known?.message ?? message });
  }
}

type Metadata = WrittenSeries['metadata'];

function isSaid(metadata: Metadata): metadata is NonNullable<Metadata> {
  return metadata !== undefined && (metadata.type !== 0 || metadata.help !== '' || metadata.unit !== '');
}

function targetOf(labels: readonly Label[]): string {
  return `${labelOf(labels, 'job')}\0${labelOf(labels, 'instance')}`;
}

function labelOf(labels: readonly Label[], name: string): string {
  return labels.find(([key]) => key === name)?.[1] ?? '';
}

function keyOf(name: string, labels: readonly Label[]): string {
  let key = name;
  for (const [label, value] of labels) {
    key += `\0${label}\0${value}`;
  }
  return key;
}
