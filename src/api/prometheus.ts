import { BridgeError, type ErrorCode } from '../contract/errors.ts';
import type { HttpRequest, HttpResponse, HttpRoute } from '../contract/http.ts';
import type { Answer, Question, StoreReader } from '../contract/store.ts';
import {
  badParameter,
  labelName,
  limitOf,
  queryRange,
  queryTime,
  queryTimeout,
  seriesQuery,
} from './prometheus-parameters.ts';
import { type SamplingRate, samplingSentence, toldIfMeasured } from './traces/measured-rate.ts';

export interface PrometheusDeps {
  readonly store: StoreReader;
  readonly version: string;
  readonly sampling: SamplingRate;
  /** ms since 1970 */
  readonly now: () => number;
}

/** The release whose PromQL and API this answers like; clients look at it to see what they may ask. */
const compatibleVersion = '3.5.0';
const queryTimeoutMs = 120_000;
const maxFormBytes = 1_048_576;

type Ask = (parameters: URLSearchParams, request: HttpRequest) => Question;

interface Endpoint {
  /** Behind `/api/v1/`. */
  readonly path: string;
  readonly ask: Ask;
  /** The parameter whose text the store reads: its faults are named after it. */
  readonly parsed: string;
  readonly methods: readonly ('GET' | 'POST')[];
}

/** Prometheus' HTTP API (docs/querying/api): the questions about samples, series, labels and metadata. */
export function prometheusRoutes(deps: PrometheusDeps): HttpRoute[] {
  const routes = endpoints(deps.now).flatMap((endpoint) =>
    endpoint.methods.map(
      (method): HttpRoute => ({
        method,
        path: `/api/v1/${endpoint.path}`,
        listeners: ['main'],
        access: 'reader',
        ...(method === 'POST' ? { maxBodyBytes: maxFormBytes } : {}),
        handle: (request) => answered(deps, endpoint, request),
      }),
    ),
  );
  return [...routes, buildInfo(deps.version)];
}

function endpoints(now: () => number): Endpoint[] {
  const both = ['GET', 'POST'] as const;
  return [
    {
      path: 'query',
      ask: (parameters) => ({ kind: 'prom.query', query: queryOf(parameters), timeMs: queryTime(parameters, now()) }),
      parsed: 'query',
      methods: both,
    },
    {
      path: 'query_range',
      ask: (parameters) => {
        const times = queryRange(parameters);
        return { kind: 'prom.queryRange', query: queryOf(parameters), ...times };
      },
      parsed: 'query',
      methods: both,
    },
    {
      path: 'labels',
      ask: (parameters) => ({ kind: 'prom.labels', query: seriesQuery(parameters) }),
      parsed: 'match[]',
      methods: both,
    },
    {
      path: 'label/:name/values',
      ask: (parameters, { params }) => ({
        kind: 'prom.labelValues',
        name: labelName(params['name'] ?? ''),
        query: seriesQuery(parameters),
      }),
      parsed: 'match[]',
      methods: ['GET'],
    },
    {
      path: 'query_exemplars',
      ask: (parameters) => {
        const { startMs, endMs } = seriesQuery(parameters);
        return { kind: 'traces.exemplars', query: queryOf(parameters), range: { startMs, endMs } };
      },
      parsed: 'query',
      methods: both,
    },
    { path: 'series', ask: seriesOf, parsed: 'match[]', methods: both },
    { path: 'metadata', ask: metadataOf, parsed: 'metric', methods: ['GET'] },
  ];
}

function queryOf(parameters: URLSearchParams): string {
  const query = parameters.get('query') ?? '';
  if (query.trim() === '') {
    throw badParameter('query', '1:1: parse error: no expression found in input');
  }
  return query;
}

function seriesOf(parameters: URLSearchParams): Question {
  const query = seriesQuery(parameters);
  if (query.selectors.length === 0) {
    throw new BridgeError('BRIDGE_DECODE', 'no match[] parameter provided');
  }
  return { kind: 'prom.series', query };
}

function metadataOf(parameters: URLSearchParams): Question {
  const metric = parameters.get('metric') ?? '';
  return { kind: 'prom.metadata', ...(metric === '' ? {} : { metric }), limit: limitOf(parameters, 'limit') };
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
  const form = new URLSearchParams(request.body.toString('utf8'));
  return new URLSearchParams([...form, ...request.query]);
}

async function answered(
  { store, sampling }: PrometheusDeps,
  endpoint: Endpoint,
  request: HttpRequest,
): Promise<HttpResponse> {
  try {
    const parameters = parametersOf(request);
    const timeoutMs = queryTimeout(parameters, queryTimeoutMs);
    const question = endpoint.ask(parameters, request);
    return await timed(timeoutMs, request.signal, async (signal) => {
      try {
        const [answer, infos] = await Promise.all([store.ask(question, signal), infosOn(question, sampling, signal)]);
        return success(answer, infos);
      } catch (error) {
        throw named(error, endpoint.parsed);
      }
    });
  } catch (error) {
    return failure(error);
  }
}

/** Ends what takes longer than the asker wants to wait. */
async function timed(
  timeoutMs: number,
  caller: AbortSignal,
  work: (signal: AbortSignal) => Promise<HttpResponse>,
): Promise<HttpResponse> {
  const tooLate = new AbortController();
  const timer = setTimeout(() => tooLate.abort(), Math.max(0, timeoutMs));
  try {
    return await work(AbortSignal.any([caller, tooLate.signal]));
  } catch (error) {
    if (tooLate.signal.aborted && !caller.aborted) {
      return errorResponse(503, 'timeout', 'query timed out in expression evaluation');
    }
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

function named(error: unknown, parameter: string): unknown {
  const isDecode = error instanceof BridgeError && error.code === 'BRIDGE_DECODE';
  return isDecode ? badParameter(parameter, error.message) : error;
}

const ofSpans = /\btraces_(spanmetrics|service_graph)_\w/;

/** What Prometheus calls infos: whoever asks for numbers that are derived of spans is told what share is traced. */
async function infosOn(question: Question, sampling: SamplingRate, signal: AbortSignal): Promise<readonly string[]> {
  const asksForNumbers = question.kind === 'prom.query' || question.kind === 'prom.queryRange';
  if (!(asksForNumbers && ofSpans.test(question.query))) {
    return [];
  }
  const told = await toldIfMeasured(sampling, signal);
  return told === undefined ? [] : [samplingSentence(told)];
}

const opening = Buffer.from('{"status":"success","data":');

/** The store's bytes are what stands under `data`: they go out as they are. */
function success({ body }: Answer, infos: readonly string[]): HttpResponse {
  const closing = Buffer.from(infos.length === 0 ? '}' : `,"infos":${JSON.stringify(infos)}}`);
  return { status: 200, headers: json, body: Buffer.concat([opening, body, closing]) };
}

const json = { 'content-type': 'application/json' };

const kinds: Readonly<Partial<Record<ErrorCode, readonly [status: number, errorType: string]>>> = {
  BRIDGE_DECODE: [400, 'bad_data'],
  BRIDGE_TOO_LARGE: [413, 'bad_data'],
  BRIDGE_UNSUPPORTED: [422, 'execution'],
  BRIDGE_NOT_FOUND: [404, 'not_found'],
  BRIDGE_OVERLOADED: [503, 'unavailable'],
  BRIDGE_CORRUPT: [500, 'internal'],
};

/** What is no BridgeError goes on to the server, which logs it. */
function failure(error: unknown): HttpResponse {
  const kind = error instanceof BridgeError ? kinds[error.code] : undefined;
  if (kind === undefined || !(error instanceof BridgeError)) {
    throw error;
  }
  const [status, errorType] = kind;
  return errorResponse(status, errorType, error.message);
}

function errorResponse(status: number, errorType: string, error: string): HttpResponse {
  const headers = status === 503 ? { ...json, 'retry-after': '1' } : json;
  return { status, headers, body: JSON.stringify({ status: 'error', errorType, error }) };
}

function buildInfo(version: string): HttpRoute {
  const data = {
    version: compatibleVersion,
    revision: `meshbridge-${version}`,
    branch: '',
    buildUser: '',
    buildDate: '',
    goVersion: '',
  };
  return {
    method: 'GET',
    path: '/api/v1/status/buildinfo',
    listeners: ['main'],
    access: 'reader',
    handle: async () => ({ status: 200, headers: json, body: JSON.stringify({ status: 'success', data }) }),
  };
}
