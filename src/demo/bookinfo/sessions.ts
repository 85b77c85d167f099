import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

const maxNameLength = 64;

/** Names of signed-in users, in a signed cookie, as Flask has its sessions. No password is looked at. */
export class Sessions {
  readonly #key = randomBytes(32);

  /** Value of `set-cookie`. */
  signIn(name: string): string {
    const value = Buffer.from(name.trim().slice(0, maxNameLength)).toString('base64url');
    return `session=${value}.${this.#sign(value)}; Path=/; HttpOnly; SameSite=Lax`;
  }

  signOut(): string {
    return 'session=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax';
  }

  /** Who the sender of this `cookie` header is; undefined: nobody known. */
  user(cookie: string | undefined): string | undefined {
    const [, value = '', signature = ''] = /(?:^|;\s*)session=([\w-]+)\.([\w-]+)/.exec(cookie ?? '') ?? [];
    const wanted = Buffer.from(this.#sign(value));
    const given = Buffer.from(signature);
    if (value === '' || given.length !== wanted.length || !timingSafeEqual(given, wanted)) {
      return undefined;
    }
    return Buffer.from(value, 'base64url').toString();
  }

  #sign(value: string): string {
    return createHmac('sha256', this.#key).update(value).digest('base64url');
  }
}
