import { readFile } from 'node:fs/promises';
import type { LoadedConfig } from '../config/load.ts';
import type { ListenerName } from '../contract/http.ts';
import { AccessPolicy } from '../http/access.ts';
import type { ListenerSpec } from '../http/listeners.ts';
import { ensureToken, readToken } from '../http/token.ts';

export const standardPort = 9529;

type Server = LoadedConfig['server'];

/** The doors that are to be opened; the extra ones follow `auto` only behind the standard main port (design.md §8). */
export async function listenerSpecs(server: Server, inCluster: boolean): Promise<ListenerSpec[]> {
  const host = inCluster ? '0.0.0.0' : '127.0.0.1';
  const written = server.listen;
  const main: ListenerSpec =
    typeof written === 'object'
      ? { name: 'main', host: written.host, port: written.port, onTaken: 'fail' }
      : { name: 'main', host, port: standardPort, onTaken: 'fail' };
  const { tls } = server;
  const secured =
    tls === undefined
      ? main
      : { ...main, tls: { cert: await readFile(tls.cert_file, 'utf8'), key: await readFile(tls.key_file, 'utf8') } };
  const extra = (
    name: Exclude<ListenerName, 'main'>,
    choice: Server['zipkin_listen'],
    port: number,
  ): ListenerSpec[] => {
    if (typeof choice === 'object') {
      return [{ name, host: choice.host, port: choice.port, onTaken: 'fail' }];
    }
    return choice === 'auto' && main.port === standardPort ? [{ name, host: main.host, port, onTaken: 'warn' }] : [];
  };
  return [
    secured,
    ...extra('zipkin', server.zipkin_listen, 9411),
    ...extra('otlp', server.otlp_http_listen, 4318),
    ...extra('otlp_grpc', server.otlp_grpc_listen, 4317),
    ...extra('jaeger_grpc', server.jaeger_grpc_listen, 16_685),
  ];
}

/** Who may call, and where the token is that opens the rest. */
export async function accessPolicy(
  server: Server,
  dataDir: string,
): Promise<{ readonly policy: AccessPolicy; readonly tokenPath: string; readonly token: string }> {
  const own = server.token_file === undefined ? await ensureToken(dataDir) : undefined;
  const tokenPath = server.token_file ?? own?.path ?? '';
  const token = own?.token ?? (await readToken(tokenPath));
  const ingestToken = server.ingest_token_file === undefined ? undefined : await readToken(server.ingest_token_file);
  const policy = new AccessPolicy({
    auth: server.auth,
    trusted: server.trusted,
    allowedHosts: server.allowed_hosts,
    token,
    ...(ingestToken === undefined ? {} : { ingestToken }),
  });
  return { policy, tokenPath, token };
}
