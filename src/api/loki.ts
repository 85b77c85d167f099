import { BridgeError } from '../contract/errors.ts';
import type { HttpRequest, HttpResponse, HttpRoute } from '../contract/http.ts';
import type { Answer, Question, StoreReader } from '../contract/store.ts';
import {
  lokiDirection,
  lokiEncoding,
  lokiLimit,
  lokiMsRange,
  lokiRange,
  lokiStepMs,
  lokiTime,
  orderedRange,
  queryText,
  refuseInterval,
  wholeNumber,
} from './loki-parameters.ts';
import { lokiTail } from './loki-tail.ts';

export interface LokiDeps {
  readonly store: StoreReader;
  readonly version: string;
  /** ms since 1970 */
  readonly now: () => number;
}

/** The release whose LogQL and API this answers like; clients look at it to see what they may ask. */
const compatibleVersion = '3.5.0';
const maxFormBytes = 1_048_576;
const defaultFieldLines = 1_000;
const defaultFields = 1_000;
const defaultVolumes = 100;

type Ask = (parameters: URLSearchParams, request: HttpRequest) => Question;
/** What stands around the store's bytes. */
type Wrap = (answer: Answer) => readonly (string | Uint8Array)[];

interface Endpoint {
  /** Behind `/loki/api/v1/`. */
  readonly path: string;
  readonly ask: Ask;
  readonly wrap: Wrap;
}

const inData: Wrap = ({ body }) => ['{"status":"success","data":', body, '}'];
const asItIs: Wrap = ({ body }) => [body];

/** Loki's HTTP API (grafana.com/docs/loki, "Loki HTTP API"): what Grafana's data source and Explore ask. */
export function lokiRoutes(deps: LokiDeps): HttpRoute[] {
  const routes = endpoints(deps.now).flatMap((endpoint) =>
    (['GET', 'POST'] as const).map(
      (method): HttpRoute => ({
        method,
        path: `/loki/api/v1/${endpoint.path}`,
        listeners: ['main'],
        access: 'reader',
        ...(method === 'POST' ? { maxBodyBytes: maxFormBytes } : {}),
        handle: (request) => answered(deps.store, endpoint, request),
      }),
    ),
  );
  return [...routes, lokiTail(deps), ...fixed(deps.version)];
}

function endpoints(now: () => number): Endpoint[] {
  return [...queries(now), ...aboutStreams(now), ...aboutFields(now)];
}

function queries(now: () => number): Endpoint[] {
  return [
    {
      path: 'query',
      ask: (parameters) => ({
        kind: 'loki.query',
        query: queryText(parameters),
        timeNanos: lokiTime(parameters, now()),
      }),
      wrap: inData,
    },
    {
      path: 'query_range',
      ask: (parameters, { headers }) => {
        const range = orderedRange(lokiRange(parameters, now()));
        refuseInterval(parameters);
        const query = {
          query: queryText(parameters),
          ...range,
          stepMs: lokiStepMs(parameters, range),
          limit: lokiLimit(parameters),
          direction: lokiDirection(parameters),
          encoding: lokiEncoding(headers),
        };
        return { kind: 'loki.queryRange', query };
      },
      wrap: inData,
    },
  ];
}

function aboutStreams(now: () => number): Endpoint[] {
  const labels: Ask = (parameters) => ({
    kind: 'loki.labels',
    query: queryText(parameters),
    range: lokiMsRange(parameters, now()),
  });
  return [
    { path: 'labels', ask: labels, wrap: inData },
    { path: 'label', ask: labels, wrap: inData },
    {
      path: 'label/:name/values',
      ask: (parameters, { params }) => ({
        kind: 'loki.labelValues',
        name: params['name'] ?? '',
        query: queryText(parameters),
        range: lokiMsRange(parameters, now()),
      }),
      wrap: inData,
    },
    {
      path: 'series',
      ask: (parameters) => ({
        kind: 'loki.series',
        selectors: [...parameters.getAll('match[]'), ...parameters.getAll('match')],
        range: lokiMsRange(parameters, now()),
      }),
      wrap: inData,
    },
    {
      path: 'index/stats',
      ask: (parameters) => ({
        kind: 'loki.stats',
        query: queryText(parameters),
        range: lokiMsRange(parameters, now()),
      }),
      wrap: asItIs,
    },
    { path: 'index/volume', ask: (parameters) => volume(parameters, now()), wrap: inData },
    {
      path: 'index/volume_range',
      ask: (parameters) => {
        const stepMs = lokiStepMs(parameters, lokiRange(parameters, now()));
        const { query } = volume(parameters, now());
        return { kind: 'loki.volume', query: { ...query, stepMs } };
      },
      wrap: inData,
    },
  ];
}

function volume(parameters: URLSearchParams, nowMs: number): Extract<Question, { readonly kind: 'loki.volume' }> {
  const targetLabels = (parameters.get('targetLabels') ?? '').split(',').filter((name) => name !== '');
  const limit = wholeNumber(parameters, 'limit', defaultVolumes);
  return {
    kind: 'loki.volume',
    query: { query: queryText(parameters), ...lokiMsRange(parameters, nowMs), targetLabels, limit },
  };
}

function aboutFields(now: () => number): Endpoint[] {
  const fields: Ask = (parameters, { params }) => {
    const field = params['name'];
    return {
      kind: 'loki.detectedFields',
      query: queryText(parameters),
      range: lokiMsRange(parameters, now()),
      lineLimit: wholeNumber(parameters, 'line_limit', defaultFieldLines),
      limit: wholeNumber(parameters, 'limit', defaultFields),
      ...(field === undefined ? {} : { field }),
    };
  };
  return [
    { path: 'detected_fields', ask: fields, wrap: asItIs },
    { path: 'detected_field/:name/values', ask: fields, wrap: asItIs },
    {
      path: 'detected_labels',
      ask: (parameters) => ({
        kind: 'loki.detectedLabels',
        query: queryText(parameters),
        range: lokiMsRange(parameters, now()),
      }),
      wrap: asItIs,
    },
  ];
}

/** Those of the form come before those of the address, as in Go's FormValue. */
function parametersOf(request: HttpRequest): URLSearchParams {
  if (request.method !== 'POST') {
    return request.query;
  }
  const type = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  if (request.body.length > 0 && type !== 'application/x-www-form-urlencoded') {
    throw new BridgeError('BRIDGE_DECODE', 'the body must be of the type application/x-www-form-urlencoded');
  }
  return new URLSearchParams([...new URLSearchParams(request.body.toString('utf8')), ...request.query]);
}

const json = { 'content-type': 'application/json; charset=UTF-8' };

async function answered(store: StoreReader, { ask, wrap }: Endpoint, request: HttpRequest): Promise<HttpResponse> {
  try {
    const answer = await store.ask(ask(parametersOf(request), request), request.signal);
    return { status: 200, headers: json, body: Buffer.concat(wrap(answer).map((part) => Buffer.from(part))) };
  } catch (error) {
    // What this version does not evaluate is the asker's to change, as a wrong query is.
    if (error instanceof BridgeError && error.code === 'BRIDGE_UNSUPPORTED') {
      throw new BridgeError('BRIDGE_DECODE', error.message, { cause: error });
    }
    throw error;
  }
}

function fixed(version: string): HttpRoute[] {
  const build = {
    version: compatibleVersion,
    revision: `meshbridge-${version}`,
    branch: '',
    buildUser: '',
    buildDate: '',
    goVersion: '',
  };
  const route = (path: string, headers: Readonly<Record<string, string>>, body: string): HttpRoute => ({
    method: 'GET',
    path,
    listeners: ['main'],
    access: 'reader',
    handle: async () => ({ status: 200, headers, body }),
  });
  return [
    route('/loki/api/v1/status/buildinfo', json, JSON.stringify(build)),
    route('/loki/api/v1/patterns', json, '{"status":"success","data":[]}'),
    route('/ready', { 'content-type': 'text/plain; charset=utf-8' }, 'ready\n'),
  ];
}
