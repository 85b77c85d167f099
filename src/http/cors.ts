import type { CorsPolicy, HttpRequest, HttpResponse, HttpRoute } from '../contract/http.ts';

type Headers = HttpRequest['headers'];
type Cors = true | CorsPolicy;

/** Only routes that are open to everyone: a page of another site must not read what a loopback address opens. */
export function corsOf({ cors, access }: HttpRoute): Cors | undefined {
  return cors === undefined || cors === false || access !== 'open' ? undefined : cors;
}

const zipkinPreflight: HttpResponse = {
  status: 200,
  headers: {
    'access-control-allow-origin': '*',
    'access-control-allow-methods': 'GET,POST',
    'access-control-allow-headers': 'content-type,content-encoding',
    'access-control-max-age': '86400',
  },
};

/** Allowed whether they were asked for or not. */
const usualHeaders = 'Content-Type, Content-Encoding, X-Requested-With';

/** Of every answer of the route; none for an origin that may not. */
export function originHeaders(cors: Cors, headers: Headers): Readonly<Record<string, string>> {
  if (cors === true) {
    return { 'access-control-allow-origin': '*' };
  }
  const { origin } = headers;
  if (origin === undefined) {
    return { 'access-control-allow-origin': '*', vary: 'Origin' };
  }
  const isAllowed = cors.origins.length === 0 || cors.origins.includes(origin);
  return {
    ...(isAllowed && { 'access-control-allow-origin': origin, 'access-control-allow-credentials': 'true' }),
    vary: 'Origin',
  };
}

/** The answer to OPTIONS (Fetch standard, CORS-preflight). */
export function preflight(cors: Cors, headers: Headers): HttpResponse {
  if (cors === true) {
    return zipkinPreflight;
  }
  const origin = originHeaders(cors, headers);
  if (origin['access-control-allow-origin'] === undefined) {
    return { status: 204, headers: origin };
  }
  const wanted = headers['access-control-request-headers'];
  return {
    status: 204,
    headers: {
      ...origin,
      'access-control-allow-methods': 'POST, OPTIONS, GET, PUT',
      'access-control-allow-headers': wanted === undefined ? usualHeaders : `${wanted}, ${usualHeaders}`,
      'access-control-max-age': '7200',
      // A page on the internet may send to a collector on a private address, where the browser asks.
      ...(headers['access-control-request-private-network'] === 'true' && {
        'access-control-allow-private-network': 'true',
      }),
    },
  };
}
