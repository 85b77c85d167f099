import { describe, expect, test } from '@jest/globals';
import type { BridgeStatus, CursorStatus, InputStatus, LaneStatus } from '../../contract/status.ts';
import { setupLights } from '../setup.ts';
import { targetList } from '../target-list.ts';
import type { SamplingUnknown, TraceDoctor } from '../traces/doctor.ts';
import type { SetupFacts, StoreFacts } from './facts.ts';
import { type Light, named } from './light.ts';
import { setupTexts } from './texts.ts';
import type { TraceFacts } from './trace-facts.ts';

const nowMs = 1_700_000_000_000;
const books = { signal: 'metrics', received: 0, accepted: 0, refused: {}, dropped: {} } as const;

const cursor: CursorStatus = {
  output: 'backend',
  seq: 1,
  cumItems: 10,
  delivered: 10,
  dropped: {},
  routedAway: 0,
  lost: 0,
  queuedItems: 0,
  queuedBytes: 0,
  state: 'idle',
  retries: 0,
  onFull: 'block',
};

function lane(outputs: readonly Partial<CursorStatus>[], more: Partial<LaneStatus> = {}): LaneStatus {
  return {
    signal: 'traces',
    queueId: 'q',
    segments: 1,
    bytes: 1_000_000,
    maxBytes: 2_000_000_000,
    seq: 1,
    durableSeq: 1,
    cumItems: 10,
    losses: [],
    ...more,
    outputs: outputs.map((one) => ({ ...cursor, ...one })),
  };
}

const status: BridgeStatus = {
  version: '1.2.3',
  startedAtMs: 0,
  nowMs,
  node: 'n1',
  pid: 1,
  configFiles: [],
  warnings: [],
  listeners: [{ name: 'main', address: '127.0.0.1:9529' }],
  inputs: [],
  lanes: [lane([{ output: 'store' }])],
  store: {},
  ready: true,
  notReady: [],
};

interface Given {
  readonly status?: Partial<BridgeStatus>;
  readonly store?: StoreFacts;
}

function lightsOf({ status: more = {}, store }: Given): readonly Light[] {
  const now = { ...status, ...more };
  const facts: SetupFacts = { status: now, list: targetList(now), ...(store && { store }) };
  return setupLights(facts);
}

function lightOf(id: string, given: Given = {}): Light {
  const found = lightsOf(given).find((light) => light.id === id);
  if (found === undefined) {
    throw new Error(`no light ${id}`);
  }
  return found;
}

/** `state: sentence` */
function said(id: string, given: Given = {}): string {
  const { state, seen } = lightOf(id, given);
  return `${state}: ${seen}`;
}

describe('every light', () => {
  test('has all its values filled in', () => {
    for (const given of [{}, { store: {} }, { status: { store: undefined as unknown as object, lanes: [] } }]) {
      for (const { seen, todo = '' } of lightsOf(given)) {
        expect(seen + todo).not.toMatch(/[{}]|undefined|NaN/);
      }
    }
  });

  test('that is yellow or red says what to do', () => {
    const good = new Set(['green', 'unknown']);
    for (const light of lightsOf({ status: { warnings: ['w'], lanes: [lane([{ state: 'retrying' }])] } })) {
      expect(good.has(light.state) || light.todo !== undefined).toBe(true);
    }
  });

  test('is in a fresh process either green or honestly unknown, but for the spans that are to come', () => {
    const lights = lightsOf({ store: {} });
    expect(lights.filter(({ state }) => state === 'red')).toEqual([]);
    expect(lights.filter(({ state }) => state === 'yellow').map(({ id }) => id)).toEqual(['spans']);
  });
});

describe('the agents', () => {
  const hub = (agents: readonly object[]): Partial<BridgeStatus> => ({
    role: 'hub',
    inputs: [{ ...books, id: 'hub', type: 'hub', received: 1, detail: { agents } }],
  });
  const agent = (node: string, ageMs: number, version = '1.0') => ({ node, version, lastSeenMs: nowMs - ageMs });

  test('are counted by those heard of late', () => {
    expect(said('agents', { status: hub([agent('n1', 1_000), agent('n2', 60_000)]) })).toBe(
      'green: Agents heard within the last 2 min: 2 of 2 (n1, n2).',
    );
    expect(said('agents', { status: hub([agent('n1', 1_000), agent('n2', 3_600_000)]) })).toBe(
      'yellow: Agents heard within the last 2 min: 1 of 2; not n2 (1 h).',
    );
    expect(lightOf('agents', { status: hub([agent('n1', 600_000)]) }).state).toBe('red');
    expect(said('agents', { status: hub([agent('n1', 0, '1.0'), agent('n2', 0, '1.1')]) })).toContain(
      'their versions differ: 1.0, 1.1',
    );
    expect(said('hub', { status: hub([agent('n1', 0)]) })).toContain('green: This daemon is the hub');
  });

  test('are not known to a daemon that is no hub', () => {
    expect(said('agents')).toContain('unknown: This daemon speaks for its own node n1 alone');
    const link = { urls: ['http://hub:9529'], page: 'http://hub:9529/' };
    expect(lightOf('agents', { status: { role: 'agent', hub: link } })).toMatchObject({
      state: 'unknown',
      seen: 'This is the agent of the node n1. How many there are, the hub knows.',
      todo: 'Look at the same lights on the page of the hub: http://hub:9529/',
    });
    expect(said('agents', { status: hub([]) })).toContain('yellow: This is a hub, and no agent has sent it anything');
    expect(said('hub', { status: { role: 'agent', hub: link } })).toContain('green: This agent sends');
  });

  test('that are not heard, or differ, come with the command that looks for them', () => {
    const given = [hub([]), hub([agent('n1', 600_000)]), hub([agent('n1', 0, '1.0'), agent('n2', 0, '1.1')])];
    const snippets = (more: Partial<BridgeStatus>) =>
      given.map((status) => lightOf('agents', { status: { ...status, ...more } }).snippet);
    const inCluster = snippets({ tokenSecret: { name: 'mesh/token' } });
    expect(inCluster.every((one) => one?.startsWith('kubectl get pods -A -l app.kubernetes.io/name=meshbridge'))).toBe(
      true,
    );
    expect(snippets({})).toEqual(['meshbridge check --connect', 'meshbridge check --connect', undefined]);
  });

  test('are where spans are to go, and not their hub in the cluster', () => {
    const status = { ...hub([]), tokenSecret: { name: 'mesh/token' } };
    expect(lightOf('spans', { status, store: {} }).snippet).toContain("zipkin.address='$(HOST_IP):9411'");
    expect(lightOf('spans', { status: hub([]), store: {} }).snippet).toContain("zipkin.address='127.0.0.1:9529'");
  });
});

describe('the hub', () => {
  test('takes what its agent sends, or is away', () => {
    expect(said('hub', { status: { lanes: [lane([{ output: 'hub', delivered: 1234 }])] } })).toBe(
      'green: The hub takes what this agent sends: 1,234 items since it began, 0 wait.',
    );
    const away = { output: 'hub', state: 'retrying', lastError: 'ECONNREFUSED', queuedItems: 7 } as const;
    expect(said('hub', { status: { lanes: [lane([{ ...away, oldestMs: nowMs - 60_000 }])] } })).toBe(
      'yellow: The hub takes nothing: ECONNREFUSED. 7 items wait, the oldest for 1 min.',
    );
    expect(lightOf('hub', { status: { lanes: [lane([{ ...away, oldestMs: nowMs - 600_000 }])] } })).toMatchObject({
      state: 'red',
      snippet: 'meshbridge check --connect',
    });
  });
});

const proxy = { state: 'up', intervalMs: 15_000, samples: 800, namespace: 'prod' };

function discovered(targets: readonly object[], pods: readonly object[], watch: object = { state: 'watching' }) {
  const detail = { targets, pods, watch };
  const input: InputStatus = { ...books, id: 'kubernetes', type: 'kubernetes', detail };
  return { status: { inputs: [input] } };
}

function pod(name: string, url: string | undefined, skipped?: string) {
  const rest = { rule: 'istio', source: 's', intervalMs: 1, labels: {}, leftOut: [] };
  return {
    namespace: 'prod',
    pod: name,
    sidecar: true,
    targets: url === undefined ? [] : [{ ...rest, url }],
    faults: [],
    warnings: [],
    ...(skipped !== undefined && { skipped }),
  };
}

describe('the sidecars', () => {
  const [a, b] = ['http://10.0.0.1:15020/stats/prometheus', 'http://10.0.0.2:15020/stats/prometheus'];

  test('are scraped, all of them', () => {
    const targets = [
      { ...proxy, url: a, pod: 'a' },
      { ...proxy, url: b, pod: 'b' },
    ];
    expect(said('sidecars', discovered(targets, [pod('a', a), pod('b', b)]))).toBe(
      'green: Pods with Istio’s proxy that are scraped: 2 of 2; 1,600 samples with each round.',
    );
    const waiting = targets.map((target, i) => (i === 0 ? target : { ...target, state: 'waiting' }));
    expect(said('sidecars', discovered(waiting, [pod('a', a), pod('b', b)]))).toBe(
      'unknown: Pods with Istio’s proxy that are scraped: 1 of 2; the others are about to be.',
    );
  });

  test('that are not are named, with the reason and the command that tells the whole story', () => {
    const given = discovered(
      [
        { ...proxy, url: a, pod: 'a' },
        { ...proxy, url: b, pod: 'b', state: 'down', error: 'HTTP 404' },
      ],
      [pod('a', a), pod('b', b), pod('c', undefined, 'its prometheus.io/scrape is "false"')],
    );
    expect(lightOf('sidecars', given)).toMatchObject({
      state: 'yellow',
      seen: 'Pods with Istio’s proxy that are scraped: 1 of 3; not b, c. prod/b: HTTP 404',
      snippet: 'meshbridge explain --pod prod/b',
    });
    expect(said('sidecars', discovered([], [pod('c', undefined, 'it is not running')]))).toBe(
      'red: Pods with Istio’s proxy that are scraped: 0 of 1; not c. prod/c: it is not running',
    );
  });

  test('count also where only another page of their pod is scraped, and where the configuration names them', () => {
    const app = 'http://10.0.0.3:9080/metrics';
    expect(said('sidecars', discovered([{ ...proxy, url: app, pod: 'd' }], [pod('d', app)]))).toContain(
      'prod/d: only other pages of it are scraped',
    );
    const prom: InputStatus = { ...books, id: 'p', type: 'prom', detail: { targets: [{ ...proxy, url: a }] } };
    expect(said('sidecars', { status: { inputs: [prom] } })).toContain('scraped: 1 of 1');
    const stored = { input: 'store', intervalMs: 0, rule: '', source: 's', labels: {}, leftOut: [], namespace: 'prod' };
    const targets = [
      { ...stored, id: '1', url: '10.0.0.1:15020', state: 'up', samples: 5, pod: 'x' },
      { ...stored, id: '2', url: '10.0.0.2:15020', state: 'down', pod: 'y' },
      { ...stored, id: '3', url: '10.0.0.2:9090', state: 'down', pod: 'z' },
    ] as const;
    expect(said('sidecars', { store: { targets } })).toBe(
      'yellow: Pods with Istio’s proxy that are scraped: 1 of 2; not y. prod/y: its agent knows why',
    );
    expect(said('sidecars')).toBe('unknown: No pod with Istio’s proxy is known here.');
  });
});

describe('istiod', () => {
  const url = 'http://10.0.0.9:15014/metrics';
  const own = { ...proxy, url, pod: 'istiod-1' };

  test('is scraped once, twice, or not', () => {
    expect(said('istiod', discovered([own], []))).toBe(`green: istiod is scraped once: ${url}.`);
    const kept = (series: number): StoreFacts => ({ istiods: [{ instance: '10.0.0.9:15014', series }] });
    expect(said('istiod', { store: kept(1) })).toBe('green: istiod is scraped once: 10.0.0.9:15014.');
    expect(said('istiod', { store: kept(2) })).toContain(
      'yellow: istiod is scraped more than once: 10.0.0.9:15014 2 ×',
    );
    expect(said('istiod', discovered([{ ...own, state: 'down', error: 'refused', hint: 'is it up?' }], []))).toBe(
      `red: istiod cannot be scraped: ${url}: refused.`,
    );
    expect(lightOf('istiod', discovered([{ ...own, state: 'down', error: 'refused' }], []))).toMatchObject({
      todo: 'Look at istiod:',
      snippet: 'kubectl -n istio-system get pods -l app=istiod',
    });
  });

  test('that another daemon was elected to scrape is scraped', () => {
    const lease = { state: 'candidate', namespace: 'mesh', name: 'cluster', holder: 'agent-2' };
    const configured = [{ url: 'http://istiod.istio-system.svc:15014/metrics', mode: 'holder' }];
    const detail = { targets: [], pods: [], watch: { state: 'watching' }, lease, configured };
    const inputs: InputStatus[] = [{ ...books, id: 'kubernetes', type: 'kubernetes', detail }];
    expect(said('istiod', { status: { inputs } })).toBe(
      'green: istiod is scraped once, by the daemon that holds the lease mesh/cluster: agent-2.',
    );
  });

  test('that is missing counts only where there is a mesh to look after', () => {
    expect(lightOf('istiod', { ...discovered([], []), store: { istiods: [] } }).state).toBe('yellow');
    expect(lightOf('istiod', { store: { istiods: [] } }).state).toBe('unknown');
    expect(lightOf('istiod', discovered([], []))).toMatchObject({
      state: 'unknown',
      text: 'istiodElsewhere',
      snippet: expect.stringContaining('[[inputs.prom]]'),
    });
  });
});

describe('the rights', () => {
  const right = (verb: string, resource: string) => ({
    verb,
    resource,
    group: resource === 'leases' ? 'coordination.k8s.io' : '',
    without: `no ${resource} are followed`,
    rule: `- { resources: [${resource}], verbs: [${verb}] }`,
    error: 'HTTP 403',
  });
  const lacking = (watch: object, rights: readonly object[]): Given => {
    const detail = { targets: [], pods: [], watch, rights };
    return { status: { inputs: [{ ...books, id: 'kubernetes', type: 'kubernetes', detail }] } };
  };

  test('that the API server refuses are named, with what to grant; without its pods a daemon is blind', () => {
    expect(lightOf('kubernetes', lacking({ state: 'watching' }, [right('get', 'leases')]))).toMatchObject({
      state: 'yellow',
      seen: 'The API server refuses: get leases.coordination.k8s.io. Without it no leases are followed.',
      snippet: '- { resources: [leases], verbs: [get] }',
    });
    expect(lightOf('kubernetes', lacking({ state: 'forbidden' }, [right('list', 'pods')])).state).toBe('red');
    const forbidden = { state: 'forbidden', error: 'HTTP 403', hint: 'grant get, list and watch of pods' };
    expect(lightOf('kubernetes', lacking(forbidden, []))).toMatchObject({ state: 'red', todo: forbidden.hint });
  });

  test('are all there, or are not asked for', () => {
    expect(said('kubernetes', discovered([], [pod('a', undefined, 'x')]))).toBe(
      'green: The API server allows all that is asked of it; pods of the node n1 that are seen: 1.',
    );
    expect(said('kubernetes', discovered([], [], { state: 'retrying', error: 'ECONNREFUSED', hint: 'up?' }))).toBe(
      'yellow: The API server does not answer: ECONNREFUSED. Pods are as last seen.',
    );
    const silent = discovered([], [], { state: 'retrying', error: 'reset' });
    expect(lightOf('kubernetes', silent).todo).toBe('It is asked again by itself.');
    expect(lightOf('kubernetes').state).toBe('unknown');
  });

  test('to the Secret of the tokens count too', () => {
    const tokenSecret = { name: 'mesh/token', error: 'HTTP 403', hint: 'grant create of secrets' };
    expect(lightOf('kubernetes', { status: { tokenSecret } })).toMatchObject({
      state: 'yellow',
      seen: 'The Secret mesh/token, which holds the tokens, is not right: HTTP 403.',
      todo: 'grant create of secrets',
    });
  });
});

test('targets without histograms are named', () => {
  const leftOut = ['no histograms, so no latencies: metric_types of datakit/prom.instances has counter only'];
  const target = { ...proxy, url: 'http://10.0.0.1:1/m', pod: 'a' };
  expect(lightOf('histograms', discovered([{ ...target, leftOut }, target], []))).toMatchObject({
    state: 'yellow',
    seen: '1 of 2 targets leave their histograms out, so they have no latencies: a.',
    snippet: 'metric_types = ["counter", "gauge", "histogram"]',
  });
  expect(lightOf('histograms', discovered([target], [])).state).toBe('green');
  expect(lightOf('histograms').state).toBe('unknown');
  expect(said('histograms', { store: { withoutLatencies: ['b', 'c'] } })).toBe(
    'yellow: Pods that count requests but have no latencies: 2 (b, c).',
  );
});

const traces: TraceFacts = {
  spans: 900,
  services: ['a', 'b', 'c', 'd', 'e', 'f'],
  withinMs: 300_000,
  pairs: [{ client: 'a', server: 'b', aheadMs: 0 }],
};
const none: TraceFacts = { ...traces, spans: 0, services: [], pairs: [] };

function zipkin(accepted: number, refused: Readonly<Record<string, number>> = {}): { status: Partial<BridgeStatus> } {
  return { status: { inputs: [{ ...books, signal: 'traces', id: 'zipkin', type: 'zipkin', accepted, refused }] } };
}

describe('spans', () => {
  test('arrive, with numbers and names', () => {
    expect(said('spans', { store: { traces } })).toBe(
      'green: Spans arrive: 900 in the last 5 min; workloads: 6 (a, b, c, d, +2).',
    );
    expect(said('spans', zipkin(12))).toContain(
      'green: Spans arrive: 12 since this daemon began. Of how many workloads',
    );
  });

  test('that do not come are told how to', () => {
    expect(lightOf('spans', { ...zipkin(0), store: { traces: none } })).toMatchObject({
      state: 'yellow',
      seen: 'No span has ever arrived.',
      snippet: expect.stringContaining("zipkin.address='127.0.0.1:9529'"),
    });
    expect(said('spans', { ...zipkin(5), store: { traces: none } })).toBe(
      'yellow: No span has begun in the last 5 min. 5 have come since this daemon began.',
    );
    expect(said('spans', { ...zipkin(0, { malformed: 3 }), store: { traces: none } })).toBe(
      'red: Spans come, and all 3 were refused: malformed.',
    );
  });

  test('go to the agent of their own node in a cluster', () => {
    expect(lightOf('spans', discovered([], [])).snippet).toContain("zipkin.address='$(HOST_IP):9529'");
    const listeners = [{ name: 'zipkin', address: '0.0.0.0:9411' }];
    expect(lightOf('spans', { status: { listeners } }).snippet).toContain("zipkin.address='n1:9411'");
  });
});

const entry = { service: 'gw', workload: 'gw', namespace: 'istio-system', gateway: true, roots: 30 };
const doctorOf = (sampling: Partial<TraceDoctor['sampling']>): TraceDoctor => ({
  ...{ startMs: nowMs - 300_000, endMs: nowMs },
  sampling: { roots: 30, requests: 3000, entries: [entry], applied: [], ...sampling },
  propagation: [],
});

describe('sampling', () => {
  test('is the share of the counted requests that are traced, with the ways to change it', () => {
    expect(said('sampling', { store: { doctor: doctorOf({ rate: 0.01 }) } })).toBe(
      'green: About 1 % of the requests are traced: 30 traces began in 5 min, for 3,000 requests from outside of the mesh.',
    );
    expect(said('sampling', { store: { doctor: doctorOf({ rate: 0.93 }) } })).toContain('About 100 %');
    expect(said('sampling', { store: { doctor: doctorOf({ rate: 0.0025 }) } })).toContain('About 0.3 %');
    const { snippet } = lightOf('sampling', { store: { doctor: doctorOf({ rate: 0.01 }) } });
    for (const way of ['defaultConfig.tracing.sampling', 'PILOT_TRACE_SAMPLING', 'Telemetry', 'rollout restart']) {
      expect(snippet).toContain(way);
    }
    for (const none of [
      { rate: 0, roots: 0 },
      { unknown: 'noSpans' as const, roots: 0 },
    ]) {
      expect(lightOf('sampling', { store: { doctor: doctorOf(none) } })).toMatchObject({
        state: 'yellow',
        seen: 'Requests flow, 3,000 in 5 min, and none of them is traced.',
        snippet: expect.stringContaining('sampling=100'),
      });
    }
  });

  test('is unknown, with the reason, where it cannot be told', () => {
    const unknown = (why: SamplingUnknown, requests = 3) =>
      said('sampling', { store: { doctor: doctorOf({ unknown: why, requests }) } });
    expect(said('sampling')).toContain('unknown: Without a store');
    expect(said('sampling', { store: {} })).toContain('unknown: No istio_requests_total of a gateway');
    expect(unknown('noMetrics', 0)).toContain('unknown: No istio_requests_total of a gateway');
    expect(unknown('noRequests', 0)).toContain('unknown: No requests from outside');
    expect(unknown('noSpans', 0)).toContain('unknown: No requests from outside');
    expect(unknown('apart')).toContain('unknown: More traces began than requests were counted, 30 for 3 in 5 min');
    expect(unknown('few')).toContain('unknown: Only 30 traces began in 5 min');
  });
});

describe('headers', () => {
  const called = { workload: 'w', namespace: 'n', servers: 100, calls: 100, lost: 5 };
  const judged = (propagation: TraceDoctor['propagation']): Given => ({
    store: { doctor: { ...doctorOf({}), propagation } },
  });

  test('that an application does not pass on are told by the traces that begin there', () => {
    const losing = { ...called, service: 'productpage', calls: 40, lost: 38, verdict: 'loses' } as const;
    const passing = { ...called, service: 'reviews', verdict: 'forwards' } as const;
    expect(lightOf('headers', judged([losing, passing]))).toMatchObject({
      state: 'yellow',
      seen: 'productpage begin new traces when they call others: 38 of 40 calls. Their traces fall apart there.',
      todo: expect.stringContaining('x-b3-traceid'),
    });
    expect(lightOf('headers', judged([passing])).state).toBe('green');
    expect(lightOf('headers', judged([{ ...losing, verdict: 'few' }])).state).toBe('unknown');
    expect(lightOf('headers').state).toBe('unknown');
  });
});

describe('clocks', () => {
  test('agree, or the pair that does not is named', () => {
    expect(said('clock', { store: { traces } })).toBe(
      'green: Clocks agree within 1 ms; pairs of services that were looked at: 1.',
    );
    const pairs = [
      { client: 'a', server: 'b', aheadMs: 3 },
      { client: 'a', server: 'c', aheadMs: -3_200 },
    ];
    expect(said('clock', { store: { traces: { ...traces, pairs } } })).toBe(
      'yellow: The clock behind c is 3.2 s apart from that behind a: bars of traces stand in wrong places.',
    );
    const ahead = { service: 'z', byMs: 60_000 };
    expect(said('clock', { store: { traces: { ...traces, ahead } } })).toBe(
      'red: Spans of z are 1 min in the future, as seen from here.',
    );
    expect(lightOf('clock', { store: { traces: none } }).state).toBe('unknown');
  });

  test('of agents count before those that spans show', () => {
    const agents = (skewMs: number) => [{ node: 'n2', version: '1', lastSeenMs: nowMs, skewMs }];
    const hub = (skewMs: number): InputStatus => ({
      ...books,
      id: 'hub',
      type: 'hub',
      detail: { agents: agents(skewMs) },
    });
    expect(said('clock', { status: { inputs: [hub(-12_000)] }, store: { traces } })).toBe(
      'red: The clock of the node n2 is 12 s apart from this one.',
    );
    expect(said('clock', { status: { inputs: [hub(20)] } })).toBe(
      'green: The clocks of agents agree with this one within 20 ms; agents: 1.',
    );
  });
});

describe('the access log', () => {
  const line = (message: string, pod = 'a', traceId?: string) => ({ message, pod, traceId });
  const text = '[2026-11-21T16:24:00.500Z] "GET /reviews/0 HTTP/1.1" 200 - via_upstream - "-" 0 295 18 17 "-"';
  const json = '{"authority":"details:9080","response_code":200,"response_flags":"-","start_time":"2026"}';

  test('is known by its lines, whichever format they have', () => {
    const proxyLines = [line(text), line(json, 'b', 'abc'), line('2026-11-21T16:24:00Z info Envoy proxy is ready')];
    expect(said('access-log', { store: { proxyLines } })).toBe(
      'green: The access log of 2 proxies is here, in JSON + text; 1 of 2 of its last lines name their trace.',
    );
  });

  test('that is not written is switched on by one command', () => {
    const proxyLines = [line('info ready'), line('{"level":"info"}'), line('{broken')];
    expect(lightOf('access-log', { store: { proxyLines } })).toMatchObject({
      state: 'yellow',
      seen: 'Of the last 3 lines of 1 proxies none is of an access log.',
      snippet: 'istioctl install --set meshConfig.accessLogFile=/dev/stdout',
    });
    expect(lightOf('access-log', { store: { proxyLines: [] } }).state).toBe('unknown');
    expect(lightOf('access-log').state).toBe('unknown');
  });
});

describe('outputs', () => {
  test('each have a light', () => {
    const lanes = [lane([{ output: 'store' }, { output: 'a' }, { output: 'b', state: 'stopped' }])];
    const lights = lightsOf({ status: { lanes } }).filter(({ id }) => id.startsWith('outputs'));
    expect(lights.map(({ id, state }) => `${id} ${state}`)).toEqual(['outputs.a green', 'outputs.b red']);
    expect(lights[1]?.seen).toBe('“b” has stopped taking traces.');
  });

  test('that are away turn yellow, and red when it takes long', () => {
    const away = { state: 'retrying', lastError: 'connect ECONNREFUSED', queuedItems: 42 } as const;
    const since = (ms: number) => ({ status: { lanes: [lane([{ ...away, oldestMs: nowMs - ms }])] } });
    expect(said('outputs.backend', since(30_000))).toBe(
      'yellow: “backend” does not take traces: connect ECONNREFUSED. 42 items wait, the oldest for 30 s.',
    );
    expect(lightOf('outputs.backend', since(3_600_000)).state).toBe('red');
  });

  test('that lost something say how much', () => {
    const lanes = [lane([{ dropped: { rejected: 5 } }])];
    expect(said('outputs.backend', { status: { lanes } })).toBe(
      'yellow: “backend” has lost 5 items for good: rejected.',
    );
  });

  test('are not missed where the store keeps what comes, and are where nothing does', () => {
    expect(said('outputs')).toBe('green: There is no output but the store: what comes is kept here.');
    const { store: _, ...without } = status;
    const facts = { status: { ...without, lanes: [] }, list: targetList(without) };
    expect(setupLights(facts).find(({ id }) => id === 'outputs')).toMatchObject({ state: 'red' });
  });
});

describe('the machine', () => {
  test('has room on its disk, or not', () => {
    const disk = (freeBytes: number) => ({
      status: { disk: { dir: '/d', freeBytes, totalBytes: 100e9, minFreeBytes: 12e9 } },
    });
    expect(said('disk', disk(50e9))).toBe('green: 50 GB of 100 GB are free on the disk of /d; 12 GB must stay free.');
    expect(said('disk', disk(15e9))).toContain('yellow: Only 15 GB of 100 GB are free');
    expect(said('disk', disk(11e9))).toContain('red: The disk of /d has 11 GB free');
    expect(lightOf('disk').state).toBe('unknown');
  });

  test('has room in its queue, or not', () => {
    const bytes = (share: number) => ({ status: { lanes: [lane([], { bytes: share * 2e9 })] } });
    expect(said('queue', bytes(0.1))).toBe('green: The queue holds 200 MB of 2 GB; the fullest lane, traces, 10 %.');
    expect(said('queue', bytes(0.6))).toBe('yellow: The queue of traces is 60 % full.');
    expect(lightOf('queue', bytes(0.95)).state).toBe('red');
    expect(said('queue', { status: { lanes: [lane([], { full: 'its cap is reached' })] } })).toBe(
      'red: The queue of traces takes nothing more: its cap is reached.',
    );
  });

  test('names the warnings of its configuration', () => {
    expect(lightOf('configuration', { status: { warnings: ['a.conf:3 x', 'b'] } })).toMatchObject({
      state: 'yellow',
      seen: 'Warnings: 2. The first: a.conf:3 x',
      snippet: 'meshbridge check',
    });
    expect(said('configuration', { status: { configFiles: ['a.conf'] } })).toContain('Files that were read: 1.');
    expect(said('configuration')).toContain('defaults are in force');
  });
});

test('of many names the first are said', () => {
  expect(named(['a', 'b', 'c', 'd'])).toBe('a, b, c, d');
  expect(named(['a', 'b', 'c', 'd', 'e'])).toBe('a, b, c, d, +1');
});

test('every sentence is a whole one', () => {
  for (const [key, text] of Object.entries(setupTexts)) {
    expect([key, text.seen.endsWith('.') || text.seen.endsWith('}')]).toEqual([key, true]);
  }
});
