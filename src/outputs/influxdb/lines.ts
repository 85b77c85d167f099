import { encodeLine } from '../../codec/line-protocol/encode-line.ts';
import type { Point } from '../../codec/points/point.ts';
import type { RecordPoints } from '../../codec/points/record-points.ts';
import type { QueueRecord } from '../../model/batch.ts';

export interface Lines {
  readonly text: string;
  /** Items that line protocol cannot say. */
  readonly without: number;
}

/** Tags of browser data that have few values. InfluxDB keeps an index of every combination of tags: the others become fields. */
const browserTags = new Set([
  'app_id',
  'browser',
  'country',
  'device',
  'env',
  'error_source',
  'os',
  'resource_method',
  'resource_status_group',
  'sdk_name',
  'service',
  'version',
  'view_loading_type',
]);

/** Throws BRIDGE_DECODE. */
export function linesOf(records: readonly QueueRecord[], pointsOf: RecordPoints): Lines {
  const texts: string[] = [];
  let lost = 0;
  for (const record of records) {
    const { points, without } = pointsOf.of(record);
    lost += without;
    for (const point of points) {
      const text = encodeLine(record.signal === 'rum' ? browserPoint(point) : point);
      if (text === undefined) {
        lost += 1;
      } else {
        texts.push(text);
      }
    }
  }
  return { text: texts.join('\n'), without: lost };
}

function browserPoint({ measurement, tags, fields, timeNanos }: Point): Point {
  const all = Object.entries(tags);
  const few = Object.fromEntries(all.filter(([name]) => browserTags.has(name)));
  const many = Object.fromEntries(all.filter(([name]) => !browserTags.has(name)));
  return { measurement, tags: few, fields: { ...many, ...fields }, timeNanos };
}
