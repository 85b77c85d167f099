/**
 * Where loggers write the id of the trace: a JSON key (also within a string of JSON) or `key=value`. W3C's traceparent holds it
 * between version and parent; Datadog's is the lower half, decimal.
 */
const tracePattern =
  /(?<![\w.-])(trace_id|traceId|traceid|x-b3-traceid|trace\.id|dd\.trace_id|traceparent)\\?"?\s{0,2}[:=]\s{0,2}\\?"?([0-9a-fA-F]{2}-)?([0-9a-fA-F]{16,32})(?![0-9a-zA-Z])/;

/** 16 or 32 small hex digits; undefined where the line names no trace. */
export function traceIdIn(line: string): string | undefined {
  const match = tracePattern.exec(line);
  const [, key, , id] = match ?? [];
  if (id === undefined) {
    return undefined;
  }
  if (key === 'dd.trace_id' && /^\d{16,20}$/.test(id)) {
    return BigInt(id).toString(16).padStart(16, '0');
  }
  return /[1-9a-fA-F]/.test(id) ? id.toLowerCase() : undefined;
}

const traceKeys = ['trace_id', 'traceId', 'traceid', 'trace.id'];

/** The same, of a line's attributes. */
export function traceIdOf(attributes: Readonly<Record<string, unknown>> | undefined): string | undefined {
  const ids = traceKeys.map((key) => attributes?.[key]);
  const id = ids.find((value) => typeof value === 'string' && /^(?:[0-9a-f]{16}|[0-9a-f]{32})$/i.test(value));
  return typeof id === 'string' ? id.toLowerCase() : undefined;
}
