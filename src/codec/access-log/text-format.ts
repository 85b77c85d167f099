/** A piece between blanks, and whether it stood in quotes. */
interface Token {
  readonly text: string;
  readonly quoted: boolean;
  /** Of its text in the line. */
  readonly start: number;
}

interface TextFormat {
  readonly head: readonly string[];
  readonly tail: readonly string[];
}

type Fields = readonly (readonly [string, string])[];

/** Quoted ones are written with a mark. */
const request = ['"request'] as const;
const codes = ['response_code', 'response_flags'] as const;
const details = [
  'response_code_details',
  'connection_termination_details',
  '"upstream_transport_failure_reason',
] as const;
const sizes = ['bytes_received', 'bytes_sent', 'duration', 'upstream_service_time'] as const;
const quoted = ['"x_forwarded_for', '"user_agent', '"request_id', '"authority', '"upstream_host'] as const;
const addresses = [
  'upstream_cluster',
  'upstream_local_address',
  'downstream_local_address',
  'downstream_remote_address',
  'requested_server_name',
  'route_name',
] as const;

/** What stands before the quoted values, and what behind them: of Istio since 1.9, of Istio before, Envoy's default. */
const formats: readonly TextFormat[] = [
  { head: [...request, ...codes, ...details, ...sizes], tail: addresses },
  { head: [...request, ...codes, '"mixer_status', '"upstream_transport_failure_reason', ...sizes], tail: addresses },
  { head: [...request, ...codes, '"upstream_transport_failure_reason', ...sizes], tail: addresses },
  { head: [...request, ...codes, ...sizes], tail: addresses },
  { head: [...request, ...codes, ...sizes], tail: [] },
];

/** Behind the usual fields; more is no access log. */
const maxExtras = 16;
const traceId = /^(?:[0-9a-f]{16}|[0-9a-f]{32})$/;
const assignment = /^([A-Za-z_][\w.-]{0,63})[=:](.+)$/;

/** As name and text, `-` included; undefined when the line is none. */
export function fieldsOfText(line: string): Fields | undefined {
  const timeEnd = line.indexOf('] ');
  const time = line.slice(1, timeEnd);
  if (timeEnd < 0 || !/^\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:?\d\d)$/.test(time)) {
    return undefined;
  }
  const rest = line.slice(timeEnd + 2);
  const requestEnd = endOfRequest(rest);
  if (requestEnd < 0) {
    return undefined;
  }
  const tokens = [{ text: rest.slice(1, requestEnd), quoted: true, start: 1 }, ...tokensOf(rest, requestEnd + 1)];
  for (const format of formats) {
    const fields = matched(rest, tokens, format);
    if (fields !== undefined) {
      return [['start_time', time], ...fields];
    }
  }
  return undefined;
}

/** Paths may have quotes and blanks, which Envoy leaves as they are; the protocol ends the request. */
function endOfRequest(text: string): number {
  const found = /^"[^ ]* .*? (?:HTTP\/[\d.]+|-)"(?= )/.exec(text);
  return found === null ? -1 : found[0].length - 1;
}

function tokensOf(text: string, from: number): readonly Token[] {
  const tokens: Token[] = [];
  let at = from;
  while (at < text.length) {
    if (text[at] === ' ') {
      at += 1;
      continue;
    }
    const isQuoted = text[at] === '"';
    const start = isQuoted ? at + 1 : at;
    const end = isQuoted ? closingQuote(text, start) : endOf(text, ' ', start);
    tokens.push({ text: text.slice(start, end), quoted: isQuoted, start });
    at = isQuoted ? end + 1 : end;
  }
  return tokens;
}

/** A quote with a blank behind it, or the last one. */
function closingQuote(text: string, start: number): number {
  const end = text.indexOf('" ', start);
  const isLast = end < 0;
  return isLast ? endOf(text, '"', start) : end;
}

function endOf(text: string, mark: string, start: number): number {
  const end = text.indexOf(mark, start);
  return end < 0 ? text.length : end;
}

function matched(line: string, tokens: readonly Token[], { head, tail }: TextFormat): Fields | undefined {
  const shape = [...head, ...quoted, ...tail];
  const more = tokens.length - shape.length;
  if (more < 0 || !fitsAt(tokens, head, 0)) {
    return undefined;
  }
  if (more <= maxExtras && fitsAt(tokens, shape, 0)) {
    return [...named(tokens, shape), ...extras(tokens.slice(shape.length))];
  }
  return matchedAround(line, tokens, { head, tail });
}

/** A user agent with quotes in it makes more tokens: then what is behind it is counted from the end. */
function matchedAround(line: string, tokens: readonly Token[], { head, tail }: TextFormat): Fields | undefined {
  const before = [...head, '"x_forwarded_for'];
  const behind = [...quoted.slice(2), ...tail];
  for (let at = tokens.length - behind.length; at > Math.max(before.length, tokens.length - behind.length - 5); at--) {
    const [agent, next] = [tokens[before.length], tokens[at]];
    if (agent !== undefined && next !== undefined && fitsAt(tokens, behind, at)) {
      const userAgent = line.slice(agent.start, next.start - 3);
      const rest = tokens.slice(at);
      const fields = [...named(rest, behind), ...extras(rest.slice(behind.length))];
      return [...named(tokens, before), ['user_agent', userAgent], ...fields];
    }
  }
  return undefined;
}

function fitsAt(tokens: readonly Token[], shape: readonly string[], at: number): boolean {
  return shape.every((name, i) => {
    const token = tokens[at + i];
    return token !== undefined && token.quoted === name.startsWith('"') && isPlausible(name, token.text);
  });
}

function isPlausible(name: string, text: string): boolean {
  const isNumber = name === 'response_code' || sizes.some((size) => size === name);
  return !isNumber || /^(?:-|\d{1,15})$/.test(text);
}

function named(tokens: readonly Token[], shape: readonly string[]): Fields {
  return shape.flatMap((name, i) => {
    const text = tokens[i]?.text ?? '-';
    return name === '"request' ? requestFields(text) : [[name.replace('"', ''), text] as const];
  });
}

function requestFields(text: string): Fields {
  const first = text.indexOf(' ');
  const last = text.lastIndexOf(' ');
  return [
    ['method', text.slice(0, first)],
    ['path', text.slice(first + 1, last)],
    ['protocol', text.slice(last + 1)],
  ];
}

/** What users put behind the usual fields: `name=value`, or a trace id. */
function extras(tokens: readonly Token[]): Fields {
  return tokens.flatMap(({ text }): Fields => {
    const [, name, value] = assignment.exec(text) ?? [];
    if (name !== undefined && value !== undefined) {
      return [[name, value]];
    }
    return traceId.test(text) ? [['trace_id', text]] : [];
  });
}
