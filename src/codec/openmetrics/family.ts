import type { MetricType } from '../../model/metric.ts';
import { familyTypes, ownLabel, type SampleRule, typeOf } from './family-types.ts';
import { LineFault, type Metadata, type Sample } from './line.ts';
import { Point } from './point.ts';

/** A metric family while its lines come. Throws LineFault. */
export class Family {
  readonly name: string;
  readonly #said = new Set<Metadata['kind']>();
  readonly #ended = new Set<string>();
  #type: MetricType = 'unknown';
  #unit = '';
  #metric: { readonly key: string; point: Point } | undefined;

  constructor(name: string) {
    if (name.startsWith('_')) {
      throw new LineFault(`names that begin with "_" are reserved: "${name}"`);
    }
    this.name = name;
  }

  get type(): MetricType {
    return this.#type;
  }

  /** The names that its samples may have. */
  get sampleNames(): readonly string[] {
    return familyTypes[this.#type].map(({ suffix }) => this.name + suffix);
  }

  describe({ kind, text }: Metadata): void {
    if (this.#metric !== undefined) {
      throw new LineFault(`${kind} of ${this.name} must stand before its samples`);
    }
    if (this.#said.has(kind)) {
      throw new LineFault(`${kind} of ${this.name} stands there twice`);
    }
    this.#said.add(kind);
    if (kind === 'TYPE') {
      this.#setType(text);
    } else if (kind === 'UNIT') {
      this.#setUnit(text);
    }
    if (this.#unit !== '' && (this.#type === 'info' || this.#type === 'stateset')) {
      throw new LineFault(`${this.name} is of type ${this.#type}, which has no unit`);
    }
  }

  /** False where the name is none of its samples'. */
  take(sample: Sample): boolean {
    const rule = familyTypes[this.#type].find(({ suffix }) => sample.name === this.name + suffix);
    if (rule === undefined) {
      return false;
    }
    this.#pointOf(sample, rule).add(sample, rule);
    return true;
  }

  end(): void {
    this.#metric?.point.end();
  }

  #pointOf(sample: Sample, rule: SampleRule): Point {
    const key = metricKey(sample, ownLabel(rule, this.name));
    if (this.#metric?.key !== key) {
      this.end();
      if (this.#ended.has(key)) {
        throw new LineFault(
          `the samples of ${this.name} with equal labels must stand together, without others between`,
        );
      }
      this.#ended.add(key);
      this.#metric = { key, point: new Point(this.name, this.#type, sample.timestamp) };
      return this.#metric.point;
    }
    const { point } = this.#metric;
    const [before, now] = [point.timestamp, sample.timestamp];
    if ((before === undefined) !== (now === undefined)) {
      throw new LineFault(`of the samples of ${this.name} with equal labels all must have a timestamp, or none`);
    }
    if (before !== undefined && now !== undefined && now < before) {
      throw new LineFault(`the timestamps of ${sample.name} run backwards`);
    }
    if (before === now) {
      return point;
    }
    point.end();
    this.#metric.point = new Point(this.name, this.#type, now);
    return this.#metric.point;
  }

  #setType(word: string): void {
    const type = typeOf(word);
    if (type === undefined) {
      const hint = word === 'untyped' ? '; it is called "unknown" here' : '';
      throw new LineFault(`${JSON.stringify(word.slice(0, 40))} is not a metric type${hint}`);
    }
    this.#type = type;
  }

  #setUnit(unit: string): void {
    if (!/^[a-zA-Z0-9_:]*$/.test(unit)) {
      throw new LineFault(`${JSON.stringify(unit.slice(0, 40))} is not a unit`);
    }
    if (unit !== '' && !this.name.endsWith(`_${unit}`)) {
      throw new LineFault(`the name of a family with the unit "${unit}" must end in "_${unit}": ${this.name}`);
    }
    this.#unit = unit;
  }
}

/** Empty values count as absent (OpenMetrics 1.0, "Label"). */
function metricKey({ labels }: Sample, own: string | undefined): string {
  return JSON.stringify(
    labels.filter(([name, value]) => name !== own && value !== '').sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}
