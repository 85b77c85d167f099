import type { Annotation, Span, SpanKind } from '../../model/span.ts';
import { readEndpoint } from './endpoint.ts';
import { readParentId, readSpanId, readTraceId } from './ids.ts';
import {
  isObject,
  type JsonObject,
  readFlag,
  readInteger,
  readMicros,
  readText,
  SpanFault,
  shown,
  unexpected,
  within,
} from './json-value.ts';

type Draft<T> = { -readonly [K in keyof T]: T[K] };
type Tags = Readonly<Record<string, string>>;

function readKind(value: unknown): SpanKind | undefined {
  switch (value) {
    case 'CLIENT':
    case 'SERVER':
    case 'PRODUCER':
    case 'CONSUMER':
      return value;
    case undefined:
    case null:
      return undefined;
    default:
      if (typeof value !== 'string') {
        throw unexpected('.kind', value, 'a string');
      }
      throw new SpanFault('.kind', `is ${shown(value)}; expected CLIENT, SERVER, PRODUCER or CONSUMER`);
  }
}

/** An annotation's two members; neither may be missing. Throws SpanFault or DigitsWanted. */
export function readAnnotation(value: unknown): Annotation {
  if (!isObject(value)) {
    throw unexpected('', value, 'an object');
  }
  return { timestamp: readInteger(value['timestamp'], '.timestamp'), value: readText(value['value'], '.value') };
}

function byTimeAndValue(left: Annotation, right: Annotation): number {
  return left.timestamp - right.timestamp || (left.value < right.value ? -1 : left.value > right.value ? 1 : 0);
}

/** Ordered by time and value, each once. */
export function sortedAnnotations(annotations: readonly Annotation[]): readonly Annotation[] {
  if (annotations.length < 2) {
    return annotations;
  }
  return annotations
    .toSorted(byTimeAndValue)
    .filter((annotation, index, all) => index === 0 || byTimeAndValue(annotation, all[index - 1] ?? annotation) !== 0);
}

/** The list at `path`, where it may be missing. Throws SpanFault. */
export function listAt(value: unknown, path: string): readonly unknown[] {
  if (value === undefined || value === null) {
    return [];
  }
  if (!Array.isArray(value)) {
    throw unexpected(path, value, 'a list');
  }
  return value;
}

/** Reads each element, and says which one a fault is in. */
export function readEach<T>(value: unknown, path: string, read: (element: unknown) => T): readonly T[] {
  return listAt(value, path).map((element, index) => {
    try {
      return read(element);
    } catch (error) {
      throw within(`${path}[${index}]`, error);
    }
  });
}

function tagsObject(value: unknown): JsonObject | undefined {
  if (value === undefined || value === null) {
    return undefined;
  }
  if (!isObject(value)) {
    throw unexpected('.tags', value, 'an object');
  }
  return value;
}

/** The parsed object itself where all values are texts: nothing is copied. */
function readTags(value: unknown): Tags | undefined {
  const tags = tagsObject(value);
  if (tags === undefined) {
    return undefined;
  }
  let count = 0;
  let digits = 0;
  for (const key in tags) {
    count += 1;
    if (typeof tags[key] !== 'string') {
      readText(tags[key], `.tags.${key}`);
      digits += 1;
    }
  }
  if (count === 0) {
    return undefined;
  }
  return digits === 0 ? (tags as Tags) : withTexts(tags);
}

function withTexts(tags: JsonObject): Tags {
  return Object.fromEntries(Object.entries(tags).map(([key, tag]) => [key, readText(tag, `.tags.${key}`)]));
}

function optionalText(value: unknown, path: string): string {
  return value === undefined || value === null ? '' : readText(value, path);
}

/** Takes lower case as the Zipkin API answers it, and keeps what was sent where that differs. */
export function setName(span: Draft<Span>, name: string): void {
  if (name === '') {
    return;
  }
  const lower = name.toLowerCase();
  span.name = lower;
  if (lower !== name) {
    span.rawName = name;
  }
}

function asSpanObject(value: unknown): JsonObject {
  if (!isObject(value)) {
    throw unexpected('', value, 'a span');
  }
  return value;
}

/** One element of a v2 list. Throws SpanFault or DigitsWanted. */
export function readSpan(element: unknown): Span {
  const value = asSpanObject(element);
  const span: Draft<Span> = { traceId: readTraceId(value['traceId'], '.traceId'), id: readSpanId(value['id'], '.id') };
  const parentId = readParentId(value['parentId'], '.parentId', span.id);
  if (parentId !== undefined) {
    span.parentId = parentId;
  }
  const kind = readKind(value['kind']);
  if (kind !== undefined) {
    span.kind = kind;
  }
  setName(span, optionalText(value['name'], '.name'));
  setTimes(span, value);
  const localEndpoint = readEndpoint(value['localEndpoint'], '.localEndpoint');
  if (localEndpoint !== undefined) {
    span.localEndpoint = localEndpoint;
  }
  const remoteEndpoint = readEndpoint(value['remoteEndpoint'], '.remoteEndpoint');
  if (remoteEndpoint !== undefined) {
    span.remoteEndpoint = remoteEndpoint;
  }
  const annotations = readEach(value['annotations'], '.annotations', readAnnotation);
  if (annotations.length > 0) {
    span.annotations = sortedAnnotations(annotations);
  }
  setTagsAndFlags(span, value);
  return span;
}

/** `timestamp` and `duration`, which v1 and v2 share. */
export function setTimes(span: Pick<Draft<Span>, 'timestamp' | 'duration'>, value: JsonObject): void {
  const timestamp = readMicros(value['timestamp'], '.timestamp');
  if (timestamp !== undefined) {
    span.timestamp = timestamp;
  }
  const duration = readMicros(value['duration'], '.duration');
  if (duration !== undefined) {
    span.duration = duration;
  }
}

function setTagsAndFlags(span: Draft<Span>, value: JsonObject): void {
  const tags = readTags(value['tags']);
  if (tags !== undefined) {
    span.tags = tags;
  }
  if (readFlag(value['debug'], '.debug')) {
    span.debug = true;
  }
  // A client half is never the shared one.
  if (readFlag(value['shared'], '.shared') && span.kind !== 'CLIENT') {
    span.shared = true;
  }
}
