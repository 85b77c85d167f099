import type { RetryCause } from '../../contract/output.ts';
import type { Address } from './broker.ts';
import { verdictOf } from './codes.ts';
import { Failure } from './failure.ts';

/** Files of certificates and keys. */
const unreadable = new Set(['ENOENT', 'EACCES', 'EISDIR']);
const tlsCodes = /^(ERR_(TLS|SSL|OSSL)|CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|HOSTNAME_MISMATCH|EPROTO)/;

/** What went wrong between us and a broker, in one sentence. `faults`: why the connection broke, where that is known. */
export function failureOf(error: unknown, { host, port }: Address, faults: readonly Error[] = []): Failure {
  if (error instanceof Failure) {
    return error;
  }
  const chain = [error, ...faults].flatMap((one) => causesOf(one));
  const [kind, reason] = meaningOf(chain);
  return new Failure(`${host}:${port}: ${reason}`, kind);
}

/** The code that a broker answered with, where it did. */
export function protocolCodeOf(error: unknown): number | undefined {
  return causesOf(error).find(({ apiCode }) => apiCode !== undefined)?.apiCode;
}

interface Cause {
  readonly message: string;
  readonly code?: string;
  readonly apiCode?: number;
}

/** The error, and all that it says came before it. */
function causesOf(error: unknown, depth = 0): readonly Cause[] {
  if (typeof error !== 'object' || error === null || depth > 5) {
    return [];
  }
  const { message, code, apiCode, serverErrorMessage } = fieldsOf(error);
  const below = [
    ...('cause' in error ? causesOf(error.cause, depth + 1) : []),
    ...('errors' in error && Array.isArray(error.errors)
      ? error.errors.flatMap((one) => causesOf(one, depth + 1))
      : []),
  ];
  return [
    {
      message: [message, serverErrorMessage].flatMap(sentence).join(': '),
      ...(typeof code === 'string' && { code }),
      ...(typeof apiCode === 'number' && { apiCode }),
    },
    ...below,
  ];
}

/** Without its full stop, since something may follow. */
function sentence(text: unknown): readonly string[] {
  return typeof text === 'string' && text !== '' ? [text.replace(/\.$/, '')] : [];
}

function fieldsOf(error: object): Readonly<Record<string, unknown>> {
  return {
    message: 'message' in error ? error.message : '',
    code: 'code' in error ? error.code : undefined,
    apiCode: 'apiCode' in error ? error.apiCode : undefined,
    serverErrorMessage: 'serverErrorMessage' in error ? error.serverErrorMessage : undefined,
  };
}

function meaningOf(chain: readonly Cause[]): readonly [RetryCause, string] {
  const deepest = chain.at(-1)?.message ?? 'the connection failed';
  const answered = chain.find(({ apiCode }) => apiCode !== undefined);
  if (answered?.apiCode !== undefined) {
    const verdict = verdictOf(answered.apiCode);
    return verdict.is === 'failed'
      ? [verdict.kind, withAdvice(answered.message, verdict.advice)]
      : ['server_error', answered.message];
  }
  if (chain.some(({ message }) => message.includes('before secure TLS connection was established'))) {
    return ['unreachable', 'the broker ended the TLS handshake, as it does too where it speaks no TLS on this port'];
  }
  if (deepest === 'Connection closed') {
    return [
      'unreachable',
      'the broker closed the connection, as it does too where it wants `sasl` or `tls` and gets none',
    ];
  }
  if (chain.some(({ code }) => code === 'PLT_KFK_AUTHENTICATION')) {
    return ['misconfigured', withAdvice(`the login is refused: ${deepest}`, 'check `sasl`')];
  }
  if (chain.some(({ message }) => message.includes('requires TLS'))) {
    return ['misconfigured', 'the broker wants TLS: write a table `tls`'];
  }
  const tls = chain.find(({ code = '' }) => tlsCodes.test(code));
  if (tls !== undefined) {
    return ['misconfigured', withAdvice(`TLS fails: ${tlsWords(tls.message)}`, 'check `tls`')];
  }
  const file = chain.find(({ code = '' }) => unreadable.has(code));
  if (file !== undefined) {
    return ['misconfigured', file.message];
  }
  if (chain.some(({ message }) => message.includes('timed out'))) {
    return ['timeout', 'no answer in time'];
  }
  return ['unreachable', deepest];
}

/** OpenSSL tells the other side's alert amid its own places. */
function tlsWords(message: string): string {
  const alert = /alert ([a-z ]+)/.exec(message)?.[1];
  return alert === undefined ? message : `the broker says "${alert}"`;
}

function withAdvice(text: string, advice: string | undefined): string {
  return advice === undefined ? text : `${text} (${advice})`;
}
