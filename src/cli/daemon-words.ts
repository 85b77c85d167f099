/** Which daemon is asked. */
export interface AskOptions {
  readonly to: string;
  readonly tokenFile?: string;
  readonly dataDir?: string;
}

/** The daemon on this machine, at its usual port. */
export const usualDaemon = 'http://127.0.0.1:9529';

/** `--to`, `--token-file` and `--data-dir`, or what is wrong with them. */
export function daemonWords(texts: ReadonlyMap<string, string>): AskOptions | string {
  const to = texts.get('to') ?? usualDaemon;
  if (!['http:', 'https:'].includes(URL.parse(to)?.protocol ?? '')) {
    return `--to wants a URL such as ${usualDaemon}, and got "${to}"`;
  }
  return { to, ...given('tokenFile', texts.get('token-file')), ...given('dataDir', texts.get('data-dir')) };
}

/** An object with that key, or an empty one. */
export function given<K extends string>(key: K, value: string | undefined): { readonly [P in K]?: string } {
  const entry: { [P in K]?: string } = {};
  if (value !== undefined) {
    entry[key] = value;
  }
  return entry;
}
