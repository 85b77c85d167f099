import { readFile } from 'node:fs/promises';

/** Paths of PEM files, and how strict to be. */
export interface ClientTls {
  readonly ca_file?: string | undefined;
  readonly cert_file?: string | undefined;
  readonly key_file?: string | undefined;
  readonly server_name?: string | undefined;
  readonly insecure_skip_verify: boolean;
}

/** How to get to a server and who we are to it: the checked `httpFields` (config/delivery-fields.ts). */
export interface Reach {
  /** The user's own; they win over what we say, but not over what the protocol needs. */
  readonly headers: Readonly<Record<string, string>>;
  readonly tls?: ClientTls | undefined;
  readonly proxy_url?: string | undefined;
  readonly basic_auth?: { readonly username: string; readonly password: string } | undefined;
  /** Read for each request, since such tokens are renewed. */
  readonly bearer_token_file?: string | undefined;
}

/** The common part of an output's configuration. */
export function reachOf({ headers, tls, proxy_url, basic_auth, bearer_token_file }: Reach): Reach {
  return { headers, tls, proxy_url, basic_auth, bearer_token_file };
}

/** What every request carries, with lower-case names: who we are, and the user's headers. A user and password in the URL are basic authorization. */
export async function headersOf(
  url: URL,
  reach: Pick<Reach, 'headers' | 'basic_auth' | 'bearer_token_file'>,
  userAgent: string,
): Promise<Record<string, string>> {
  const authorization = await authorizationOf(url, reach);
  const own = Object.entries(reach.headers).map(([name, value]) => [name.toLowerCase(), value]);
  return {
    'user-agent': userAgent,
    ...(authorization !== undefined && { authorization }),
    ...Object.fromEntries(own),
  };
}

async function authorizationOf(
  url: URL,
  { basic_auth: login, bearer_token_file: path }: Pick<Reach, 'basic_auth' | 'bearer_token_file'>,
): Promise<string | undefined> {
  if (path !== undefined) {
    return `Bearer ${(await readFile(path, 'utf8')).trim()}`;
  }
  if (login !== undefined) {
    return basic(login.username, login.password);
  }
  return url.username === '' ? undefined : basic(decodeURIComponent(url.username), decodeURIComponent(url.password));
}

/** RFC 7617. */
export function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

/** Of node's `tls.connect`. */
export interface TlsOptions {
  readonly rejectUnauthorized: boolean;
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
  readonly servername?: string;
}

/** What node's TLS is given; the files are read now. */
export async function tlsOptions(tls: ClientTls): Promise<TlsOptions> {
  const [ca, cert, key] = await Promise.all([tls.ca_file, tls.cert_file, tls.key_file].map(contents));
  return {
    rejectUnauthorized: !tls.insecure_skip_verify,
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
    ...(tls.server_name !== undefined && { servername: tls.server_name }),
  };
}

async function contents(path: string | undefined): Promise<Buffer | undefined> {
  return path === undefined ? undefined : await readFile(path);
}
