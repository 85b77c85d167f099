import { record, text } from './read.ts';

/** A line as it reads best in one row. */
export interface Digest {
  readonly head: string;
  /** What is left over, as `key=value`. */
  readonly rest: string;
}

const messageKeys = ['msg', 'message', 'log', 'event', 'error', 'err'] as const;
/** Shown elsewhere in the row. */
const knownKeys: ReadonlySet<string> = new Set(['level', 'severity', 'lvl', 'ts', 'time', 'timestamp', '@timestamp']);

/**
 * JSON lines by their message, access logs of Envoy in Istio's JSON format
 * (istio.io, "Getting Envoy's access logs") as `GET /path 503 UF 12 ms`; anything else as it is.
 */
export function digestOf(message: string): Digest {
  const fields = fieldsOf(message);
  if (fields === undefined) {
    return { head: plainText(message), rest: '' };
  }
  return accessDigest(fields) ?? messageDigest(fields);
}

/** The members of a line that is a JSON object. */
export function fieldsOf(message: string): Readonly<Record<string, unknown>> | undefined {
  const trimmed = message.trim();
  if (!trimmed.startsWith('{') || !trimmed.endsWith('}')) {
    return undefined;
  }
  try {
    return record(JSON.parse(trimmed));
  } catch {
    return undefined;
  }
}

/** JSON indented; anything else without its colours. */
export function prettyText(message: string): string {
  const fields = fieldsOf(message);
  return fields === undefined ? plainText(message) : JSON.stringify(fields, undefined, 2);
}

/** Without the escape sequences that colour terminals (ECMA-48, SGR). */
function plainText(message: string): string {
  const start = String.fromCharCode(27);
  return message
    .split(`${start}[`)
    .map((part, i) => (i === 0 ? part : part.replace(/^[\d;]*m/, '')))
    .join('');
}

function accessDigest(fields: Readonly<Record<string, unknown>>): Digest | undefined {
  const { method, path, response_code: code, response_flags: flags, duration } = fields;
  if (code === undefined || text(method) === undefined) {
    return undefined;
  }
  const flag = text(flags) === undefined || flags === '-' ? '' : ` ${flags}`;
  const took = duration === undefined || duration === null ? '' : ` ${valueText(duration)} ms`;
  return {
    head: `${method} ${valueText(path)} ${valueText(code)}${flag}${took}`,
    rest: restOf(fields, ['authority', 'upstream_cluster', 'upstream_host', 'response_code_details', 'request_id']),
  };
}

function messageDigest(fields: Readonly<Record<string, unknown>>): Digest {
  const key = messageKeys.find((name) => text(fields[name]) !== undefined);
  const others = Object.keys(fields).filter((name) => name !== key && !knownKeys.has(name));
  return { head: key === undefined ? '' : plainText(text(fields[key]) ?? ''), rest: restOf(fields, others) };
}

function restOf(fields: Readonly<Record<string, unknown>>, names: readonly string[]): string {
  return names
    .filter(
      (name) => fields[name] !== undefined && fields[name] !== null && fields[name] !== '-' && fields[name] !== '',
    )
    .map((name) => `${name}=${valueText(fields[name])}`)
    .join(' ');
}

function valueText(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}
