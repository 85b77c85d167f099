import type { MetricType } from '../../model/metric.ts';

export interface Family {
  readonly name: string;
  type: MetricType;
  help: string | undefined;
  unit: string | undefined;
}

/** `untyped` is the old word for unknown; DataKit's exporters write `INFO` in capitals too. */
const typeWords: ReadonlyMap<string, MetricType> = new Map([
  ['counter', 'counter'],
  ['gauge', 'gauge'],
  ['histogram', 'histogram'],
  ['summary', 'summary'],
  ['untyped', 'unknown'],
  ['unknown', 'unknown'],
  ['info', 'info'],
  ['INFO', 'info'],
  ['stateset', 'stateset'],
  ['gaugehistogram', 'gaugehistogram'],
]);

/** Types whose samples carry a suffix behind the family's name. */
const suffixTypes: readonly (readonly [suffix: string, types: readonly MetricType[]])[] = [
  ['_bucket', ['histogram', 'gaugehistogram']],
  ['_sum', ['histogram', 'summary', 'gaugehistogram']],
  ['_count', ['histogram', 'summary', 'gaugehistogram']],
  ['_total', ['counter']],
  ['_created', ['counter', 'histogram', 'summary']],
  ['_gsum', ['gaugehistogram']],
  ['_gcount', ['gaugehistogram']],
  ['_info', ['info']],
];

/** What TYPE, HELP and UNIT lines said so far. Said twice, the last holds, and families may come in any order. */
export class Families {
  readonly #byName = new Map<string, Family>();

  /** The family that covers a sample of that name: its own, else that of the name without a suffix which its type has. */
  of(names: FamilyNames): Family | undefined {
    const own = this.#byName.get(names.own);
    if (own !== undefined || names.base === undefined) {
      return own;
    }
    const base = this.#byName.get(names.base);
    return base !== undefined && names.baseTypes.includes(base.type) ? base : undefined;
  }

  /** False where it is not a type's word. */
  setType(name: string, word: string): boolean {
    const type = typeWords.get(word);
    if (type === undefined) {
      return false;
    }
    this.#family(name).type = type;
    return true;
  }

  setHelp(name: string, help: string): void {
    this.#family(name).help = help === '' ? undefined : help;
  }

  setUnit(name: string, unit: string): void {
    this.#family(name).unit = unit === '' ? undefined : unit;
  }

  #family(name: string): Family {
    let family = this.#byName.get(name);
    if (family === undefined) {
      family = { name, type: 'unknown', help: undefined, unit: undefined };
      this.#byName.set(name, family);
    }
    return family;
  }
}

/** The names under which a sample's family may stand. */
export interface FamilyNames {
  readonly own: string;
  readonly base: string | undefined;
  readonly baseTypes: readonly MetricType[];
}

export function familyNames(name: string): FamilyNames {
  for (const [suffix, types] of suffixTypes) {
    if (name.length > suffix.length && name.endsWith(suffix)) {
      return { own: name, base: name.slice(0, -suffix.length), baseTypes: types };
    }
  }
  return { own: name, base: undefined, baseTypes: [] };
}
