import { isIP } from 'node:net';
import { z } from 'zod';
import {
  type HostPort,
  type PercentOrBytes,
  parseBytes,
  parseDurationMs,
  parseHostPort,
  parsePercentOrBytes,
} from './units.ts';

/** What the reference page calls a field's type; travels in the schema's metadata as `kind`. */
export type FieldKind = 'duration' | 'size' | 'secret' | 'url' | 'listen' | 'cidr' | 'share';

function parsed<T>(parse: (text: string) => T | undefined, advice: string) {
  return (text: string, context: z.RefinementCtx<string>): T => {
    const value = parse(text.trim());
    if (value === undefined) {
      context.addIssue({ code: 'custom', message: advice });
      return z.NEVER;
    }
    return value;
  };
}

const toMs = parsed(parseDurationMs, 'is not a duration; write a number with a unit, such as "10s", "1m30s" or "7d"');
const toBytes = parsed(parseBytes, 'is not a size; write a number with a unit, such as "512KiB", "10MiB" or "20GB"');
const toShare = parsed(parsePercentOrBytes, 'is neither a share nor a size; write "12%" or "1GiB"');

/** `"10s"` in the file, ms in code. Go's durations plus `d` and `w`. Without a default the key is required. */
export function duration(fallback: string): z.ZodPipe<z.ZodDefault<z.ZodString>, z.ZodTransform<number, string>>;
export function duration(): z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>;
export function duration(fallback?: string) {
  const text = fallback === undefined ? z.string() : z.string().default(fallback);
  return text.transform(toMs).meta({ kind: 'duration' satisfies FieldKind });
}

/** `"10MiB"` in the file, bytes in code. */
export function bytes(fallback: string): z.ZodPipe<z.ZodDefault<z.ZodString>, z.ZodTransform<number, string>>;
export function bytes(): z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>;
export function bytes(fallback?: string) {
  const text = fallback === undefined ? z.string() : z.string().default(fallback);
  return text.transform(toBytes).meta({ kind: 'size' satisfies FieldKind });
}

/** `"12%"` or `"1GiB"`. Optional in the file unless a default is given. */
export function percentOrBytes(
  fallback: string,
): z.ZodPipe<z.ZodDefault<z.ZodString>, z.ZodTransform<PercentOrBytes, string>>;
export function percentOrBytes(): z.ZodPipe<z.ZodString, z.ZodTransform<PercentOrBytes, string>>;
export function percentOrBytes(fallback?: string) {
  const text = fallback === undefined ? z.string() : z.string().default(fallback);
  return text.transform(toShare).meta({ kind: 'share' satisfies FieldKind });
}

/** A file's path; a relative one is beside the configuration file, and absolute in code. */
export function besideConfig(): z.ZodString {
  return z.string().min(1).meta({ besideConfig: true });
}

/**
 * A password, token or key. The only fields whose value may be `file:PATH`: the loader puts the file's text in its place,
 * without the newline at its end. Its value is never shown. `.optional()` makes it optional.
 */
export function secret() {
  return z
    .string()
    .min(1, 'is empty; write the secret, or file:PATH to read it from a file')
    .meta({ kind: 'secret' satisfies FieldKind, secret: true });
}

/** An absolute http or https address, kept as text. */
export function url() {
  return z
    .string()
    .refine((text) => ['http:', 'https:'].includes(URL.parse(text)?.protocol ?? ''), {
      message: 'is not an address; write one such as "http://127.0.0.1:9090/path"',
    })
    .meta({ kind: 'url' satisfies FieldKind });
}

/** Where to listen: `auto` is the standard port (interfaces.md, `[server]`), `off` is not at all. */
export type ListenSetting = 'auto' | 'off' | HostPort;

const toListen = parsed<ListenSetting>(
  (text) => (text === 'auto' || text === 'off' ? text : parseHostPort(text)),
  'is not a place to listen; write "auto", "off", or host:port such as "127.0.0.1:9411"',
);

export function listen(fallback: string) {
  return z
    .string()
    .default(fallback)
    .transform(toListen)
    .meta({ kind: 'listen' satisfies FieldKind });
}

function isCidr(text: string): boolean {
  const [address, bits, more] = text.split('/');
  const family = isIP(address ?? '');
  if (family === 0 || more !== undefined) {
    return false;
  }
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}

/** A list of networks such as `10.0.0.0/8`; a plain address stands for itself. Empty by default. */
export function cidrs() {
  const network = z
    .string()
    .refine(isCidr, { message: 'is not a network; write one such as "10.0.0.0/8" or "::1/128"' });
  return z
    .array(network)
    .default([])
    .meta({ kind: 'cidr' satisfies FieldKind });
}

/** How to reach a server over TLS: `[…tls]` of an output. Each path is read when a connection is made. */
export function clientTls() {
  return z
    .strictObject({
      ca_file: z
        .string()
        .optional()
        .meta({ example: '/etc/meshbridge/ca.crt' })
        .describe("PEM file of the authorities to trust instead of the system's."),
      cert_file: z
        .string()
        .optional()
        .meta({ example: '/etc/meshbridge/client.crt' })
        .describe('PEM file of our own certificate, where the server asks for one.'),
      key_file: z
        .string()
        .optional()
        .meta({ example: '/etc/meshbridge/client.key' })
        .describe('PEM file of the key that belongs to `cert_file`.'),
      server_name: z
        .string()
        .optional()
        .meta({ example: 'metrics.example.com' })
        .describe('Name that the certificate must carry, where it is not the host of the URL.'),
      insecure_skip_verify: z.boolean().default(false).describe('Accept any certificate. Only for tests.'),
    })
    .optional();
}
export type ClientTls = NonNullable<z.output<ReturnType<typeof clientTls>>>;
export type { HostPort, PercentOrBytes } from './units.ts';

/** How to serve TLS: `[server.tls]`. */
export function serverTls() {
  return z
    .strictObject({
      cert_file: z
        .string()
        .meta({ example: '/etc/meshbridge/tls.crt' })
        .describe('PEM file of the certificate, with the chain behind it.'),
      key_file: z.string().meta({ example: '/etc/meshbridge/tls.key' }).describe('PEM file of its key.'),
    })
    .optional();
}
