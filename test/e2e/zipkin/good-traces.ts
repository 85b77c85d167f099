import type { Choices } from './choices.ts';
import type { V1Span, V2Span, WireEndpoint } from './wire.ts';

/** The first trace begins then; each one after it a second and a bit later. µs. */
export const firstMicros = 1_790_000_000_000_000;

export const services = [
  'gateway.istio-system',
  'productpage.default',
  'reviews.default',
  'ratings.default',
  'details.default',
  'Orders.Shop',
  'kafka',
  'mysql',
];
export const spanNames = ['get /', 'GET /Products', 'reviews.default.svc.cluster.local:9080/*', 'poll', 'query', 'all'];
export const tagKeys = ['http.method', 'http.path', 'http.status_code', 'error', 'component', 'peer.address', 'empty'];
const tagValues = [
  'GET',
  '/products?id=1',
  '200',
  '503',
  'proxy',
  '10.0.0.9',
  '',
  'true',
  'ünïcode ⻩ 😀',
  'a=b and c',
];
const annotationValues = ['foo', 'wr', 'ws', 'cache miss', 'error'];

/** Times without microseconds would hide what is lost below the millisecond. */
const stepMicros = 1_000_037;

function endpointOf(choices: Choices, serviceName: string | undefined): WireEndpoint | undefined {
  const endpoint = {
    ...(serviceName === undefined ? {} : { serviceName }),
    ...(choices.chance(0.4) ? { ipv4: `10.0.${choices.below(3)}.${1 + choices.below(9)}` } : {}),
    ...(choices.chance(0.1) ? { ipv6: '2001:db8::c001' } : {}),
    ...(choices.chance(0.3) ? { port: choices.of([80, 9080, 65_535]) } : {}),
  };
  return Object.keys(endpoint).length > 0 ? endpoint : undefined;
}

function tagsOf(choices: Choices): Record<string, string> | undefined {
  const tags = Object.fromEntries(
    tagKeys.filter((key) => choices.chance(key === 'error' ? 0.1 : 0.3)).map((key) => [key, choices.of(tagValues)]),
  );
  return Object.keys(tags).length > 0 ? tags : undefined;
}

const set = <K extends string, V>(key: K, value: V | undefined): { readonly [k in K]?: V } =>
  value === undefined ? {} : ({ [key]: value } as { readonly [k in K]?: V });

interface Place {
  readonly traceId: string;
  readonly parentId: string | undefined;
  readonly service: string;
  readonly atMicros: number;
  readonly depth: number;
}

interface Side {
  readonly id: string;
  readonly parentId: string | undefined;
  /** Services. */
  readonly own: string;
  readonly other: string;
}

/** A call as it is recorded by one side, by both (with one id or two), or by neither. */
function callOf(choices: Choices, place: Place): V2Span[] {
  const { traceId, parentId, service, atMicros, depth } = place;
  const id = choices.hex(16);
  const callee = choices.of(services);
  const name = choices.chance(0.9) ? choices.of(spanNames) : undefined;
  const duration = choices.chance(0.9) ? 1 + choices.below(90_000) : undefined;
  const way = choices.of(['both', 'both', 'shared', 'shared', 'client', 'server', 'kindless', 'lost'] as const);
  // Of messages each side has an id of its own; see the test for what the reference makes of others.
  const messaging = way !== 'shared' && choices.chance(0.2);
  const part = (kind: V2Span['kind'], side: Side): V2Span => ({
    traceId,
    id: side.id,
    ...set('parentId', side.parentId),
    ...set('kind', kind),
    ...set('name', name),
    ...(choices.chance(0.95) ? { timestamp: atMicros + choices.below(400) } : {}),
    ...set('duration', duration),
    ...set('localEndpoint', endpointOf(choices, choices.chance(0.95) ? side.own : undefined)),
    ...(choices.chance(0.25)
      ? set('remoteEndpoint', endpointOf(choices, choices.chance(0.8) ? side.other : undefined))
      : {}),
    ...(choices.chance(0.2)
      ? { annotations: [{ timestamp: atMicros + 50, value: choices.of(annotationValues) }] }
      : {}),
    ...set('tags', tagsOf(choices)),
    ...(choices.chance(0.03) ? { debug: true } : {}),
  });
  const [near, far] = messaging ? (['PRODUCER', 'CONSUMER'] as const) : (['CLIENT', 'SERVER'] as const);
  const serverId = way === 'both' ? choices.hex(16) : id;
  const client = part(way === 'kindless' ? undefined : near, {
    id,
    parentId,
    own: service,
    other: messaging ? 'kafka' : callee,
  });
  const server = part(far, {
    id: serverId,
    parentId: way === 'both' ? id : parentId,
    own: callee,
    other: messaging ? 'kafka' : service,
  });
  const recorded = {
    both: [client, server],
    shared: [client, { ...server, shared: true }],
    client: [client],
    server: [server],
    kindless: [client],
    lost: [],
  }[way];
  const calls = depth >= 3 ? 0 : choices.below(3);
  const below = Array.from({ length: calls }, (_, i) =>
    callOf(choices, {
      traceId,
      parentId: serverId,
      service: callee,
      atMicros: atMicros + 900 * (i + 1),
      depth: depth + 1,
    }),
  );
  return [...recorded, ...below.flat()];
}

/** The `n`th trace: at least one span, its ids of 64 or 128 bits. */
export function traceOf(choices: Choices, n: number): readonly V2Span[] {
  const traceId = choices.hex(choices.chance(0.7) ? 32 : 16);
  const place = { traceId, parentId: undefined, service: choices.of(services), depth: 0 };
  for (;;) {
    const spans = callOf(choices, { ...place, atMicros: firstMicros + n * stepMicros });
    if (spans.length > 0) {
      return spans;
    }
  }
}

const beginnings = {
  CLIENT: ['cs', 'cr'],
  SERVER: ['sr', 'ss'],
  PRODUCER: ['ms', 'ws'],
  CONSUMER: ['wr', 'mr'],
} as const;
const addressKeys = { CLIENT: 'sa', SERVER: 'ca', PRODUCER: 'ma', CONSUMER: 'ma' } as const;

/** The same in the words of v1, with some of what old tracers left out. */
export function inV1(choices: Choices, span: V2Span): V1Span {
  const { traceId, id, kind, localEndpoint: endpoint, remoteEndpoint, timestamp, duration, shared } = span;
  const core: { timestamp: number; value: string; endpoint?: WireEndpoint }[] = [];
  if (kind !== undefined && timestamp !== undefined) {
    const [begin, end] = beginnings[kind];
    if (choices.chance(0.95)) {
      core.push({ timestamp, value: begin, ...set('endpoint', endpoint) });
    }
    if (duration !== undefined && choices.chance(0.9)) {
      core.push({ timestamp: timestamp + duration, value: end, ...set('endpoint', endpoint) });
    }
  }
  const tags = Object.entries(span.tags ?? {}).map(([key, value]) => ({ key, value, ...set('endpoint', endpoint) }));
  const isTimed = shared !== true && choices.chance(0.8);
  const address =
    remoteEndpoint === undefined ? [] : [{ key: addressKeys[kind ?? 'CLIENT'], value: true, endpoint: remoteEndpoint }];
  const local =
    choices.chance(0.2) && endpoint !== undefined ? [{ key: 'lc', value: choices.of(['', 'unknown']), endpoint }] : [];
  return {
    traceId,
    id,
    ...set('parentId', span.parentId),
    ...set('name', span.name),
    ...(isTimed ? { ...set('timestamp', timestamp), ...set('duration', duration) } : {}),
    ...set('debug', span.debug),
    annotations: [...core, ...(span.annotations ?? []).map((one) => ({ ...one, ...set('endpoint', endpoint) }))],
    binaryAnnotations: [...tags, ...address, ...local],
  };
}

/** Both halves of a shared span in one, as tracers of v1 reported them after a merge. */
export function mergedV1(spans: readonly V1Span[]): readonly V1Span[] {
  const byId = new Map<string, V1Span>();
  for (const span of spans) {
    const before = byId.get(span.id);
    byId.set(
      span.id,
      before === undefined
        ? span
        : {
            ...span,
            ...before,
            annotations: [...before.annotations, ...span.annotations],
            binaryAnnotations: [...before.binaryAnnotations, ...span.binaryAnnotations],
          },
    );
  }
  return [...byId.values()];
}
