import type { Annotation, Endpoint, Span } from '../../model/span.ts';
import { maxMicros } from './json-value.ts';

/** What JSON.stringify would write in another way, and the two line ends that JSON allows and JavaScript once did not. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const special = /["\\\u0000-\u001f\u2028\u2029\ud800-\udfff]/;

function quoted(text: string): string {
  if (!special.test(text)) {
    return `"${text}"`;
  }
  return JSON.stringify(text).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');
}

/** int64 as digits: the largest one is no double. */
function integer(value: number): string {
  return value >= maxMicros ? '9223372036854775807' : String(value);
}

function endpointJson(endpoint: Endpoint): string {
  const parts: string[] = [];
  if (endpoint.serviceName !== undefined) {
    parts.push(`"serviceName":${quoted(endpoint.serviceName)}`);
  }
  if (endpoint.ipv4 !== undefined) {
    parts.push(`"ipv4":"${endpoint.ipv4}"`);
  }
  if (endpoint.ipv6 !== undefined) {
    parts.push(`"ipv6":"${endpoint.ipv6}"`);
  }
  if (endpoint.port !== undefined) {
    parts.push(`"port":${endpoint.port}`);
  }
  return `{${parts.join(',')}}`;
}

function annotationJson(annotation: Annotation): string {
  return `{"timestamp":${integer(annotation.timestamp)},"value":${quoted(annotation.value)}}`;
}

function tagsJson(tags: Readonly<Record<string, string>>): string {
  let json = '';
  for (const key of Object.keys(tags).sort()) {
    json += `${json === '' ? '' : ','}${quoted(key)}:${quoted(tags[key] ?? '')}`;
  }
  return `{${json}}`;
}

function endpointsJson(span: Span): string {
  let json = '';
  if (span.localEndpoint !== undefined) {
    json += `,"localEndpoint":${endpointJson(span.localEndpoint)}`;
  }
  if (span.remoteEndpoint !== undefined) {
    json += `,"remoteEndpoint":${endpointJson(span.remoteEndpoint)}`;
  }
  return json;
}

function contentJson(span: Span): string {
  let json = '';
  if (span.annotations !== undefined && span.annotations.length > 0) {
    json += `,"annotations":[${span.annotations.map(annotationJson).join(',')}]`;
  }
  if (span.tags !== undefined) {
    const tags = tagsJson(span.tags);
    json += tags === '{}' ? '' : `,"tags":${tags}`;
  }
  if (span.debug === true) {
    json += ',"debug":true';
  }
  return span.shared === true ? `${json},"shared":true` : json;
}

/** One span, byte for byte as the reference server prints it: order of members, empty ones left out, tags sorted. */
export function encodeSpan(span: Span): string {
  let json = `{"traceId":"${span.traceId}"`;
  if (span.parentId !== undefined) {
    json += `,"parentId":"${span.parentId}"`;
  }
  json += `,"id":"${span.id}"`;
  if (span.kind !== undefined) {
    json += `,"kind":"${span.kind}"`;
  }
  if (span.name !== undefined) {
    json += `,"name":${quoted(span.name)}`;
  }
  if (span.timestamp !== undefined) {
    json += `,"timestamp":${integer(span.timestamp)}`;
  }
  if (span.duration !== undefined) {
    json += `,"duration":${integer(span.duration)}`;
  }
  return `${json}${endpointsJson(span)}${contentJson(span)}}`;
}
