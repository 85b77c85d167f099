import { readFile } from 'node:fs/promises';
import type { buildConnector } from 'undici';
import type { PromConfig } from './config.ts';

/** What the `ca_*`, `cert_*` and old `tls_*` keys come to. The files are read anew at each call. */
export async function tlsOptions(config: PromConfig): Promise<buildConnector.BuildOptions> {
  const old = config.tls_open ? { ca: config.tls_ca, cert: config.tls_cert, key: config.tls_key } : {};
  const paths = [...config.ca_certs, ...(old.ca === undefined ? [] : [old.ca])];
  const ca = [
    ...(await Promise.all(paths.map((path) => readFile(path)))),
    ...config.ca_certs_base64.map((text) => Buffer.from(text, 'base64')),
  ];
  const cert = await either(config.cert_base64, config.cert ?? old.cert);
  const key = await either(config.cert_key_base64, config.cert_key ?? old.key);
  const skip = config.insecure_skip_verify || (config.tls_open && ca.length === 0);
  return {
    rejectUnauthorized: !skip,
    ...(ca.length > 0 && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
    ...(config.server_name !== undefined && { servername: config.server_name }),
    ...(config.uds_path !== undefined && { socketPath: config.uds_path }),
  };
}

async function either(base64: string | undefined, path: string | undefined): Promise<Buffer | undefined> {
  if (base64 !== undefined) {
    return Buffer.from(base64, 'base64');
  }
  return path === undefined ? undefined : await readFile(path);
}
