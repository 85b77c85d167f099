/** Why a scrape failed, and what its reader may do about it. */
export interface Explained {
  readonly error: string;
  readonly hint?: string;
  /** Such as `ECONNREFUSED`, `TIMEOUT`, or `HTTP 403`. */
  readonly code?: string;
}

const byCode: ReadonlyMap<string, Explained> = new Map([
  [
    'ECONNREFUSED',
    { error: 'the connection was refused', hint: 'nothing listens there: is the port right, and is it up?' },
  ],
  [
    'ENOTFOUND',
    { error: 'the host is not known', hint: 'is its name right, and does the DNS of this machine know it?' },
  ],
  ['EAI_AGAIN', { error: 'the name of the host could not be looked up', hint: 'is the DNS reachable?' }],
  ['ETIMEDOUT', { error: 'no connection was made', hint: 'does a firewall or network policy stand in between?' }],
  ['EHOSTUNREACH', { error: 'there is no way to the host', hint: 'is the address right, and the network up?' }],
  ['ECONNRESET', { error: 'the target closed the connection before it had answered' }],
  ['ENOENT', { error: 'a file of the configuration is not there' }],
  ['ERR_BUFFER_TOO_LARGE', { error: 'the page is larger than body_size_limit allows' }],
  ['Z_DATA_ERROR', { error: 'the page is not valid gzip' }],
  ['Z_BUF_ERROR', { error: 'the page ends before its gzip does' }],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', { error: 'the certificate is signed by itself', hint: 'name it in ca_certs' }],
  [
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    { error: 'the certificate is of an unknown authority', hint: 'name that in ca_certs' },
  ],
  ['ERR_TLS_CERT_ALTNAME_INVALID', { error: 'the certificate is for another name', hint: 'set server_name' }],
]);

const byStatus: ReadonlyMap<number, string> = new Map([
  [401, 'set auth or http_headers'],
  [403, 'an istio-proxy that answers its own pod only says this (METRICS_LOCALHOST_ACCESS_ONLY)'],
  [404, 'is the path right? Envoy and istio-proxy have /stats/prometheus, istiod has /metrics'],
]);

/** What an error of a socket, a file or the reader of the response means. */
export function explainFailure(error: unknown, timeoutMs: number): Explained {
  if (isRecord(error) && error['name'] === 'TimeoutError') {
    return {
      error: `no whole answer within ${timeoutMs / 1000} s`,
      hint: 'raise timeout, or ask for less (?usedonly)',
      code: 'TIMEOUT',
    };
  }
  const { code, message } = detailsOf(error);
  const known = byCode.get(code) ?? { error: '' };
  const shown = [known.error, message === '' || known.error === '' ? message : `(${message})`];
  return { ...known, error: shown.filter((part) => part !== '').join(' '), ...(code !== '' && { code }) };
}

/** Undefined where the answer is a page that can be read. */
export function explainStatus(status: number, type: string): Explained | undefined {
  if (status !== 200) {
    const hint = byStatus.get(status);
    return { error: `HTTP ${status}`, code: `HTTP ${status}`, ...(hint !== undefined && { hint }) };
  }
  if (type.includes('protobuf')) {
    return { error: 'the target answers in protobuf, though text was asked for', hint: 'look at its own settings' };
  }
  return undefined;
}

/** What a page that could not be read seems to be. */
export function explainPage(body: Buffer, error: string): Explained {
  const begins = body.toString('latin1', 0, 64).trimStart().slice(0, 1);
  return begins === '<' ? { error, hint: 'this looks like a web page: is the path right?' } : { error };
}

function detailsOf(error: unknown): { readonly code: string; readonly message: string } {
  // Several addresses were tried: the first speaks for all.
  const cause = isRecord(error) && Array.isArray(error['errors']) ? error['errors'][0] : error;
  if (!isRecord(cause)) {
    return { code: '', message: String(cause) };
  }
  const { code, message } = cause;
  return { code: typeof code === 'string' ? code : '', message: typeof message === 'string' ? message : String(cause) };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
