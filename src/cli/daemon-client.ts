import { readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { whyUnreadable } from '../config/files.ts';

/** Which daemon is asked, and with which token. */
export interface DaemonPlace {
  /** URL of its main port. */
  readonly to: string;
  readonly tokenFile?: string;
  /** Where a daemon of this machine keeps its token. */
  readonly dataDir: string;
}

/** The daemon did not answer, or not as it should. The message is half a sentence. */
export class DaemonAway extends Error {
  readonly status: number | undefined;
  /** It may be another address that is meant. */
  readonly isElsewhere: boolean;

  constructor(message: string, { status, cause, isElsewhere = status === undefined }: DaemonAwayOptions = {}) {
    super(message, { cause });
    this.name = 'DaemonAway';
    this.status = status;
    this.isElsewhere = isElsewhere;
  }
}

interface DaemonAwayOptions {
  readonly status?: number;
  readonly cause?: unknown;
  /** Default: whether nobody answered. */
  readonly isElsewhere?: boolean;
}

const patienceMs = 5_000;
/** What is to be done may take longer than to say how it is. */
const actionMs = 60_000;

/** Asks a running daemon over HTTP. Throws DaemonAway. */
export class DaemonClient {
  readonly #place: DaemonPlace;

  constructor(place: DaemonPlace) {
    this.#place = place;
  }

  async get(path: string, signal?: AbortSignal): Promise<unknown> {
    const limit = AbortSignal.timeout(patienceMs);
    const answer = await this.#answer(path, signal === undefined ? limit : AbortSignal.any([signal, limit]));
    return answer.json().catch((cause: unknown) => {
      throw new DaemonAway('what answers there is no meshbridge', { cause });
    });
  }

  /**
   * POSTs JSON, or GETs where there is no body. What the daemon could not do (422), or not now (503), is an answer too, where it
   * is JSON.
   */
  async ask(path: string, body?: object): Promise<unknown> {
    const token = await this.#token();
    const answer = await answered(new URL(path, this.#place.to), {
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { method: 'POST', body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(actionMs),
      redirect: 'error',
    });
    const isJson = answer.headers.get('content-type')?.startsWith('application/json') === true;
    if (isJson && [200, 422, 503].includes(answer.status)) {
      return answer.json();
    }
    const said = (await answer.text()).trim().slice(0, 500);
    throw new DaemonAway(`HTTP ${answer.status} ${said}`.trim(), { status: answer.status });
  }

  /**
   * What comes as it comes, until the daemon ends it or `signal` is aborted: that is an end too. A DaemonAway that is thrown on
   * the way says that it broke off.
   */
  async stream(path: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(new DOMException('no answer', 'TimeoutError')), patienceMs);
    try {
      const { body } = await this.#answer(path, AbortSignal.any([signal, late.signal]));
      return pieces(body, signal);
    } finally {
      clearTimeout(timer);
    }
  }

  async #answer(path: string, signal: AbortSignal): Promise<Response> {
    const token = await this.#token();
    const answer = await answered(new URL(path, this.#place.to), {
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      signal,
      redirect: 'error',
    });
    const { status } = answer;
    if (status === 401 || status === 403) {
      const why = (await answer.text()).trim().slice(0, 500);
      const mend = status === 401 ? `${this.#tokenAdvice(token)}; ` : '';
      throw new DaemonAway(`${mend}it refuses: ${why === '' ? `HTTP ${status}` : why}`, { status });
    }
    if (status === 400 || status === 503) {
      throw new DaemonAway((await answer.text()).trim().slice(0, 500), { status });
    }
    if (!answer.ok) {
      const older = status === 404 ? '; is it an older one?' : '';
      throw new DaemonAway(`it answers ${path.replace(/\?.*/, '')} with HTTP ${status}${older}`, { status });
    }
    return answer;
  }

  #tokenAdvice(token: string | undefined): string {
    const { tokenFile, dataDir } = this.#place;
    return token === undefined
      ? 'give it its token with --token-file FILE'
      : `the token in ${tokenFile ?? join(dataDir, 'token')} is not its own: give it that with --token-file FILE`;
  }

  /** Read each time: a daemon that starts anew may have written it just now. */
  async #token(): Promise<string | undefined> {
    const { tokenFile, dataDir, to } = this.#place;
    if (tokenFile !== undefined) {
      return readFile(tokenFile, 'utf8').then(
        (text) => text.trim(),
        (cause: unknown) => {
          const message = `the token file ${tokenFile} cannot be read: ${whyUnreadable(cause)}`;
          throw new DaemonAway(message, { cause, isElsewhere: false });
        },
      );
    }
    // The token of this machine's daemon is nobody else's business.
    const own = isOwnAddress(to) ? await readFile(join(dataDir, 'token'), 'utf8').catch(() => '') : '';
    return own.trim() === '' ? undefined : own.trim();
  }
}

async function answered(url: URL, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (cause) {
    throw new DaemonAway(reasonOf(cause), { cause });
  }
}

async function* pieces(body: Response['body'], signal: AbortSignal): AsyncGenerator<Uint8Array> {
  try {
    for await (const piece of body ?? []) {
      yield piece;
    }
  } catch (cause) {
    if (!signal.aborted) {
      throw new DaemonAway(`the connection broke: ${reasonOf(cause)}`, { cause });
    }
  }
}

const whyNoAnswer: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'no machine of that name is known',
};

/** `fetch failed` says nothing; what caused it does. */
function reasonOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) {
    return String(error);
  }
  const { cause, name, message, code }: Readonly<Record<string, unknown>> = {
    cause: undefined,
    name: undefined,
    message: undefined,
    code: undefined,
    ...fieldsOf(error),
  };
  if (name === 'TimeoutError') {
    return `no answer within ${patienceMs / 1000} s`;
  }
  if (cause !== undefined) {
    return reasonOf(cause);
  }
  const known = typeof code === 'string' ? whyNoAnswer[code] : undefined;
  return known ?? String(message === '' ? (code ?? name) : message);
}

function fieldsOf(error: object): Readonly<Record<string, unknown>> {
  const names = ['cause', 'name', 'message', 'code'] as const;
  return Object.fromEntries(names.map((name) => [name, name in error ? Reflect.get(error, name) : undefined]));
}

function isOwnAddress(url: string): boolean {
  const host = (URL.parse(url)?.hostname ?? '').replace(/^\[(.*)\]$/, '$1');
  const own = Object.values(networkInterfaces()).flatMap((addresses) =>
    (addresses ?? []).map(({ address }) => address),
  );
  return host === 'localhost' || host === '::1' || /^127\./.test(host) || own.includes(host);
}
