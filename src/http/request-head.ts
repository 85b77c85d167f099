/** The head of a request that needs nothing but its body read. */
export interface RequestHead {
  /** `POST /path`, as routes are found by. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  /** -1: the body is chunked. */
  readonly bodyBytes: number;
}

const requestLine = /^([A-Z]+ \/[\w./%~-]*) HTTP\/1\.1$/;
/** RFC 9112 §5: a token, a colon, and a value without control characters; no folded lines. */
const fieldLine = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*([\x20-\x7e\x80-\xff]*)$/;
const wholeLength = /^\d{1,9}$/;
/** These change what the connection does next. */
const weighty: ReadonlySet<string> = new Set(['expect', 'upgrade', 'trailer', 'proxy-connection', 'http2-settings']);

/** Of the text up to the empty line. Undefined for whatever is not plain: it may be good or bad, and another reader says which. */
export function readHead(text: string): RequestHead | undefined {
  const lines = text.split('\r\n');
  const target = requestLine.exec(lines[0] ?? '')?.[1];
  const headers = target === undefined ? undefined : readFields(lines);
  if (target === undefined || headers === undefined || headers['host'] === undefined) {
    return undefined;
  }
  const bodyBytes = lengthOf(headers);
  return bodyBytes === undefined ? undefined : { target, headers, bodyBytes };
}

function readFields(lines: readonly string[]): Record<string, string> | undefined {
  const headers: Record<string, string> = Object.create(null);
  for (let at = 1; at < lines.length; at += 1) {
    const field = fieldLine.exec(lines[at] ?? '');
    const name = field?.[1]?.toLowerCase();
    const value = field?.[2]?.trimEnd();
    if (name === undefined || value === undefined || headers[name] !== undefined || !isPlain(name, value)) {
      return undefined;
    }
    headers[name] = value;
  }
  return headers;
}

function isPlain(name: string, value: string): boolean {
  return !weighty.has(name) && (name !== 'connection' || value.toLowerCase() === 'keep-alive');
}

function lengthOf(headers: Readonly<Record<string, string>>): number | undefined {
  const encoding = headers['transfer-encoding'];
  const length = headers['content-length'];
  if (encoding !== undefined) {
    return encoding.toLowerCase() === 'chunked' && length === undefined ? -1 : undefined;
  }
  return length !== undefined && wholeLength.test(length) ? Number(length) : undefined;
}
