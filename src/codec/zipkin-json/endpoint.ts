import type { Endpoint } from '../../model/span.ts';
import { type IpAddress, parseIp } from './ip.ts';
import { isObject, readInteger, readText, SpanFault, unexpected } from './json-value.ts';

const maxPort = 65_535;

function readPort(value: unknown, path: string): number | undefined {
  if (value === undefined || value === null) {
    return undefined;
  }
  const port = readInteger(value, path);
  if (port > maxPort) {
    throw new SpanFault(path, `is ${port}; expected a port up to ${maxPort}`);
  }
  return port > 0 ? port : undefined;
}

function readIp(value: unknown, path: string): IpAddress | undefined {
  return value === undefined || value === null ? undefined : parseIp(readText(value, path));
}

/** Puts an endpoint together from its parts; undefined when nothing is left of it. */
export function endpointOf(parts: {
  readonly serviceName: string | undefined;
  readonly ipv4: string | undefined;
  readonly ipv6: string | undefined;
  readonly port: number | undefined;
}): Endpoint | undefined {
  const { serviceName, ipv4, ipv6, port } = parts;
  const endpoint: { -readonly [K in keyof Endpoint]: Endpoint[K] } = {};
  if (serviceName !== undefined && serviceName !== '') {
    endpoint.serviceName = serviceName.toLowerCase();
  }
  if (ipv4 !== undefined) {
    endpoint.ipv4 = ipv4;
  }
  if (ipv6 !== undefined) {
    endpoint.ipv6 = ipv6;
  }
  if (port !== undefined) {
    endpoint.port = port;
  }
  return Object.keys(endpoint).length === 0 ? undefined : endpoint;
}

/** Undefined for null, and when nothing is left that says something. Throws SpanFault or DigitsWanted. */
export function readEndpoint(value: unknown, path: string): Endpoint | undefined {
  if (value === undefined || value === null) {
    return undefined;
  }
  if (!isObject(value)) {
    throw unexpected(path, value, 'an object');
  }
  const { serviceName, ipv4, ipv6, port } = value;
  const first = readIp(ipv4, `${path}.ipv4`);
  const second = readIp(ipv6, `${path}.ipv6`);
  return endpointOf({
    serviceName:
      serviceName === undefined || serviceName === null ? undefined : readText(serviceName, `${path}.serviceName`),
    ipv4: first?.ipv4 ?? second?.ipv4,
    ipv6: second?.ipv6 ?? first?.ipv6,
    port: readPort(port, `${path}.port`),
  });
}
