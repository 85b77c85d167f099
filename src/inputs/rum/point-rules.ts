import type { FieldValue, RumPoint } from '../../model/rum.ts';

/** DataKit's limits of a point (spec of its `point` package): bytes of UTF-8, and numbers of entries. */
const mostNameBytes = 1024;
const mostKeyBytes = 256;
const mostTagBytes = 1024;
const mostTags = 256;
const mostFields = 1024;

/**
 * A point as DataKit passes it on: dots in keys become `_`, line breaks in tags and keys become spaces, a backslash at their
 * end goes, what is too long is cut, and a key is a tag or a field, not both. `tags` are added where the point lacks them.
 */
export function passedOn(point: RumPoint, tags: Readonly<Record<string, string>>): RumPoint {
  const own = new Map<string, string>();
  for (const [key, value] of Object.entries(point.tags)) {
    const text = cut(oneLine(value), mostTagBytes);
    if (text !== '' && own.size < mostTags) {
      own.set(keyOf(key), text);
    }
  }
  for (const [key, value] of Object.entries(tags)) {
    if (!own.has(key) && !Object.hasOwn(point.fields, key)) {
      own.set(key, value);
    }
  }
  const fields = new Map<string, FieldValue>();
  for (const [key, value] of Object.entries(point.fields)) {
    const name = keyOf(key);
    if (!own.has(name) && fields.size < mostFields) {
      fields.set(name, value);
    }
  }
  return {
    measurement: cut(point.measurement, mostNameBytes),
    tags: Object.fromEntries(own),
    fields: Object.fromEntries(fields),
    timeNanos: point.timeNanos,
  };
}

function keyOf(key: string): string {
  return cut(oneLine(key), mostKeyBytes).replaceAll('.', '_');
}

function oneLine(text: string): string {
  let end = text.length;
  while (text[end - 1] === '\\') {
    end -= 1;
  }
  return text.slice(0, end).replaceAll('\n', ' ');
}

/** At most that many bytes, and no half character. */
function cut(text: string, bytes: number): string {
  if (text.length * 3 <= bytes || Buffer.byteLength(text) <= bytes) {
    return text;
  }
  const whole = Buffer.from(text);
  let end = bytes;
  while (((whole[end] ?? 0) & 0xc0) === 0x80) {
    end -= 1;
  }
  return whole.toString('utf8', 0, end);
}
