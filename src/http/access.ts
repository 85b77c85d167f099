import { BlockList, isIP, isIPv4 } from 'node:net';
import { BridgeError } from '../contract/errors.ts';
import type { Access } from '../contract/http.ts';
import { Secret } from './token.ts';

export const sessionCookie = 'meshbridge_session';

/** Any of these says that somebody else stands behind the peer, so that a loopback address proves nothing. */
const forwardingHeaders = ['x-forwarded-for', 'forwarded', 'x-real-ip', 'x-envoy-external-address', 'via'] as const;

export interface AccessOptions {
  /** `none`: whoever reaches the port may do everything. */
  readonly auth: 'token' | 'none';
  /** CIDRs or single addresses, v4 and v6. */
  readonly trusted: readonly string[];
  /** Host names, `*.example.com` for all below one, `*` for any. */
  readonly allowedHosts: readonly string[];
  /** Opens everything. */
  readonly token?: string;
  /** Opens `ingest` routes only. */
  readonly ingestToken?: string;
}

/** Tokens beside those of the options. */
export interface Tokens {
  readonly token: string | undefined;
  readonly ingestToken: string | undefined;
}

export interface Caller {
  readonly method: string;
  readonly remoteAddress: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
}

/** What is answered instead: the message says which setting opens the route. */
export interface Refusal {
  readonly status: 401 | 403;
  readonly message: string;
}

/** `::ffff:10.0.0.1` is how a dual-stack socket shows 10.0.0.1; a zone (`%eth0`) says nothing about who it is. */
function plainAddress(address: string): string {
  const bare = address.split('%', 1)[0] ?? '';
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare);
  return mapped?.[1] ?? bare;
}

/** Exactly these two: Istio's sidecars deliver the whole world's requests from 127.0.0.6. */
export function isLoopbackPeer(remoteAddress: string): boolean {
  const address = plainAddress(remoteAddress);
  return address === '127.0.0.1' || address === '::1';
}

/** Throws BRIDGE_CONFIG for what is neither an address nor a CIDR. */
export function parseTrusted(cidrs: readonly string[]): BlockList {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [address = '', prefix, ...rest] = cidr.split('/');
    const version = isIP(address);
    const bits = prefix === undefined ? (version === 4 ? 32 : 128) : Number(prefix);
    const isPrefix = prefix === undefined || /^\d{1,3}$/.test(prefix);
    if (version === 0 || rest.length > 0 || !isPrefix || bits > (version === 4 ? 32 : 128)) {
      throw new BridgeError(
        'BRIDGE_CONFIG',
        `[server] trusted: "${cidr}" is not a CIDR such as 10.0.0.0/8 or fd00::/8`,
      );
    }
    list.addSubnet(address, bits, version === 4 ? 'ipv4' : 'ipv6');
  }
  return list;
}

/** The name of a `Host` header, without port and brackets, lower case. */
function hostName(host: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d*)?$/.exec(host);
  const name = bracketed?.[1] ?? host.replace(/:\d*$/, '');
  return name.toLowerCase().replace(/\.$/, '');
}

/**
 * Names that no public DNS zone can hold, so that no web page can make them point here: single labels and the names of a
 * cluster's own DNS.
 */
function isPrivateName(name: string): boolean {
  return !name.includes('.') || /\.(localhost|svc|cluster\.local)$/.test(name);
}

function cookieOf(header: string | undefined, name: string): string | undefined {
  for (const pair of header?.split(';') ?? []) {
    const [key, ...value] = pair.split('=');
    if (key?.trim() === name) {
      return value.join('=').trim();
    }
  }
  return undefined;
}

interface Secrets {
  readonly token?: Secret;
  readonly ingestToken?: Secret;
}

function secretsOf({ token, ingestToken }: Partial<Tokens>): Secrets {
  return {
    ...(token === undefined ? {} : { token: new Secret(token) }),
    ...(ingestToken === undefined ? {} : { ingestToken: new Secret(ingestToken) }),
  };
}

/** Decides who may call what (design.md §9). */
export class AccessPolicy {
  readonly #auth: 'token' | 'none';
  readonly #trusted: BlockList;
  readonly #allowedHosts: readonly string[];
  readonly #own: Secrets;
  #adopted: Secrets = {};

  /** Throws BRIDGE_CONFIG when `trusted` holds something else than CIDRs. */
  constructor(options: AccessOptions) {
    this.#auth = options.auth;
    this.#trusted = parseTrusted(options.trusted);
    this.#allowedHosts = options.allowedHosts.map((host) => host.toLowerCase());
    this.#own = secretsOf(options);
  }

  /** These are good too, in place of those of an earlier call. */
  adopt(tokens: Tokens): void {
    this.#adopted = secretsOf(tokens);
  }

  /** Undefined when the caller may. Never asks anything of callers of `open` routes. */
  refusal(caller: Caller, access: Access): Refusal | undefined {
    if (access === 'open' || this.#hasSecret(caller, access)) {
      return undefined;
    }
    return this.#stranger(caller, access) ?? this.#misled(caller, access);
  }

  /** The value of the login cookie, if `token` is the right one. */
  session(token: string): string | undefined {
    return this.#all.find((one) => one.token?.matches(token) === true)?.token?.cookieValue;
  }

  get #all(): readonly Secrets[] {
    return [this.#own, this.#adopted];
  }

  #hasSecret(caller: Caller, access: Access): boolean {
    const bearer = /^bearer +(\S+)$/i.exec(caller.headers['authorization'] ?? '')?.[1];
    if (bearer !== undefined) {
      return this.#all.some(
        ({ token, ingestToken }) =>
          token?.matches(bearer) === true || (access === 'ingest' && ingestToken?.matches(bearer) === true),
      );
    }
    const cookie = cookieOf(caller.headers['cookie'], sessionCookie);
    // SameSite keeps other sites from sending the cookie; a sibling port of this host is the same site.
    const isKnown = cookie !== undefined && this.#all.some(({ token }) => token?.matchesCookie(cookie) === true);
    return isKnown && !isCrossOrigin(caller);
  }

  #stranger(caller: Caller, access: Access): Refusal | undefined {
    if (this.#auth === 'none' || this.#isTrusted(caller.remoteAddress)) {
      return undefined;
    }
    const isLoopback = isLoopbackPeer(caller.remoteAddress);
    const forwarded = forwardingHeaders.find((name) => caller.headers[name] !== undefined);
    if (isLoopback && forwarded === undefined) {
      return undefined;
    }
    const who = isLoopback ? `a proxy's request (it has the header ${forwarded})` : plainAddress(caller.remoteAddress);
    const offered = caller.headers['authorization'] === undefined ? 'needs a token' : 'sent a token that is not known';
    const settings = access === 'ingest' ? 'token_file, [server] ingest_token_file' : 'token_file';
    return {
      status: 401,
      message: `${who} ${offered}: send "Authorization: Bearer TOKEN" with the one of [server] ${settings} or the data directory, or add the peer's CIDR to [server] trusted`,
    };
  }

  #isTrusted(remoteAddress: string): boolean {
    const address = plainAddress(remoteAddress);
    return isIP(address) !== 0 && this.#trusted.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');
  }

  /** Callers known by address alone may be browsers that another site leads. */
  #misled(caller: Caller, access: Access): Refusal | undefined {
    if (isCrossOrigin(caller)) {
      return {
        status: 403,
        message: 'a page of another origin may not call this; send the token as Authorization: Bearer',
      };
    }
    const host = caller.headers['host'];
    if (access === 'ingest' || host === undefined || this.#isAllowedHost(hostName(host))) {
      return undefined;
    }
    return { status: 403, message: `the host name ${hostName(host)} is not known; add it to [server] allowed_hosts` };
  }

  #isAllowedHost(name: string): boolean {
    return (
      isIP(name) !== 0 ||
      isPrivateName(name) ||
      this.#allowedHosts.some(
        (allowed) =>
          allowed === '*' || allowed === name || (allowed.startsWith('*.') && name.endsWith(allowed.slice(1))),
      )
    );
  }
}

/** Did a page of another origin make the browser send this? Only browsers send these headers, and pages cannot forge them. */
function isCrossOrigin(caller: Caller): boolean {
  const origin = caller.headers['origin'];
  if (origin !== undefined) {
    return !URL.canParse(origin) || new URL(origin).host !== caller.headers['host']?.toLowerCase();
  }
  return caller.headers['sec-fetch-site'] === 'cross-site' && caller.headers['sec-fetch-mode'] !== 'navigate';
}
