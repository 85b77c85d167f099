import { isObject, type JsonObject, SpanFault, shown, unexpected, within } from '../zipkin-json/json-value.ts';
import { listAt, readEach } from '../zipkin-json/span.ts';
import type { OtlpEvent, OtlpSource, OtlpSpan } from './otlp-span.ts';

type Reviver = (key: string, value: unknown, context?: { readonly source?: string }) => unknown;
type Take = (span: OtlpSpan, source: OtlpSource) => void;

const mostDeep = 32;
const nanosPerMicro = 1000n;
const kindNames: readonly string[] = [
  'SPAN_KIND_UNSPECIFIED',
  'SPAN_KIND_INTERNAL',
  'SPAN_KIND_SERVER',
  'SPAN_KIND_CLIENT',
  'SPAN_KIND_PRODUCER',
  'SPAN_KIND_CONSUMER',
];
const statusNames: readonly string[] = ['STATUS_CODE_UNSET', 'STATUS_CODE_OK', 'STATUS_CODE_ERROR'];

/** Integers that a double cannot hold stay their digits (ECMA-262, JSON.parse source text access). */
const keepDigits: Reviver = (_key, value, context) =>
  typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)
    ? (context?.source ?? String(value))
    : value;

/** Calls `take` for each span of an ExportTraceServiceRequest in the JSON encoding of OTLP. Throws SpanFault. */
export function readJsonRequest(text: string, take: Take): void {
  const request = parse(text);
  if (!isObject(request)) {
    throw unexpected('', request, 'an object with resourceSpans');
  }
  visitEach(request['resourceSpans'], '.resourceSpans', (group) => {
    const resource = group['resource'];
    const attributes = attributesAt(isObject(resource) ? resource['attributes'] : undefined, '.resource.attributes');
    visitEach(group['scopeSpans'], '.scopeSpans', (scoped) => {
      const scope = isObject(scoped['scope']) ? scoped['scope'] : {};
      const source: OtlpSource = {
        resource: attributes,
        scopeName: textAt(scope['name'], '.scope.name'),
        scopeVersion: textAt(scope['version'], '.scope.version'),
      };
      visitEach(scoped['spans'], '.spans', (span) => take(spanOf(span), source));
    });
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text, keepDigits as (key: string, value: unknown) => unknown);
  } catch (error) {
    const message = typeof error === 'object' && error !== null && 'message' in error ? error.message : error;
    throw new SpanFault('', `is not JSON: ${message}`);
  }
}

function visitEach(value: unknown, path: string, visit: (element: JsonObject) => void): void {
  for (const [index, element] of listAt(value, path).entries()) {
    try {
      if (!isObject(element)) {
        throw unexpected('', element, 'an object');
      }
      visit(element);
    } catch (error) {
      throw within(`${path}[${index}]`, error);
    }
  }
}

function spanOf(span: JsonObject): OtlpSpan {
  const status = isObject(span['status']) ? span['status'] : {};
  return {
    traceId: textAt(span['traceId'], '.traceId').toLowerCase(),
    spanId: textAt(span['spanId'], '.spanId').toLowerCase(),
    parentSpanId: textAt(span['parentSpanId'], '.parentSpanId').toLowerCase(),
    traceState: textAt(span['traceState'], '.traceState'),
    name: textAt(span['name'], '.name'),
    kind: choiceAt(span['kind'], '.kind', kindNames),
    start: microsAt(span['startTimeUnixNano'], '.startTimeUnixNano'),
    end: microsAt(span['endTimeUnixNano'], '.endTimeUnixNano'),
    attributes: attributesAt(span['attributes'], '.attributes'),
    events: readEach(span['events'], '.events', eventOf),
    droppedAttributes: countAt(span['droppedAttributesCount'], '.droppedAttributesCount'),
    droppedEvents: countAt(span['droppedEventsCount'], '.droppedEventsCount'),
    droppedLinks: countAt(span['droppedLinksCount'], '.droppedLinksCount'),
    statusCode: choiceAt(status['code'], '.status.code', statusNames),
    statusMessage: textAt(status['message'], '.status.message'),
  };
}

function eventOf(event: unknown): OtlpEvent {
  if (!isObject(event)) {
    throw unexpected('', event, 'an object');
  }
  const members = pairsAt(event['attributes'], '.attributes').map(
    ([key, value]) => `${JSON.stringify(key)}:${jsonOf(value, 0)}`,
  );
  return {
    timestamp: microsAt(event['timeUnixNano'], '.timeUnixNano'),
    name: textAt(event['name'], '.name'),
    attributesJson: members.length === 0 ? undefined : `{${members.join(',')}}`,
  };
}

function attributesAt(value: unknown, path: string): ReadonlyMap<string, string> {
  return new Map(pairsAt(value, path).map(([key, one]) => [key, tagOf(one)]));
}

function pairsAt(value: unknown, path: string): readonly (readonly [key: string, value: JsonObject])[] {
  return readEach(value, path, (pair) => {
    if (!isObject(pair)) {
      throw unexpected('', pair, 'an object with key and value');
    }
    return [textAt(pair['key'], '.key'), isObject(pair['value']) ? pair['value'] : {}] as const;
  });
}

/** What a tag says: texts and bytes as they are, all else as JSON. */
function tagOf(value: JsonObject): string {
  const text = value['stringValue'] ?? value['bytesValue'];
  if (typeof text === 'string') {
    return text;
  }
  const double = value['doubleValue'];
  if (double !== undefined) {
    return String(double);
  }
  const json = jsonOf(value, 0);
  return json === 'null' ? '' : json;
}

/** An AnyValue inside of a list or a map. */
function jsonOf(value: unknown, depth: number): string {
  if (!isObject(value) || depth > mostDeep) {
    return 'null';
  }
  const { stringValue, bytesValue, boolValue, intValue, doubleValue, arrayValue, kvlistValue } = value;
  const text = stringValue ?? bytesValue;
  if (typeof text === 'string') {
    return JSON.stringify(text);
  }
  if (boolValue !== undefined) {
    return String(boolValue === true || boolValue === 'true');
  }
  if (intValue !== undefined) {
    return /^-?\d+$/.test(String(intValue)) ? String(intValue) : 'null';
  }
  if (doubleValue !== undefined) {
    return typeof doubleValue === 'number' ? String(doubleValue) : JSON.stringify(String(doubleValue));
  }
  if (isObject(arrayValue)) {
    return `[${listAt(arrayValue['values'], '')
      .map((one) => jsonOf(one, depth + 1))
      .join(',')}]`;
  }
  if (isObject(kvlistValue)) {
    const members = pairsAt(kvlistValue['values'], '');
    return `{${members.map(([key, one]) => `${JSON.stringify(key)}:${jsonOf(one, depth + 1)}`).join(',')}}`;
  }
  return 'null';
}

function textAt(value: unknown, path: string): string {
  if (value === undefined || value === null) {
    return '';
  }
  if (typeof value === 'string') {
    return value;
  }
  throw unexpected(path, value, 'a string');
}

/** ns, as a text of digits (proto3's JSON mapping of 64 bits) or a number. */
function microsAt(value: unknown, path: string): number {
  if (value === undefined || value === null) {
    return 0;
  }
  const digits = typeof value === 'number' ? String(value) : value;
  if (typeof digits !== 'string' || !/^\d{1,20}$/.test(digits)) {
    throw typeof digits === 'string'
      ? new SpanFault(path, `is ${shown(digits)}; expected ns since 1970`)
      : unexpected(path, value, 'ns since 1970');
  }
  return Number(BigInt(digits) / nanosPerMicro);
}

function countAt(value: unknown, path: string): number {
  const count = value === undefined || value === null ? 0 : Number(value);
  if (!Number.isInteger(count) || count < 0) {
    throw unexpected(path, value, 'a count');
  }
  return count;
}

/** Enums are numbers in OTLP's JSON; their names, which some senders write, are understood too. */
function choiceAt(value: unknown, path: string, names: readonly string[]): number {
  if (typeof value === 'string' && !/^\d+$/.test(value)) {
    const index = names.indexOf(value);
    if (index < 0) {
      throw new SpanFault(path, `is ${shown(value)}; expected a number or one of ${names.join(', ')}`);
    }
    return index;
  }
  return countAt(value, path);
}
