import type { LogBlock } from '../../model/log.ts';
import type { FieldValue } from '../../model/rum.ts';

export type Attributes = Readonly<Record<string, FieldValue>>;

/** As `LogAttributes` keeps them; undefined when there are none. */
export function encodeAttributes(attributes: Attributes): Uint8Array | undefined {
  const text = JSON.stringify(attributes);
  return text === '{}' ? undefined : Buffer.from(text);
}

/** Of record `index`; undefined when it has none, or when they are not a JSON object. */
export function attributesOf({ attributes }: LogBlock, index: number): Attributes | undefined {
  const start = attributes?.offsets[index] ?? 0;
  const end = attributes?.offsets[index + 1] ?? 0;
  return attributes === undefined || start === end ? undefined : parseAttributes(attributes.bytes.subarray(start, end));
}

export function parseAttributes(bytes: Uint8Array): Attributes | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString());
    return isObject(value) ? Object.fromEntries(Object.entries(value).filter(isField)) : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isField(entry: [string, unknown]): entry is [string, FieldValue] {
  return ['string', 'number', 'boolean'].includes(typeof entry[1]);
}
