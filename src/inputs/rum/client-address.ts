import { isIP } from 'node:net';
import type { HttpRequest } from '../../contract/http.ts';

/**
 * The address of the browser as DataKit finds it: the first one of the configured header, of `X-Forwarded-For`, of
 * `X-Real-IP`, else the peer's. What is no address is passed over.
 */
export function clientAddress(
  { headers, remoteAddress }: Pick<HttpRequest, 'headers' | 'remoteAddress'>,
  header: string,
): string {
  for (const name of [header, 'x-forwarded-for', 'x-real-ip']) {
    const address = plain(headers[name]?.split(',', 1)[0]?.trim() ?? '');
    if (isIP(address) !== 0) {
      return address;
    }
  }
  return plain(remoteAddress);
}

/** Without port, brackets, zone, and the mapping of a dual-stack socket. */
function plain(address: string): string {
  const bare = /^\[([^\]]+)\](?::\d+)?$/.exec(address)?.[1] ?? /^([\d.]+):\d+$/.exec(address)?.[1] ?? address;
  const unzoned = bare.split('%', 1)[0] ?? '';
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(unzoned)?.[1] ?? unzoned;
}
