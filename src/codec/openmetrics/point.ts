import type { MetricType } from '../../model/metric.ts';
import { ownLabel, type SampleRule } from './family-types.ts';
import { LineFault, numberInLabel, type Sample } from './line.ts';

const maxExemplarChars = 128;

/** One point of a metric: its samples of one time, as they come. Throws LineFault. */
export class Point {
  readonly timestamp: number | undefined;
  readonly #family: string;
  readonly #type: MetricType;
  /** Value by suffix, of the samples without a label of their own. */
  readonly #values = new Map<string, number>();
  readonly #owned = new Set<string>();
  #le = Number.NEGATIVE_INFINITY;
  #bucket: number | undefined;
  #belowZero = false;

  constructor(family: string, type: MetricType, timestamp: number | undefined) {
    this.#family = family;
    this.#type = type;
    this.timestamp = timestamp;
  }

  add(sample: Sample, rule: SampleRule): void {
    const fault = rule.valueFault?.(sample.value);
    if (fault !== undefined) {
      throw new LineFault(`the value of ${sample.name} ${fault}`);
    }
    this.#checkExemplar(sample, rule);
    if (rule.own === undefined) {
      this.#addPlain(sample, rule.suffix);
      return;
    }
    const label = ownLabel(rule, this.#family);
    const own = sample.labels.find(([name]) => name === label)?.[1];
    if (own === undefined) {
      throw new LineFault(`${sample.name}, of type ${this.#type}, needs the label "${label}"`);
    }
    if (rule.own === 'le') {
      this.#addBucket(own, sample);
    } else {
      this.#addOwned(own, sample, rule.own);
    }
  }

  /** Checks what only shows once all samples are there. */
  end(): void {
    if (this.#type === 'counter' && !this.#values.has('_total')) {
      throw incomplete(`counter ${this.#family} has no sample ${this.#family}_total`);
    }
    if (this.#type === 'histogram') {
      this.#endHistogram('_sum', '_count');
      if (this.#belowZero && this.#values.has('_sum')) {
        throw incomplete(`histogram ${this.#family} has buckets below zero, and so must have no ${this.#family}_sum`);
      }
    }
    if (this.#type === 'gaugehistogram') {
      this.#endHistogram('_gsum', '_gcount');
      if (!this.#belowZero && (this.#values.get('_gsum') ?? 0) < 0) {
        throw incomplete(`${this.#family}_gsum is negative, though there is no bucket below zero`);
      }
    }
  }

  #endHistogram(sumSuffix: string, countSuffix: string): void {
    const what = `${this.#type} ${this.#family}`;
    if (this.#bucket === undefined || this.#le !== Number.POSITIVE_INFINITY) {
      throw incomplete(`${what} has no bucket le="+Inf"`);
    }
    const count = this.#values.get(countSuffix);
    if ((count === undefined) === this.#values.has(sumSuffix)) {
      throw incomplete(`${what} must have both ${this.#family}${sumSuffix} and ${this.#family}${countSuffix}, or none`);
    }
    if (count !== undefined && count !== this.#bucket) {
      throw incomplete(`${this.#family}${countSuffix} is ${count}, but the bucket le="+Inf" is ${this.#bucket}`);
    }
  }

  #addPlain({ name, value, labels }: Sample, suffix: string): void {
    const taken = this.#type === 'summary' ? 'quantile' : this.#type.endsWith('histogram') ? 'le' : undefined;
    if (taken !== undefined && labels.some(([label]) => label === taken)) {
      throw new LineFault(`${name}, of type ${this.#type}, must not have the label "${taken}"`);
    }
    if (this.#values.has(suffix) && this.timestamp === undefined) {
      throw new LineFault(`${name} stands there twice with equal labels`);
    }
    this.#values.set(suffix, value);
  }

  #addBucket(le: string, { name, value, exemplar }: Sample): void {
    const bound = numberInLabel(le);
    if (Number.isNaN(bound)) {
      throw new LineFault(`le="${le}" of ${name} is no number; infinity is written "+Inf"`);
    }
    if (this.#bucket !== undefined && bound <= this.#le) {
      throw new LineFault(`the buckets of ${name} must be in increasing order of le, each once: le="${le}"`);
    }
    if (this.#bucket !== undefined && value < this.#bucket) {
      throw new LineFault(`the buckets of ${name} must be cumulative: le="${le}" counts less than the one before`);
    }
    if (exemplar !== undefined && !(exemplar.value <= bound)) {
      throw new LineFault(`the exemplar of ${name} is not in its bucket le="${le}"`);
    }
    this.#belowZero ||= bound < 0;
    this.#le = bound;
    this.#bucket = value;
  }

  #addOwned(own: string, { name }: Sample, kind: 'quantile' | 'family'): void {
    const quantile = kind === 'quantile' ? numberInLabel(own) : 0;
    if (!(quantile >= 0 && quantile <= 1)) {
      throw new LineFault(`quantile="${own}" of ${name} is not between 0 and 1`);
    }
    if (this.#owned.has(own) && this.timestamp === undefined) {
      throw new LineFault(`${name} stands there twice with equal labels`);
    }
    this.#owned.add(own);
  }

  #checkExemplar({ name, exemplar }: Sample, rule: SampleRule): void {
    if (exemplar === undefined) {
      return;
    }
    if (rule.exemplars === undefined) {
      throw new LineFault(`no exemplar may stand at ${name}, a sample of type ${this.#type}`);
    }
    const chars = exemplar.labels.reduce((sum, [label, value]) => sum + [...label, ...value].length, 0);
    if (chars > maxExemplarChars) {
      throw new LineFault(`the labels of an exemplar have ${chars} characters, more than ${maxExemplarChars}`);
    }
  }
}

function incomplete(message: string): LineFault {
  return new LineFault(message, 'line before');
}
