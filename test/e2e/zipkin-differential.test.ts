import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { describeWith } from '../components/needs.ts';
import { startZipkinServer, type ZipkinServer } from '../components/zipkin-server.ts';
import { type TempDir, tempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';
import { type Daemon, startDaemon } from './daemon.ts';
import { choicesOf } from './zipkin/choices.ts';
import { inV1, mergedV1, traceOf } from './zipkin/good-traces.ts';
import { type Body, endMsOf, jsonV1, jsonV2, oddBodies, proto, type Trace, thrift } from './zipkin/odd-bodies.ts';
import { queriesOf } from './zipkin/queries.ts';
import { protoBody, thriftBody } from './zipkin/wire.ts';

/** Another number gives another run: other bodies, other queries. */
const seed = 20_261_121;
const goodTraces = 120;
const autocompleteKeys = ['http.method', 'component', 'nothing'];
const config = `[store]\nautocomplete_keys = ${JSON.stringify(autocompleteKeys)}\n`;

/** Where we answer otherwise than the reference server does. */
interface Deviation {
  readonly reason: string;
  /** Body → what we answer, and what we keep of it, but for the trace id. */
  readonly bodies: Readonly<Record<string, { readonly status: number; readonly spans?: readonly object[] }>>;
}

const odd = { id: '000000000000000a', name: 'odd', timestamp: 1_790_000_000_000_000 };
const here = { localEndpoint: { serviceName: 'odd' } };

const deviations: readonly Deviation[] = [
  {
    reason: 'U+FFFD stands for what is no character, not a question mark',
    bodies: { 'v2 tags {"a":"\\ud800"}': { status: 202, spans: [{ ...odd, ...here, tags: { a: '\ufffd' } }] } },
  },
  {
    reason: 'a number with a leading zero may be meant in octal, so that nobody knows which address it is',
    bodies: { 'v2 localEndpoint {"ipv4":"01.2.3.4"}': { status: 202, spans: [odd] } },
  },
  {
    reason: 'an IPv4 address within IPv6 is the same in either spelling',
    bodies: {
      'v2 localEndpoint {"ipv6":"::ffff:102:304"}': {
        status: 202,
        spans: [{ ...odd, localEndpoint: { ipv4: '1.2.3.4' } }],
      },
    },
  },
  {
    reason: 'a trace id is the same with any number of zeros before it; the reference finds it under one width alone',
    bodies: { 'v2 traceId: padded to 20': { status: 202, spans: [{ ...odd, ...here }] } },
  },
  {
    reason: 'a field of another type than is known is stepped over; the reference steps over it wrongly',
    bodies: {
      'thrift timestamp of another type': { status: 202, spans: [{ id: odd.id }] },
      'thrift name of another type': { status: 202, spans: [{ id: odd.id }] },
    },
  },
  {
    reason: 'less than no spans are a mistake of the sender, whose spans the reference loses without a word',
    bodies: { 'thrift list of one that says -1': { status: 400 } },
  },
  {
    reason: 'the content type says what the bytes are; the reference takes them and keeps nothing',
    bodies: { 'thrift as protobuf': { status: 400 } },
  },
  {
    reason: 'a body that is cut is a mistake of the sender, not of the server',
    bodies: { 'protobuf of one byte': { status: 400 } },
  },
  {
    reason: 'names of codings have no case (RFC 9110 §8.4.1)',
    bodies: { 'v2 in GZIP': { status: 202, spans: [{ ...odd, ...here }] } },
  },
  {
    reason: 'what its checksum does not vouch for is not taken',
    bodies: { 'v2 in a gzip that is cut': { status: 400 } },
  },
];
const deviating = new Map(deviations.flatMap(({ bodies }) => Object.entries(bodies)));

/** Queries that we answer otherwise. */
const otherAnswers: Readonly<Record<string, { readonly reason: string; readonly body: unknown }>> = {
  '/api/v2/dependencies?endTs=1': {
    reason: 'spans without a time belong to no span of time; the reference counts them in 1970',
    body: [],
  },
};

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** A body, or a query: what is asked of both. */
function ask(url: string, path: string, body?: Body): Promise<Answer> {
  const headers = {
    ...(body === undefined ? {} : { 'content-type': body.contentType }),
    ...(body?.encoding === undefined ? {} : { 'content-encoding': body.encoding }),
  };
  return new Promise((resolve, reject) => {
    const method = body === undefined ? 'GET' : 'POST';
    const request = httpRequest(new URL(path, url), { method, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }));
    });
    request.once('error', reject);
    request.end(body?.bytes);
  });
}

/** The order of spans in a trace says nothing, nor does that of members. */
function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(inOrder);
  }
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value)
        .map(([key, member]) => [key, inOrder(member)] as const)
        .toSorted(([a], [b]) => (a < b ? -1 : 1)),
    );
  }
  return value;
}

const unordered = (spans: readonly unknown[]): string[] =>
  spans.map((span) => JSON.stringify(inOrder(span))).toSorted();

/** What of an answer must be the same on both sides. */
function comparable(path: string, { status, body }: Answer): unknown {
  if (status !== 200) {
    return { status };
  }
  const value: unknown = JSON.parse(body);
  if (/\/api\/v2\/trace\//.test(path) || path.includes('/dependencies')) {
    return unordered(value as unknown[]);
  }
  if (path.endsWith('/autocompleteKeys')) {
    return unordered(value as unknown[]);
  }
  if (path.includes('/traceMany')) {
    return (value as unknown[][]).map((trace) => unordered(trace).join()).toSorted();
  }
  return path.includes('/traces') ? (value as unknown[][]).map(unordered) : value;
}

interface Compared {
  readonly body: Body;
  readonly ours: { readonly status: number; readonly traces: readonly unknown[] };
  readonly theirs: { readonly status: number; readonly traces: readonly unknown[] };
}

describeWith('zipkin-server', (jar) => {
  const choices = choicesOf(seed);
  let n = 0;
  const make = (): Trace => {
    const v2 = traceOf(choices, n);
    n += 1;
    return { v2, v1: v2.map((span) => inV1(choices, span)) };
  };
  const good = Array.from({ length: goodTraces }, (_, i): Body => {
    const trace = make();
    const v1 = choices.chance(0.4) ? mergedV1(trace.v1) : trace.v1;
    const forms: readonly Pick<Body, 'path' | 'contentType' | 'bytes'>[] = [
      { ...jsonV2, bytes: Buffer.from(JSON.stringify(trace.v2)) },
      { ...proto, bytes: protoBody(trace.v2) },
      { ...jsonV1, bytes: Buffer.from(JSON.stringify(v1)) },
      { ...thrift, bytes: thriftBody(v1) },
    ];
    const form = forms[i % forms.length] ?? choices.of(forms);
    return { label: `good trace ${i}`, ...form, traceIds: [trace.v2[0]?.traceId ?? ''] };
  });
  const endMs = endMsOf(goodTraces);
  const queries = queriesOf(
    choices,
    good.flatMap(({ traceIds }) => traceIds),
    endMs,
  );
  const unusual = oddBodies(choices, make);
  let dir: TempDir;
  let daemon: Daemon;
  let reference: ZipkinServer;
  const answered = new Map<string, { readonly ours: unknown; readonly theirs: unknown }>();
  const compared: Compared[] = [];

  async function stored(): Promise<boolean> {
    const { inputs, lanes } = await daemon.status();
    const accepted = inputs.find(({ type }) => type === 'zipkin')?.accepted;
    const store = lanes.find(({ signal }) => signal === 'traces')?.outputs.find(({ output }) => output === 'store');
    return accepted !== undefined && accepted > 0 && store?.delivered === accepted;
  }

  /** Both get all bodies; then both are asked for their traces. */
  async function compare(bodies: readonly Body[]): Promise<Compared[]> {
    const statuses: { ours: number; theirs: number }[] = [];
    for (const body of bodies) {
      const [ours, theirs] = await Promise.all([ask(daemon.url, body.path, body), ask(reference.url, body.path, body)]);
      statuses.push({ ours: ours.status, theirs: theirs.status });
    }
    await until(stored, { what: 'every accepted span in our store' });
    const tracesAt = (url: string, { traceIds }: Body): Promise<unknown[]> =>
      Promise.all(traceIds.map(async (id) => comparable('/api/v2/trace/', await ask(url, `/api/v2/trace/${id}`))));
    const found: Compared[] = [];
    for (const [i, body] of bodies.entries()) {
      const [ours, theirs] = await Promise.all([tracesAt(daemon.url, body), tracesAt(reference.url, body)]);
      found.push({
        body,
        ours: { status: statuses[i]?.ours ?? 0, traces: ours },
        theirs: { status: statuses[i]?.theirs ?? 0, traces: theirs },
      });
    }
    return found;
  }

  beforeAll(async () => {
    dir = await tempDir();
    [daemon, reference] = await Promise.all([
      startDaemon({ dir: dir.path, config: { 'main.conf': config } }),
      startZipkinServer({ jar, autocompleteKeys }),
    ]);
    compared.push(...(await compare(good)));
    for (const path of queries) {
      const [ours, theirs] = await Promise.all([ask(daemon.url, path), ask(reference.url, path)]);
      answered.set(path, { ours: comparable(path, ours), theirs: comparable(path, theirs) });
    }
    compared.push(...(await compare(unusual)));
  }, 240_000);

  afterAll(async () => {
    await daemon?.end();
    await reference?.stop();
    await dir?.remove();
  });

  /** What one of both answers alone. */
  const unlike = (one: unknown, other: unknown): unknown => {
    const others = new Set([other].flat(9).map((part) => JSON.stringify(part)));
    return [one].flat(9).filter((part) => !others.has(JSON.stringify(part)));
  };
  const shown = ({ body, ours, theirs }: Compared): object => ({
    label: body.label,
    sent: body.bytes.toString('latin1'),
    ours: [ours.status, unlike(ours.traces, theirs.traces)],
    theirs: [theirs.status, unlike(theirs.traces, ours.traces)],
  });

  const isSame = ({ ours, theirs }: Compared): boolean => JSON.stringify(ours) === JSON.stringify(theirs);

  test('there are 300 bodies and 100 queries, and both kinds of answers among them', () => {
    expect(new Set([...good, ...unusual].map(({ label }) => label)).size).toBe(good.length + unusual.length);
    expect(compared.length).toBeGreaterThanOrEqual(300);
    expect(answered.size).toBeGreaterThanOrEqual(100);
    const statuses = compared.map(({ theirs }) => theirs.status);
    expect(statuses.filter((status) => status === 202).length).toBeGreaterThan(200);
    expect(statuses.filter((status) => status === 400).length).toBeGreaterThan(100);
  });

  test('good traces of every dialect are stored as the reference stores them', () => {
    const differing = compared.slice(0, good.length).filter((one) => !isSame(one));
    expect(differing.map(shown)).toEqual([]);
    expect(compared.slice(0, good.length).every(({ ours }) => ours.status === 202)).toBe(true);
  });

  test('queries are answered as the reference answers them', () => {
    const differing = [...answered].filter(
      ([path, { ours, theirs }]) => JSON.stringify(ours) !== JSON.stringify(theirs) && otherAnswers[path] === undefined,
    );
    expect(
      differing.map(([path, { ours, theirs }]) => [path, 'ours', unlike(ours, theirs), 'theirs', unlike(theirs, ours)]),
    ).toEqual([]);
  });

  test('unusual bodies are taken, or refused, as the reference does', () => {
    const differing = compared.filter((one) => !isSame(one) && !deviating.has(one.body.label));
    expect(differing.map(shown)).toEqual([]);
  });

  describe('where we answer otherwise', () => {
    test('there are at most fifteen reasons, and none that has gone', () => {
      expect(deviations.length + Object.keys(otherAnswers).length + 1).toBeLessThanOrEqual(15);
      const same = compared.filter((one) => isSame(one) && deviating.has(one.body.label));
      expect(same.map(({ body }) => body.label)).toEqual([]);
      const alike = [...answered].filter(([, { ours, theirs }]) => JSON.stringify(ours) === JSON.stringify(theirs));
      expect(alike.filter(([path]) => otherAnswers[path] !== undefined)).toEqual([]);
    });

    test.each(
      deviations.flatMap(({ reason, bodies }) =>
        Object.entries(bodies).map(([label, answer]) => ({ label, reason, ...answer })),
      ),
    )('$label: $reason', ({ label, status, spans }) => {
      const found = compared.find(({ body }) => body.label === label);
      expect(found?.ours.status).toBe(status);
      const [kept] = found?.ours.traces ?? [];
      const [traceId] = found?.body.traceIds ?? [];
      if (spans !== undefined) {
        expect(kept).toEqual(unordered(spans.map((span) => ({ ...span, traceId }))));
      } else if (kept !== undefined) {
        expect(kept).toEqual({ status: 404 });
      }
    });

    test.each(Object.entries(otherAnswers))('%s', (path, { body }) => {
      expect(answered.get(path)?.ours).toEqual(body);
    });

    test('both sides of a message that have one id are two calls; the reference forgets one of them', async () => {
      const traceId = '0976248ba50e00020976248ba50e0002';
      const side = {
        traceId,
        id: '000000000000000a',
        timestamp: (endMs + 60_000) * 1000,
        remoteEndpoint: { serviceName: 'broker' },
      };
      const spans = [
        { ...side, kind: 'PRODUCER', localEndpoint: { serviceName: 'here' } },
        { ...side, kind: 'CONSUMER', localEndpoint: { serviceName: 'there' } },
      ];
      await compare([{ label: 'messages', ...jsonV2, bytes: Buffer.from(JSON.stringify(spans)), traceIds: [traceId] }]);
      const path = `/api/v2/dependencies?endTs=${endMs + 60_000}&lookback=1`;
      const links = async (url: string): Promise<unknown> => JSON.parse((await ask(url, path)).body);
      expect(await links(reference.url)).toEqual([{ parent: 'here', child: 'broker', callCount: 1 }]);
      expect(await links(daemon.url)).toEqual([
        { parent: 'broker', child: 'there', callCount: 1 },
        { parent: 'here', child: 'broker', callCount: 1 },
      ]);
    });
  });
});
