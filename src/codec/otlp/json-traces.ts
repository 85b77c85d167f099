import { isObject, type JsonObject, SpanFault, shown, unexpected, within } from '../zipkin-json/json-value.ts';
import { listAt, readEach } from '../zipkin-json/span.ts';
import { anyOf, choiceAt, countAt, pairsAt, parseJson, textAt } from './json-any.ts';
import type { OtlpEvent, OtlpSource, OtlpSpan } from './otlp-span.ts';

type Take = (span: OtlpSpan, source: OtlpSource) => void;

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

/** Calls `take` for each span of an ExportTraceServiceRequest in the JSON encoding of OTLP. Throws SpanFault. */
export function readJsonRequest(text: string, take: Take): void {
  const request = parseJson(text);
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
    ([key, value]) => `${JSON.stringify(key)}:${anyOf(value, 'json')}`,
  );
  return {
    timestamp: microsAt(event['timeUnixNano'], '.timeUnixNano'),
    name: textAt(event['name'], '.name'),
    attributesJson: members.length === 0 ? undefined : `{${members.join(',')}}`,
  };
}

function attributesAt(value: unknown, path: string): ReadonlyMap<string, string> {
  return new Map(pairsAt(value, path).map(([key, one]) => [key, anyOf(one, 'text')]));
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
