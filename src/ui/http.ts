import { record, text } from './read.ts';

/** The daemon answered with a status that is not success, or not at all (status 0), or not in time (504 too). */
export class ApiError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
  }
}

/** Whether asking again may help: the daemon was away or busy, and did not refuse the question. */
export function passes(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 0 || error.status >= 500);
}

/** Whether nobody was there to answer. */
export function isAway(error: unknown): boolean {
  return error instanceof ApiError && error.status === 0;
}

const patienceMs = 15_000;

/** GETs JSON. Rejects with ApiError, or with the signal's reason. */
export async function getJson(url: string, signal: AbortSignal): Promise<unknown> {
  const response = await ask(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]) }, signal);
  if (!response.ok) {
    throw new ApiError(response.status, await reasonOf(response));
  }
  return await response.json();
}

/** POSTs JSON and reads the JSON that comes back. Rejects with ApiError, or with the signal's reason. */
export async function postJson(url: string, body: object, signal: AbortSignal): Promise<unknown> {
  const headers = { 'content-type': 'application/json' };
  const response = await ask(url, { method: 'POST', headers, body: JSON.stringify(body), signal }, signal);
  if (!response.ok) {
    throw new ApiError(response.status, await reasonOf(response));
  }
  return await response.json();
}

/** What an answer that is no success says: its text, or the `error` of its JSON. */
async function reasonOf(response: Response): Promise<string> {
  const body = (await response.text().catch(() => '')).trim();
  const type = response.headers.get('content-type') ?? '';
  const usual = `HTTP ${response.status}`;
  if (!type.includes('json')) {
    return type.includes('html') || body === '' ? usual : body;
  }
  try {
    const it = record(JSON.parse(body));
    return text(it['error']) ?? text(it['message']) ?? usual;
  } catch {
    return usual;
  }
}

/** Gives the token to the daemon, which answers with a cookie. Rejects with ApiError when it is not the token. */
export async function login(token: string, signal: AbortSignal): Promise<void> {
  const response = await ask(
    '/api/native/login',
    { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ token }), signal },
    signal,
  );
  if (!response.ok) {
    throw new ApiError(response.status, (await response.text()).trim());
  }
}

async function ask(url: string, init: RequestInit, signal: AbortSignal): Promise<Response> {
  try {
    return await fetch(url, { ...init, credentials: 'same-origin' });
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof Error && error.name === 'TimeoutError') {
      throw new ApiError(504, `No answer within ${patienceMs / 1_000} s.`);
    }
    throw new ApiError(0, error instanceof Error ? error.message : String(error));
  }
}
