import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { describeWith } from '../components/needs.ts';
import { until } from '../fakes/until.ts';
import { type MeshSpan, quiet, RunningMesh, sumOf, withSwitches } from './running-mesh.ts';

/** The machine may be busy with other things. */
const patient = { withinMs: 120_000 };
const sorry = 'Sorry, product reviews are currently unavailable for this book.';

let mesh: RunningMesh;

/** How often productpage was answered by each version of reviews since the last time it was asked. */
async function versionsOf(ask: () => Promise<void>): Promise<Record<string, number>> {
  const wanted = { reporter: 'source', destination_service_name: 'reviews' };
  const count = async () => {
    const samples = await mesh.samples('productpage-v1', 'istio_requests_total', wanted);
    const byVersion = Map.groupBy(samples, ({ labels }) => labels['destination_version'] ?? '');
    return Object.fromEntries(['v1', 'v2', 'v3'].map((version) => [version, sumOf(byVersion.get(version) ?? [])]));
  };
  const total = (counts: Record<string, number>) => Object.values(counts).reduce((sum, one) => sum + one, 0);
  const before = await settled(count);
  await ask();
  const after = await until(
    async () => {
      const counts = await settled(count);
      return total(counts) > total(before) && counts;
    },
    { ...patient, what: 'requests to reviews' },
  );
  return Object.fromEntries(Object.entries(after).map(([version, value]) => [version, value - (before[version] ?? 0)]));
}

/** Envoy reports once a second what it has done: the value when it no longer changes. */
async function settled<T>(read: () => Promise<T>): Promise<T> {
  let last = await read();
  let sameSinceMs = performance.now();
  return until(async () => {
    const now = await read();
    if (JSON.stringify(now) !== JSON.stringify(last)) {
      last = now;
      sameSinceMs = performance.now();
    }
    return performance.now() - sameSinceMs > 1600 ? [now] : undefined;
  }, patient).then(([value]) => value as T);
}

const of = (service: string, kind: string) => (span: MeshSpan) =>
  span.localEndpoint.serviceName === `${service}.default` && span.kind === kind;

describeWith('envoy', (environment) => {
  beforeAll(async () => {
    mesh = await RunningMesh.start(environment);
  }, 300_000);

  afterAll(async () => {
    await mesh?.stop();
    expect(mesh.ended).toEqual([]);
  }, 60_000);

  test('a delay of 7 s for jason: two attempts of 3 s, a page that is sorry, and the flag DI', async () => {
    await mesh.apply(withSwitches('ratings-delay'));
    const cookie = await mesh.signIn('jason');
    mesh.spans.length = 0;
    const page = await mesh.page(cookie);
    expect(page.status).toBe(200);
    expect(page.text).toContain(sorry);
    expect(page.text).toContain('<span class="user">jason</span>');
    expect(page.tookMs).toBeGreaterThan(6000);

    const isWhole = (trace: readonly MeshSpan[]) =>
      trace.filter(of('ratings', 'SERVER')).length === 2 && trace.filter(of('reviews', 'CLIENT')).length === 2;
    const trace = await until(() => mesh.traces().find(isWhole), { ...patient, what: 'both calls of ratings' });
    const root = trace.find(({ parentId }) => parentId === undefined);
    expect(root).toMatchObject({ kind: 'SERVER', localEndpoint: { serviceName: 'istio-ingressgateway.istio-system' } });
    const attempts = trace.filter(of('productpage', 'CLIENT')).filter(({ name }) => name.startsWith('reviews'));
    expect(attempts).toHaveLength(2);
    for (const { duration, tags, name } of attempts) {
      expect(name).toBe('reviews.default.svc.cluster.local:9080/*');
      expect(duration / 1e6).toBeCloseTo(3, 0);
      expect(tags).toMatchObject({ response_flags: 'DC', 'http.status_code': '0' });
    }
    const slow = trace.filter(of('reviews', 'CLIENT'));
    expect(slow).toHaveLength(2);
    for (const { duration, tags } of slow) {
      expect(duration / 1e6).toBeGreaterThan(6.9);
      expect(tags).toMatchObject({
        response_flags: 'DI',
        'istio.canonical_revision': 'v2',
        upstream_cluster: 'outbound|9080|v1|ratings.default.svc.cluster.local',
      });
    }

    const delayed = await until(
      async () => {
        const wanted = { reporter: 'source', response_flags: 'DI', destination_service_name: 'ratings' };
        const found = await mesh.samples('reviews-v2', 'istio_requests_total', wanted);
        return sumOf(found) >= 2 ? found[0] : undefined;
      },
      { ...patient, what: 'istio_requests_total with DI' },
    );
    expect(delayed.labels).toMatchObject({ response_code: '200', destination_version: 'v1' });
    const lines = await until(
      () => {
        const found = mesh.accessLog('reviews-v2').filter((line) => line['trace_id'] === root?.traceId);
        return found.filter((line) => line['response_flags'] === 'DI').length === 2;
      },
      { ...patient, what: 'both lines of the access log' },
    );
    expect(lines).toBe(true);

    const health = () => mesh.samples('productpage-v1', 'istio_requests_total', { request_protocol: 'grpc' });
    const calls = await until(
      async () => {
        const found = await health();
        return found.length > 0 ? found : undefined;
      },
      { ...patient, what: 'a gRPC call by way of the subset' },
    );
    expect(calls.map(({ labels }) => labels['grpc_response_status'])).toEqual(['0']);

    const other = await mesh.page();
    expect(other.text).not.toContain(sorry);
    expect(other.text).toContain('reviews-v1-');
    expect(other.tookMs).toBeLessThan(6000);
  }, 300_000);

  test('with repaired timeouts jason has his reviews, without stars', async () => {
    await mesh.apply(withSwitches('ratings-delay', 'timeouts-repaired'));
    const page = await mesh.page(await mesh.signIn('jason'));
    expect(page.text).toContain('reviews-v2-');
    expect(page.text).toContain('Ratings service is currently unavailable');
    expect(page.text).not.toContain(sorry);
  }, 300_000);

  test('an abort with 500 for jason: reviews without stars, and the flag FI', async () => {
    await mesh.apply(withSwitches('ratings-abort'));
    const page = await mesh.page(await mesh.signIn('jason'));
    expect(page.text).toContain('Ratings service is currently unavailable');
    const aborted = await until(
      async () => (await mesh.samples('reviews-v2', 'istio_requests_total', { response_flags: 'FI' }))[0],
      { ...patient, what: 'istio_requests_total with FI' },
    );
    expect(aborted).toMatchObject({
      value: 1,
      labels: { reporter: 'source', response_code: '500', destination_service_name: 'ratings' },
    });
    const line = await until(() => mesh.accessLog('reviews-v2').find((one) => one['response_flags'] === 'FI'), patient);
    expect(line).toMatchObject({ response_code: 500, response_code_details: 'fault_filter_abort' });
  }, 300_000);

  test('reviews are shared as the rules say, and the page shows no, black or red stars', async () => {
    await mesh.apply(withSwitches('all-v1'));
    expect(await versionsOf(() => mesh.pages(10))).toEqual({ v1: 10, v2: 0, v3: 0 });
    expect((await mesh.page()).text).not.toContain('★');

    await mesh.apply(withSwitches('reviews-50-v3'));
    const half = await versionsOf(() => mesh.pages(80));
    expect(half['v2']).toBe(0);
    for (const version of ['v1', 'v3']) {
      expect(half[version]).toBeGreaterThan(20);
    }

    await mesh.apply(withSwitches('reviews-v3'));
    expect(await versionsOf(() => mesh.pages(10))).toEqual({ v1: 0, v2: 0, v3: 10 });
    expect(await until(async () => (await mesh.page()).text.includes('<span class="red">★★★★★</span>'), patient)).toBe(
      true,
    );

    await mesh.apply(quiet);
    const thirds = await versionsOf(() => mesh.pages(30));
    expect(thirds).toEqual({ v1: 10, v2: 10, v3: 10 });
  }, 300_000);

  test('a subset that no DestinationRule names cannot be reached: 503 with the flag NC', async () => {
    await mesh.apply(withSwitches('missing-destination-rule'));
    const page = await mesh.page();
    expect(page.status).toBe(200);
    expect(page.text).toContain(sorry);
    const lost = await until(
      async () => (await mesh.samples('productpage-v1', 'istio_requests_total', { response_flags: 'NC' }))[0],
      { ...patient, what: 'istio_requests_total with NC' },
    );
    expect(lost.labels).toMatchObject({ response_code: '503', destination_workload: 'unknown' });
    await mesh.apply(quiet);
    expect((await mesh.page()).text).not.toContain(sorry);
  }, 300_000);

  test('a rule that an Envoy does not take is refused with its words, and all goes on as before', async () => {
    await mesh.apply(withSwitches('reviews-v3'));
    const broken = withSwitches('reviews-v3');
    const rule = {
      name: 'reviews',
      namespace: 'default',
      hosts: ['reviews'],
      gateways: [],
      http: [{ match: [{ uri: { regex: '(' }, headers: {} }], route: [{ host: 'reviews', subset: 'v1', weight: 0 }] }],
    };
    const state = { ...broken, virtualServices: [rule] };
    await expect(mesh.apply(state)).rejects.toThrow(/^the Envoy of productpage-v1 does not take it: .*[(]/);
    expect(await versionsOf(() => mesh.pages(5))).toEqual({ v1: 0, v2: 0, v3: 5 });
    // The gateway's rule, which the refused state lacks, is in force again.
    expect((await mesh.page()).status).toBe(200);
    await mesh.apply(quiet);
  }, 300_000);
});
