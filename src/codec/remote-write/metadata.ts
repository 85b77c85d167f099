import { metricTypes, type ShapeRows } from '../metric-frame/metric-frame.ts';
import { field } from './varint.ts';

/** What is known of a family of metrics. Empty texts: not known. */
export interface FamilyMetadata {
  readonly family: string;
  /** `MetricMetadata.MetricType` of types.proto. */
  readonly type: number;
  readonly help: string;
  readonly unit: string;
}

/** By our types: their number in types.proto. */
const typeNumbers: ReadonlyMap<string, number> = new Map([
  ['unknown', 0],
  ['counter', 1],
  ['gauge', 2],
  ['histogram', 3],
  ['gaugehistogram', 4],
  ['summary', 5],
  ['info', 6],
  ['stateset', 7],
]);

/** Names of samples that are not the name of their family. */
const suffixes: ReadonlyMap<string, RegExp> = new Map([
  ['histogram', /_(?:bucket|sum|count|created)$/],
  ['gaugehistogram', /_(?:bucket|gsum|gcount|sum|count)$/],
  ['summary', /_(?:sum|count|created)$/],
]);

/** Of the families of a shape of which there is something to say, each once. */
export function metadataOf(rows: ShapeRows): readonly FamilyMetadata[] {
  const families = new Map<string, FamilyMetadata>();
  const seen = new Set<number>();
  for (let i = 0; i < rows.count; i++) {
    const name = rows.names[i] ?? 0;
    if (seen.has(name)) {
      continue;
    }
    seen.add(name);
    const type = metricTypes[rows.types[i] ?? 0] ?? 'unknown';
    const family = textOf(rows, name + 1).replace(suffixes.get(type) ?? /$^/, '');
    const help = textOf(rows, rows.helps[i] ?? 0);
    const unit = textOf(rows, rows.units[i] ?? 0);
    if (!families.has(family) && (type !== 'unknown' || help !== '' || unit !== '')) {
      families.set(family, { family, type: typeNumbers.get(type) ?? 0, help, unit });
    }
  }
  return [...families.values()];
}

/** `metadata=3` {type=1, metric_family_name=2, help=4, unit=5}, part of a request. */
export function encodeMetadata(families: Iterable<FamilyMetadata>): Buffer {
  const parts: Buffer[] = [];
  for (const { family, type, help, unit } of families) {
    const fields = [Buffer.of(0x08, type), field(0x12, Buffer.from(family))];
    parts.push(field(0x1a, ...fields, ...text(0x22, help), ...text(0x2a, unit)));
  }
  return Buffer.concat(parts);
}

function text(tag: number, value: string): readonly Buffer[] {
  return value === '' ? [] : [field(tag, Buffer.from(value))];
}

/** `number` is the index of the string, + 1. */
function textOf(rows: ShapeRows, number: number): string {
  return rows.strings[number - 1]?.toString('utf8') ?? '';
}
