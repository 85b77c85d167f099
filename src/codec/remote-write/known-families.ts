import type { MetricType, Series } from '../../model/metric.ts';
import type { FamilyMetadata } from './metadata.ts';

/** By their number in types.proto. */
const types: readonly MetricType[] = [
  'unknown',
  'counter',
  'gauge',
  'histogram',
  'gaugehistogram',
  'summary',
  'info',
  'stateset',
];

/** Endings of samples, and the types of families whose samples have them. */
const endings: readonly (readonly [ending: string, types: readonly MetricType[]])[] = [
  ['_bucket', ['histogram', 'gaugehistogram']],
  ['_count', ['histogram', 'gaugehistogram', 'summary']],
  ['_sum', ['histogram', 'gaugehistogram', 'summary']],
  ['_gcount', ['gaugehistogram']],
  ['_gsum', ['gaugehistogram']],
  ['_total', ['counter']],
  ['_info', ['info']],
  ['_created', ['counter', 'histogram', 'summary']],
];

/** Room for the texts of some 50,000 families. */
const mostBytes = 8 * 1024 * 1024;

interface Known extends Omit<FamilyMetadata, 'type'> {
  readonly type: MetricType;
}

/** What senders said of families: 1.0 sends that apart from the samples, once a minute. */
export class KnownFamilies {
  readonly #families = new Map<string, Known>();
  #sizeBytes = 0;

  /**
   * Targets may say different things of one family, in one request: what is known stays as long as one of them still says it, so that
   * series do not change each minute. What finds no room is not kept.
   */
  learn(said: readonly FamilyMetadata[]): void {
    const byFamily = Map.groupBy(said, ({ family }) => family);
    for (const [family, all] of byFamily) {
      const candidates = all.map(knownOf).sort((a, b) => (textOf(a) < textOf(b) ? -1 : 1));
      const known = this.#families.get(family);
      const stays = known !== undefined && candidates.some((one) => textOf(one) === textOf(known));
      const fresh = candidates.find(({ type }) => type !== 'unknown') ?? candidates[0];
      if (!stays && fresh !== undefined) {
        this.#set(fresh, known);
      }
    }
  }

  /** All but the labels of a series of that name. */
  describe(name: string): Omit<Series, 'labels'> {
    return describedAs(name, this.#find(name));
  }

  #set(fresh: Known, before: Known | undefined): void {
    const grownBytes = sizeOf(fresh) - (before === undefined ? 0 : sizeOf(before));
    if (this.#sizeBytes + grownBytes <= mostBytes) {
      this.#families.set(fresh.family, fresh);
      this.#sizeBytes += grownBytes;
    }
  }

  #find(name: string): Known | undefined {
    const whole = this.#families.get(name);
    if (whole !== undefined) {
      return whole;
    }
    for (const [ending, of] of endings) {
      const family = name.endsWith(ending) ? this.#families.get(name.slice(0, -ending.length)) : undefined;
      if (family !== undefined && of.includes(family.type)) {
        return family;
      }
    }
    return undefined;
  }
}

/** As `KnownFamilies.describe`, by what 2.0 says beside the series itself. */
export function described(name: string, { type, help, unit }: Omit<FamilyMetadata, 'family'>): Omit<Series, 'labels'> {
  const known = types[type] ?? 'unknown';
  const ending = endings.find(([one, of]) => name.endsWith(one) && of.includes(known))?.[0] ?? '';
  return describedAs(name, { family: name.slice(0, name.length - ending.length), type: known, help, unit });
}

function describedAs(name: string, known: Known | undefined): Omit<Series, 'labels'> {
  const type = known?.type ?? 'unknown';
  const whole = known !== undefined && (type === 'histogram' || type === 'summary');
  return {
    name,
    type,
    ...(known !== undefined && known.help !== '' && { help: known.help }),
    ...(known !== undefined && known.unit !== '' && { unit: known.unit }),
    ...splitAsDataKit(name, whole ? known.family : name),
  };
}

/** At the first `_` of the family; what the name has beyond the family belongs to the field. */
function splitAsDataKit(name: string, family: string): Pick<Series, 'measurement' | 'field'> {
  const from = family.search(/[^_]/);
  const ending = name.slice(family.length);
  if (from < 0 || from === family.length - 1) {
    return { measurement: 'unknown', field: `unknown${ending}` };
  }
  const bare = family.slice(from);
  const at = bare.indexOf('_');
  if (at < 0 || at === bare.length - 1) {
    const both = at < 0 ? bare : bare.slice(0, at);
    return { measurement: both, field: both + ending };
  }
  return { measurement: bare.slice(0, at), field: bare.slice(at + 1) + ending };
}

function knownOf({ family, type, help, unit }: FamilyMetadata): Known {
  return { family, type: types[type] ?? 'unknown', help, unit };
}

function textOf({ type, help, unit }: Known): string {
  return JSON.stringify([type, help, unit]);
}

function sizeOf({ family, help, unit }: Known): number {
  return 2 * (family.length + help.length + unit.length) + 64;
}
