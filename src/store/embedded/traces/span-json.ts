import type { Endpoint, Span } from '../../../model/span.ts';

/** The largest whole number that the Zipkin API knows; model numbers at or past 2^63 stand for it. */
const saturated = 2 ** 63;
const saturatedText = '9223372036854775807';

/**
 * One span as the Zipkin API answers it (zipkin-api, zipkin2-api.yaml): members in the reference server's order, absent
 * ones left out, tags sorted by key.
 */
export function spanJson(span: Span): string {
  let json = `{"traceId":"${span.traceId}"`;
  json += span.parentId === undefined ? '' : `,"parentId":"${span.parentId}"`;
  json += `,"id":"${span.id}"`;
  json += span.kind === undefined ? '' : `,"kind":"${span.kind}"`;
  json += span.name === undefined ? '' : `,"name":${JSON.stringify(span.name)}`;
  json += span.timestamp === undefined ? '' : `,"timestamp":${wholeNumber(span.timestamp)}`;
  json += span.duration === undefined ? '' : `,"duration":${wholeNumber(span.duration)}`;
  json += span.localEndpoint === undefined ? '' : `,"localEndpoint":${endpointJson(span.localEndpoint)}`;
  json += span.remoteEndpoint === undefined ? '' : `,"remoteEndpoint":${endpointJson(span.remoteEndpoint)}`;
  json += annotationsJson(span);
  json += tagsJson(span);
  json += span.debug === true ? ',"debug":true' : '';
  json += span.shared === true ? ',"shared":true' : '';
  return `${json}}`;
}

function wholeNumber(value: number): string {
  return value >= saturated ? saturatedText : String(value);
}

function endpointJson({ serviceName, ipv4, ipv6, port }: Endpoint): string {
  return JSON.stringify({ serviceName, ipv4, ipv6, port });
}

function annotationsJson({ annotations }: Span): string {
  if (annotations === undefined || annotations.length === 0) {
    return '';
  }
  const each = annotations.map(
    ({ timestamp, value }) => `{"timestamp":${wholeNumber(timestamp)},"value":${JSON.stringify(value)}}`,
  );
  return `,"annotations":[${each.join(',')}]`;
}

function tagsJson({ tags }: Span): string {
  const keys = Object.keys(tags ?? {});
  if (tags === undefined || keys.length === 0) {
    return '';
  }
  // By UTF-16 units, which is the order of `sort` without a comparer.
  const each = keys.sort().map((key) => `${JSON.stringify(key)}:${JSON.stringify(tags[key])}`);
  return `,"tags":{${each.join(',')}}`;
}
