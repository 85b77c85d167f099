import type { Point, PointValue } from '../points/point.ts';

/**
 * One line of InfluxDB's line protocol (v1), without its newline, tags in order, the time in ns. Undefined where no field
 * can be written: the protocol has no point without fields, and no NaN or infinities. Line breaks in keys and tags, which
 * it cannot hold either, become spaces.
 */
export function encodeLine({ measurement, tags, fields, timeNanos }: Point): string | undefined {
  const written = Object.entries(fields)
    .map(([key, value]) => [key, valueText(value)] as const)
    .filter(([key, value]) => key !== '' && value !== undefined);
  if (written.length === 0) {
    return undefined;
  }
  const head = Object.entries(tags)
    .filter(([key, value]) => key !== '' && value !== '')
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `,${escaped(key)}=${escaped(value)}`)
    .join('');
  const body = written.map(([key, value]) => `${escaped(key)}=${value}`).join(',');
  return `${escaped(measurement, /[, ]/g)}${head} ${body} ${timeNanos}`;
}

function valueText(value: PointValue): string | undefined {
  switch (typeof value) {
    case 'bigint':
      return `${value}i`;
    case 'number':
      return Number.isFinite(value) ? String(value) : undefined;
    case 'string':
      return `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
    default:
      return String(value);
  }
}

const reserved = /[,= ]/g;

/** A backslash is only special before what is escaped, so one at the end would escape what comes next. */
function escaped(text: string, special = reserved): string {
  return text
    .replaceAll(/[\r\n]/g, ' ')
    .replace(/\\+$/, '')
    .replaceAll(special, '\\$&');
}
