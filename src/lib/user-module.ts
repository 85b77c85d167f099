import { stat } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';

/** What a file of the user's exports, or why it cannot be loaded: half a sentence. */
export type UserModule =
  /** `version` differs when the file has changed. */
  | { readonly exports: Readonly<Record<string, unknown>>; readonly version: string; readonly fault?: never }
  | { readonly fault: string; readonly version?: never; readonly exports?: never };

/** Loads an ES module by its path. A file that has changed is loaded anew. */
export async function loadUserModule(path: string): Promise<UserModule> {
  try {
    const { mtimeMs } = await stat(path);
    const url = pathToFileURL(path);
    const version = String(mtimeMs);
    url.searchParams.set('changed', version);
    return { exports: await import(url.href), version };
  } catch (error) {
    return { fault: whyNot(error) };
  }
}

/** What an error of somebody else's code says, on one line. */
export function whyNot(error: unknown): string {
  if (typeof error !== 'object' || error === null) {
    return String(error);
  }
  const code = 'code' in error ? error.code : undefined;
  const message = 'message' in error ? String(error.message) : String(error);
  return code === 'ENOENT' ? 'there is no such file' : `${message.replaceAll(/\s*\n\s*/g, ' ')}${placeIn(error)}`;
}

/** Of a syntax error, V8 puts the place before the stack; of others it is the topmost of the stack. */
function placeIn(error: object): string {
  const stack = 'stack' in error ? String(error.stack) : '';
  const line = /file:[^\s)]*[?]changed=[^:\s]*:(\d+)/.exec(stack)?.[1];
  return line === undefined ? '' : ` (line ${line})`;
}

/** Ends with a rejection that names what took too long; the work itself goes on. */
export async function withinTime<T>(work: Promise<T> | T, ms: number, what: string): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`${what} took longer than ${ms / 1_000} s`)), ms);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
