import type { Point, Points, PointValue } from '../../codec/points/point.ts';
import type { RecordPoints } from '../../codec/points/record-points.ts';
import type { QueueRecord, Signal } from '../../model/batch.ts';

/** Dataway's names of what there is to write. */
export const categories: Readonly<Record<Signal, string>> = {
  metrics: 'metric',
  traces: 'tracing',
  logs: 'logging',
  rum: 'rum',
};

/** Limits of a point (GuanceCloud/cliutils, point); what is longer is cut, what is too much left out. */
const limits = {
  measurement: 1_024,
  tags: 256,
  fields: 1_024,
  key: 256,
  tagValue: 1_024,
  text: 32 * 1024 * 1024,
} as const;

/** The records' points, as a Dataway takes them. `without` counts samples that no point can hold. Throws BRIDGE_DECODE. */
export function pointsOf(records: readonly QueueRecord[], all: RecordPoints): Points {
  const parts = records.map((record) => all.of(record));
  return {
    points: parts.flatMap(({ points }, index) => points.map((point) => fitted(point, records[index]?.signal))),
    without: parts.reduce((sum, { without }) => sum + without, 0),
  };
}

/** Names of metrics may have dots; elsewhere they become `_`. */
function fitted({ measurement, tags, fields, timeNanos }: Point, signal: Signal | undefined): Point {
  const keyOf = (key: string): string =>
    oneLine(signal === 'metrics' ? key : key.replaceAll('.', '_')).slice(0, limits.key);
  const cutTags = Object.entries(tags)
    .slice(0, limits.tags)
    .map(([key, value]) => [keyOf(key), oneLine(value).slice(0, limits.tagValue)] as const);
  const taken = new Set(cutTags.map(([key]) => key));
  const cutFields = Object.entries(fields)
    .map(([key, value]) => [keyOf(key), cut(value)] as const)
    .filter(([key]) => !taken.has(key))
    .slice(0, limits.fields);
  return {
    measurement: oneLine(measurement).slice(0, limits.measurement) || '__default',
    tags: Object.fromEntries(cutTags),
    fields: Object.fromEntries(cutFields),
    timeNanos,
  };
}

function oneLine(text: string): string {
  return text.replaceAll('\n', ' ').replace(/\\+$/, '');
}

function cut(value: PointValue): PointValue {
  return typeof value === 'string' && value.length > limits.text ? value.slice(0, limits.text) : value;
}
