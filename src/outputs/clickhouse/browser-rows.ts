import type { RumPoint } from '../../model/rum.ts';
import { floatText, type JsonRows, jsonOf } from './json.ts';
import { nanosTimeText } from './time.ts';

/** Rows of `meshbridge_rum`. A truth value is a text. */
export function browserRows(points: readonly RumPoint[], rows: JsonRows): void {
  for (const { measurement, tags, fields, timeNanos } of points) {
    const texts: [string, string][] = [];
    const numbers: string[] = [];
    for (const [name, value] of Object.entries(fields)) {
      if (typeof value === 'number') {
        numbers.push(`${jsonOf(name)}:${floatText(value)}`);
      } else {
        texts.push([name, String(value)]);
      }
    }
    const columns = {
      Timestamp: nanosTimeText(timeNanos),
      Measurement: measurement,
      Tags: tags,
      Texts: Object.fromEntries(texts),
    };
    rows.raw(`${jsonOf(columns).slice(0, -1)},"Numbers":{${numbers.join(',')}}}`);
    rows.endRow();
  }
}
