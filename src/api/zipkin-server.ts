import type { HttpResponse, HttpRoute } from '../contract/http.ts';

export interface ZipkinServerDeps {
  readonly version: string;
  /** Why it is not ready; empty when it is. */
  readonly notReady: () => readonly string[];
}

const minuteMs = 60_000;

/**
 * What a Zipkin server says of itself (spec/tracing.md §3.1): `/health` for probes that were written for one, `/info`, and what
 * its page Lens reads first.
 */
export function zipkinServerRoutes({ version, notReady }: ZipkinServerDeps): HttpRoute[] {
  const health = (): HttpResponse => {
    const isUp = notReady().length === 0;
    const status = isUp ? 'UP' : 'DOWN';
    return json(isUp ? 200 : 503, { status, zipkin: { status, details: { meshbridge: { status } } } });
  };
  const info = (): HttpResponse => json(200, { zipkin: { version, commit: 'meshbridge' } });
  return [
    route('/health', 'open', health),
    route('/actuator/health', 'open', health),
    route('/info', 'reader', info),
    route('/actuator/info', 'reader', info),
    route('/zipkin/config.json', 'reader', () => json(200, lensConfig)),
  ];
}

const lensConfig = {
  environment: '',
  queryLimit: 10,
  defaultLookback: 15 * minuteMs,
  searchEnabled: true,
  dependency: { enabled: true, lowErrorRate: 0.5, highErrorRate: 0.75 },
};

function route(path: string, access: HttpRoute['access'], answer: () => HttpResponse): HttpRoute {
  return { method: 'GET', path, listeners: ['main', 'zipkin'], access, handle: async () => answer() };
}

function json(status: number, body: object): HttpResponse {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}
