import { type SystemError, systemErrorOf } from './system-error.ts';

interface TlsFault {
  readonly code: RegExp;
  /** What it is, and what to do; `said` is what OpenSSL or Node said. */
  readonly words: (said: string) => string;
}

/** Codes of OpenSSL and of Node's TLS (its documentation, "X509 certificate error codes"). */
const tlsFaults: readonly TlsFault[] = [
  {
    code: /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_GET_ISSUER_CERT(_LOCALLY)?|UNABLE_TO_VERIFY_LEAF_SIGNATURE|CERT_UNTRUSTED)$/,
    words: (said) =>
      `the far side's certificate is not trusted (${said.split(';')[0]}): write the authority that signed it as "ca_file" in "tls"`,
  },
  {
    code: /^ERR_TLS_CERT_ALTNAME_INVALID$/,
    words: (said) =>
      `the far side's certificate is for other names (${said.replace(/^.*altnames: /, '')}): use one of its names in the URL, or as "server_name" in "tls"`,
  },
  {
    code: /^CERT_(HAS_EXPIRED|NOT_YET_VALID)$/,
    words: (said) => `the far side's certificate is out of its time (${said}): renew it there, or set this clock right`,
  },
  {
    code: /^ERR_OSSL_X509_KEY_VALUES_MISMATCH$/,
    words: () => '"cert_file" and "key_file" in "tls" do not belong together',
  },
  {
    code: /^ERR_OSSL_/,
    words: (said) => `a file of "tls" cannot be used (${said.split('::').at(-1)}): it must be PEM`,
  },
  {
    code: /^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG)$/,
    words: () => 'the far side speaks no TLS on this port: write "http://", or another port',
  },
  {
    code: /^ERR_SSL_.*ALERT_.*(CERT|UNKNOWN_CA|HANDSHAKE_FAILURE|ACCESS_DENIED)/,
    words: (said) =>
      `the far side refuses TLS ("${alertIn(said)}"), as it does where it wants a certificate that it trusts: "cert_file" and "key_file" in "tls"`,
  },
  { code: /^ERR_SSL_/, words: (said) => `TLS fails: ${alertIn(said)}` },
];

/** What is wrong with the certificates or the address, and what to do; undefined where it is something else. */
export function tlsFaultOf({ code, message }: SystemError): string | undefined {
  return tlsFaults.find((fault) => fault.code.test(code))?.words(message.replaceAll(/\s+/g, ' ').trim());
}

/** OpenSSL tells the other side's alert amid its own places: `…:SSL routines:FUNCTION:REASON:FILE:LINE:…`. */
function alertIn(said: string): string {
  return /alert ([a-z ]+)/.exec(said)?.[1] ?? /SSL routines:[^:]*:([^:]+)/.exec(said)?.[1] ?? said;
}

/**
 * An error of a connection with TLS, where the far side closed it without a word: some servers do that where a client has no
 * certificate that they trust, for with TLS 1.3 the client has done its part by then (RFC 8446 §4.4.2.4).
 */
export function closedOverTls(error: unknown): unknown {
  const { code, message } = systemErrorOf(error);
  const isClosed = code === 'UND_ERR_SOCKET' && message === 'other side closed';
  const isBefore = code === 'ECONNRESET' && message.includes('before secure TLS');
  if (!(isClosed || isBefore)) {
    return error;
  }
  const advice = 'over TLS that is also said where it wants a certificate that it trusts: "cert_file" and "key_file"';
  return Object.assign(new Error(`${message} (${advice} in "tls")`, { cause: error }), { code });
}
