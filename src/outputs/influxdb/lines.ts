import { encodeLine } from '../../codec/line-protocol/encode-line.ts';
import { logPoints } from '../../codec/points/log-points.ts';
import type { MetricPoints } from '../../codec/points/metric-points.ts';
import type { Point, Points } from '../../codec/points/point.ts';
import type { RecordDecoder } from '../../contract/output.ts';
import type { QueueRecord } from '../../model/batch.ts';
import type { RumPoint } from '../../model/rum.ts';

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
export function linesOf(records: readonly QueueRecord[], decode: RecordDecoder, metrics: MetricPoints): Lines {
  const texts: string[] = [];
  let lost = 0;
  for (const record of records) {
    const { points, without } = pointsOf(record, decode, metrics);
    lost += without;
    for (const point of points) {
      const text = encodeLine(point);
      if (text === undefined) {
        lost += 1;
      } else {
        texts.push(text);
      }
    }
  }
  return { text: texts.join('\n'), without: lost };
}

function pointsOf(record: QueueRecord, decode: RecordDecoder, metrics: MetricPoints): Points {
  switch (record.signal) {
    case 'metrics':
      return metrics.of(decode.frame(record));
    case 'logs':
      return { points: logPoints(record, decode.lines(record)), without: 0 };
    case 'rum':
      return { points: decode.points(record).map(browserPoint), without: 0 };
    default:
      return { points: [], without: record.items };
  }
}

function browserPoint({ measurement, tags, fields, timeNanos }: RumPoint): Point {
  const all = Object.entries(tags);
  const few = Object.fromEntries(all.filter(([name]) => browserTags.has(name)));
  const many = Object.fromEntries(all.filter(([name]) => !browserTags.has(name)));
  return { measurement, tags: few, fields: { ...many, ...fields }, timeNanos };
}
