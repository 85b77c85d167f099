/** One point as DataKit's browser SDK writes it. Empty values are left out. */
export interface RumPoint {
  readonly measurement: 'view' | 'resource' | 'action' | 'error';
  readonly tags: Readonly<Record<string, string>>;
  /** Numbers are as the SDK has them: durations in ns. */
  readonly fields: Readonly<Record<string, string | number>>;
  readonly atMs: number;
}

/** InfluxDB's line protocol, with times in ms. */
export function rumLine({ measurement, tags, fields, atMs }: RumPoint): string {
  const head = Object.entries(tags)
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `,${name}=${value.replaceAll(/[\s,="]/g, '\\$&')}`);
  const body = Object.entries(fields).map(([name, value]) => `${name}=${fieldText(value)}`);
  return `${measurement}${head.join('')} ${body.join(',')} ${Math.round(atMs)}`;
}

function fieldText(value: string | number): string {
  return typeof value === 'number' ? `${Math.round(value)}` : `"${value.replaceAll(/["\\]/g, '\\$&')}"`;
}
