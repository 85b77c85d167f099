import type { Annotation, Endpoint, Span } from '../../model/span.ts';
import { readEndpoint } from '../zipkin-json/endpoint.ts';
import { readParentId, readSpanId, readTraceId } from '../zipkin-json/ids.ts';
import { isObject, type JsonObject, readFlag, readText, SpanFault, unexpected } from '../zipkin-json/json-value.ts';
import { readAnnotation, readEach, setName, setTimes } from '../zipkin-json/span.ts';

/** An event; `cs`, `sr` and the like tell the sides of a call apart, which v2 does with a kind. */
export interface V1Annotation extends Annotation {
  readonly endpoint: Endpoint | undefined;
}

/** A tag, or the address of somebody: `sa`, `ca` and `ma` with an endpoint. */
export interface V1BinaryAnnotation {
  readonly key: string;
  readonly value: string;
  readonly endpoint: Endpoint | undefined;
}

/** What the spans that it becomes have in common. */
export interface V1Identity extends Pick<Span, 'traceId' | 'parentId' | 'id' | 'name' | 'rawName' | 'debug'> {}

export interface V1Span {
  readonly identity: V1Identity;
  readonly timestamp: number | undefined;
  readonly duration: number | undefined;
  readonly annotations: readonly V1Annotation[];
  readonly binaryAnnotations: readonly V1BinaryAnnotation[];
}

type Draft<T> = { -readonly [K in keyof T]: T[K] };

export function isAddressKey(key: string): boolean {
  return key === 'sa' || key === 'ca' || key === 'ma';
}

function readV1Annotation(element: unknown): V1Annotation {
  const annotation = readAnnotation(element);
  const endpoint = isObject(element) ? readEndpoint(element['endpoint'], '.endpoint') : undefined;
  return { ...annotation, endpoint };
}

/** Undefined for what is neither a text nor an address: such values are dropped. */
function readBinaryAnnotation(element: unknown): V1BinaryAnnotation | undefined {
  if (!isObject(element)) {
    throw unexpected('', element, 'an object');
  }
  if (element['key'] === undefined || element['key'] === null) {
    throw new SpanFault('.key', 'is missing; expected a string');
  }
  const key = readText(element['key'], '.key');
  const endpoint = readEndpoint(element['endpoint'], '.endpoint');
  const value = element['value'];
  if (typeof value === 'string') {
    return { key, value, endpoint };
  }
  if (value === true && isAddressKey(key) && endpoint !== undefined) {
    return { key, value: 'true', endpoint };
  }
  return undefined;
}

function readIdentity(value: JsonObject): V1Identity {
  const draft: Draft<Span> = { traceId: readTraceId(value['traceId'], '.traceId'), id: readSpanId(value['id'], '.id') };
  const parentId = readParentId(value['parentId'], '.parentId', draft.id);
  if (parentId !== undefined) {
    draft.parentId = parentId;
  }
  if (value['name'] !== undefined && value['name'] !== null) {
    setName(draft, readText(value['name'], '.name'));
  }
  if (readFlag(value['debug'], '.debug')) {
    draft.debug = true;
  }
  return draft;
}

/** One element of a v1 list. Throws SpanFault or DigitsWanted. */
export function readV1Span(element: unknown): V1Span {
  if (!isObject(element)) {
    throw unexpected('', element, 'a span');
  }
  const times: Pick<Draft<Span>, 'timestamp' | 'duration'> = {};
  setTimes(times, element);
  return {
    identity: readIdentity(element),
    timestamp: times.timestamp,
    duration: times.duration,
    annotations: readEach(element['annotations'], '.annotations', readV1Annotation),
    binaryAnnotations: readEach(element['binaryAnnotations'], '.binaryAnnotations', readBinaryAnnotation).filter(
      (annotation) => annotation !== undefined,
    ),
  };
}
