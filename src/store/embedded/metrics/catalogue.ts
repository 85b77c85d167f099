import type { Answer, TimeRange } from '../../../contract/store.ts';
import { inByteOrder, labelKey, labelValue, metricName } from '../../../promql/labels.ts';
import type { Slice } from '../slice.ts';
import type { StoredMetrics } from './metric-questions.ts';
import type { MetricPartition } from './partition.ts';
import type { SeriesFacts, SeriesTable } from './series-table.ts';
import type { VirtualFamily, VirtualSeries } from './virtual-series.ts';

interface Listed {
  readonly facts: SeriesFacts;
  series: number;
}

const everything = { startMs: Number.NEGATIVE_INFINITY, endMs: Number.POSITIVE_INFINITY };

/** The metric names with series in the range, and how many different ones. What is known of a name is what came last. */
export async function catalogue(
  { partitions, virtual }: StoredMetrics,
  range: TimeRange,
  slice: Slice,
): Promise<Answer> {
  const listed = new Map<string, Listed>();
  const isNew = partitions.length > 1 ? onceEach() : () => true;
  for (const partition of partitions.toReversed()) {
    await partition.load(slice);
    const table = partition.table();
    for await (const [name, series] of seriesOf(partition, range, slice)) {
      if (!isNew(table, series)) {
        continue;
      }
      const known = listed.get(name);
      const facts = table.facts(series);
      if (known !== undefined) {
        known.series++;
      } else if (facts !== undefined) {
        listed.set(name, { facts, series: 1 });
      }
    }
  }
  await addVirtual(listed, virtual, { range, slice });
  const rows = [...listed]
    .sort(([a], [b]) => inByteOrder(a, b))
    .map(
      ([
        name,
        {
          facts: { measurement, field, type, help, unit },
          series,
        },
      ]) => ({
        name,
        measurement,
        field,
        type,
        help,
        unit,
        series,
      }),
    );
  return { contentType: 'application/json', body: Buffer.from(JSON.stringify(rows)), count: rows.length };
}

async function addVirtual(
  listed: Map<string, Listed>,
  virtual: VirtualSeries | undefined,
  { range, slice }: { readonly range: TimeRange; readonly slice: Slice },
): Promise<void> {
  for (const labels of (await virtual?.list([], range, slice)) ?? []) {
    const name = labelValue(labels, metricName);
    const family = virtual?.families.find((one) => name.startsWith(one.name));
    const known = listed.get(name);
    if (known !== undefined) {
      known.series++;
    } else if (family !== undefined) {
      const facts = { measurement: family.name, field: name, type: family.type, help: family.help };
      listed.set(name, { facts, series: 1 });
    }
  }
}

/** True when series of equal labels have not been asked for. */
function onceEach(): (table: SeriesTable, series: number) => boolean {
  const known = new Set<number>();
  return (table, series) => {
    const before = known.size;
    return known.add(hashOf(labelKey(table.labels(series)))).size > before;
  };
}

/** `{<family>: [{type, help, unit}]}`, as Prometheus' `metadata` answers. Families of which nothing was said are left out. */
export async function metadata(
  { partitions, virtual }: StoredMetrics,
  asked: { readonly metric?: string; readonly limit: number },
  slice: Slice,
): Promise<Answer> {
  const families = new Map<string, Map<string, object>>();
  for (const partition of partitions.toReversed()) {
    await partition.load(slice);
    const table = partition.table();
    for await (const [name, series] of seriesOf(partition, everything, slice)) {
      noteFamily(families, name, { facts: table.facts(series), metric: asked.metric });
    }
  }
  for (const { name, type, help } of await virtualFamilies(virtual, slice)) {
    if ((asked.metric ?? name) === name && !families.has(name)) {
      families.set(name, new Map([['', { type, help, unit: '' }]]));
    }
  }
  const sorted = [...families].sort(([a], [b]) => inByteOrder(a, b));
  const limited = asked.limit > 0 ? sorted.slice(0, asked.limit) : sorted;
  const body = JSON.stringify(Object.fromEntries(limited.map(([family, told]) => [family, [...told.values()]])));
  return { contentType: 'application/json', body: Buffer.from(body), count: limited.length };
}

function noteFamily(
  families: Map<string, Map<string, object>>,
  name: string,
  { facts, metric }: { readonly facts: SeriesFacts | undefined; readonly metric: string | undefined },
): void {
  const family = facts === undefined ? name : familyOf(name, facts);
  if (facts !== undefined && isTold(facts) && (metric ?? family) === family) {
    const { type, help = '', unit = '' } = facts;
    const known = families.get(family) ?? new Map<string, object>();
    known.set(JSON.stringify([type, help, unit]), { type, help, unit });
    families.set(family, known);
  }
}

/** Those that there is anything of now. */
async function virtualFamilies(virtual: VirtualSeries | undefined, slice: Slice): Promise<readonly VirtualFamily[]> {
  const some = (await virtual?.list([], everything, slice)) ?? [];
  const names = some.map((labels) => labelValue(labels, metricName));
  return (virtual?.families ?? []).filter((family) => names.some((name) => name.startsWith(family.name)));
}

function isTold({ type, help, unit }: SeriesFacts): boolean {
  return type !== 'unknown' || help !== undefined || unit !== undefined;
}

/** The series of a histogram or summary have the family's name and what they count. */
function familyOf(name: string, { type }: SeriesFacts): string {
  return type === 'histogram' || type === 'summary' || type === 'gaugehistogram'
    ? name.replace(/_(bucket|sum|count|gsum|gcount)$/, '')
    : name;
}

async function* seriesOf(
  partition: MetricPartition,
  range: TimeRange,
  slice: Slice,
): AsyncGenerator<readonly [name: string, series: number], void, undefined> {
  const table = partition.table();
  for (const [name, first] of table.names()) {
    for (let series: number | undefined = first; series !== undefined; series = table.next(series)) {
      if (partition.reaches(series, range)) {
        yield [name, series];
      }
    }
    if (slice.over) {
      await slice.yield();
    }
  }
}

/** 53 bits. */
function hashOf(text: string): number {
  let high = 0x811c9dc5;
  let low = 0x9747b28c;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    high = Math.imul(high ^ unit, 0x01000193);
    low = Math.imul(low ^ unit, 0x5bd1e995) ^ (low >>> 15);
  }
  return (high >>> 11) * 2 ** 32 + (low >>> 0);
}
