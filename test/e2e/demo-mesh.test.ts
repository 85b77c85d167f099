import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { describeWith } from '../components/needs.ts';
import { until } from '../fakes/until.ts';
import { quiet, RunningMesh, samplesIn, sumOf, withSwitches } from './running-mesh.ts';

/** The machine may be busy with other things. */
const patient = { withinMs: 120_000 };

let mesh: RunningMesh;

/** The bytes that ratings-v2 had from its database, as both ends count them, and the connections. */
async function database(workload: string): Promise<{ sent: number; received: number; open: number; labels: object }> {
  const text = await (await mesh.metricsPage(workload)).text();
  const value = (name: string) => sumOf(samplesIn(text, `istio_tcp_${name}_total`));
  return {
    sent: value('sent_bytes'),
    received: value('received_bytes'),
    open: value('connections_opened') - value('connections_closed'),
    labels: samplesIn(text, 'istio_tcp_sent_bytes_total')[0]?.labels ?? {},
  };
}

describeWith('envoy', (environment) => {
  beforeAll(async () => {
    mesh = await RunningMesh.start(environment);
  }, 300_000);

  afterAll(async () => {
    await mesh?.stop();
    expect(mesh.ended).toEqual([]);
  }, 60_000);

  test('whoever signs in is shown by name until he signs out', async () => {
    const cookie = await mesh.signIn('<jason>');
    expect((await mesh.page(cookie)).text).toContain('<span class="user">&#60;jason&#62;</span>');
    const out = await fetch(`${mesh.facts.gateway}/logout`, { headers: { cookie }, redirect: 'manual' });
    expect(out.status).toBe(302);
    expect(out.headers.get('set-cookie')).toMatch(/^session=; .*Max-Age=0/);
    const forged = cookie.replace(/\..*/, '.forged');
    for (const page of [await mesh.page(), await mesh.page(forged)]) {
      expect(page.text).toContain('<button>Sign in</button>');
    }
  }, 300_000);

  test('the one call by gRPC is counted as such at both ends, with its messages', async () => {
    for (const [workload, reporter] of [
      ['productpage-v1', 'source'],
      ['details-v1', 'destination'],
    ] as const) {
      const wanted = { reporter, request_protocol: 'grpc', grpc_response_status: '0' };
      const [call] = await until(
        async () => {
          const found = await mesh.samples(workload, 'istio_requests_total', wanted);
          return found.length > 0 ? found : undefined;
        },
        { ...patient, what: `a gRPC call of the ${reporter}` },
      );
      expect(call?.labels).toMatchObject({
        response_code: '200',
        source_workload: 'productpage-v1',
        destination_workload: 'details-v1',
        destination_service: 'details.default.svc.cluster.local',
      });
      for (const name of ['request', 'response']) {
        expect(await mesh.samples(workload, `istio_${name}_messages_total`, wanted)).toMatchObject([
          { value: expect.any(Number) },
        ]);
      }
    }
  }, 300_000);

  test('bytes rise on the open connection to the database, the same at both ends', async () => {
    const counted = await until(
      async () => {
        const [source, destination] = [await database('ratings-v2'), await database('mongodb-v1')];
        return source.sent > 0 && destination.sent > 0 ? { source, destination } : undefined;
      },
      { ...patient, what: 'bytes at both ends' },
    );
    const ends = { source_workload: 'ratings-v2', destination_workload: 'mongodb-v1', request_protocol: 'tcp' };
    expect(Object.keys(counted.source.labels)).toHaveLength(23);
    expect(counted.source).toMatchObject({ open: 1, labels: { ...ends, reporter: 'source' } });
    expect(counted.destination).toMatchObject({
      open: 1,
      labels: { ...ends, reporter: 'destination', connection_security_policy: 'mutual_tls' },
    });
    const later = await until(
      async () => {
        const now = await database('mongodb-v1');
        return now.sent > counted.destination.sent && now.received > counted.destination.received ? now : undefined;
      },
      { ...patient, what: 'more bytes' },
    );
    expect(later.open).toBe(1);
  }, 300_000);

  test('of a hundred requests one is traced where the rule says so', async () => {
    await mesh.apply(withSwitches('one-percent-sampling'));
    mesh.spans.length = 0;
    await mesh.pages(60);
    await mesh.apply(quiet);
    await mesh.page();
    const pages = () =>
      mesh.spans.filter(({ parentId, name }) => parentId === undefined && name.endsWith('/productpage'));
    await until(() => pages().length > 0, { ...patient, what: 'the trace of the last page' });
    // 8 or more of 60 at one percent: once in 100 million runs.
    expect(pages().length).toBeLessThan(8);
  }, 300_000);

  test('an app that drops the trace headers breaks the trace in two', async () => {
    await mesh.apply({ ...withSwitches('reviews-v3', 'lost-trace-headers') });
    mesh.spans.length = 0;
    await mesh.page();
    const orphan = await until(
      () =>
        mesh.spans.find(
          ({ kind, localEndpoint, parentId }) =>
            kind === 'CLIENT' && localEndpoint.serviceName === 'reviews.default' && parentId === undefined,
        ),
      { ...patient, what: 'a call of ratings that begins a trace' },
    );
    const root = await until(
      () => mesh.spans.find(({ localEndpoint }) => localEndpoint.serviceName.startsWith('istio-ingressgateway')),
      patient,
    );
    expect(orphan.traceId).not.toBe(root.traceId);
    await mesh.apply(quiet);
  }, 300_000);

  test('the merged page has each fault that is asked for, and is good again without', async () => {
    const read = async () => {
      const answer = await mesh.metricsPage('details-v1');
      const text = await answer.text();
      const types = [...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name);
      return {
        type: answer.headers.get('content-type'),
        hasRepeatedTypes: types.length > new Set(types).size,
        hasEmptyLabels: /^istio_agent_scrapes_total\{\} \d+$/m.test(text),
        hasApp: /^bookinfo_answers_total\{service="details",revision="v1",code="200"\} [1-9]/m.test(text),
        failures: samplesIn(text, 'istio_agent_scrape_failures_total').map(({ value }) => value),
      };
    };
    const good = { hasRepeatedTypes: false, hasEmptyLabels: false, hasApp: true };
    await mesh.page();
    expect(await read()).toMatchObject({ ...good, type: expect.stringMatching(/^text\/plain/), failures: [0, 0] });
    await mesh.apply(withSwitches('page-without-type', 'page-empty-labels', 'page-repeated-types', 'page-failing-app'));
    expect(await read()).toEqual({
      type: null,
      hasRepeatedTypes: true,
      hasEmptyLabels: true,
      hasApp: false,
      failures: [0, 1],
    });
    await mesh.apply(quiet);
    expect(await read()).toMatchObject({ ...good, type: expect.stringMatching(/^text\/plain/) });
  }, 300_000);

  test('a replica of istiod that is down does not answer, and the other has all the proxies', async () => {
    const [first = '', second = ''] = mesh.facts.istiods;
    const xds = async (place: string) => {
      const text = await (await fetch(`http://${place}/metrics`)).text();
      return samplesIn(text, 'pilot_xds')[0]?.value;
    };
    expect([await xds(first), await xds(second)]).toEqual([5, 4]);
    await mesh.apply(withSwitches('istiod-replica-down'));
    await expect(xds(second)).rejects.toThrow();
    expect(await xds(first)).toBe(9);
    const page = await (await fetch(`http://${first}/metrics`)).text();
    expect(samplesIn(page, 'pilot_xds_pushes').every(({ value }) => value > 0)).toBe(true);
    expect(page).toMatch(/^pilot_proxy_convergence_time_count [1-9]/m);
    await mesh.apply(quiet);
    expect([await xds(first), await xds(second)]).toEqual([5, 4]);
  }, 300_000);

  test('a container that crashes is no endpoint while it is down, and begins again with a log of its own', async () => {
    mesh.events.length = 0;
    await mesh.apply(withSwitches('crash-loop'));
    await until(() => mesh.events.length === 1, { ...patient, what: 'the first end' });
    expect(mesh.events).toMatchObject([{ workload: 'details-v1', state: 'waiting', restarts: 0, exitCode: 1 }]);
    expect(mesh.log('details-v1', 'details').at(-1)).toBe('exit status 1');
    await until(
      async () => (await mesh.page()).text.includes('Sorry, product details are currently unavailable'),
      patient,
    );
    await until(
      async () => (await mesh.samples('productpage-v1', 'istio_requests_total', { response_flags: 'UH' })).length > 0,
      { ...patient, what: 'requests without an endpoint' },
    );
    await mesh.apply(quiet);
    // As often as it ended: once, where the machine is not too busy to have it crash again meanwhile.
    const ends = mesh.events.filter(({ state }) => state === 'waiting').length;
    expect(mesh.events.at(-1)).toMatchObject({ workload: 'details-v1', state: 'running', restarts: ends });
    await until(async () => (await mesh.page()).text.includes('William Shakespeare'), patient);
    await until(() => mesh.log('details-v1', 'details', `${ends}.log`).length > 0, patient);
  }, 300_000);

  test('the numbers of the containers are those of real processes', async () => {
    const text = await (await fetch(mesh.facts.cadvisor)).text();
    const names = ['cpu_usage_seconds_total', 'memory_working_set_bytes', 'fs_usage_bytes'];
    for (const name of names) {
      const samples = samplesIn(text, `container_${name}`);
      // Nine proxies, eight applications.
      expect(samples).toHaveLength(17);
      expect(samples.every(({ value }) => value > 0)).toBe(true);
    }
    const sent = samplesIn(text, 'container_network_transmit_bytes_total');
    expect(sent.find(({ labels }) => labels['pod']?.startsWith('details-v1-'))?.value).toBeGreaterThan(0);
  }, 300_000);

  test('the load asks for pages as fast as it is told, some of them as jason', async () => {
    await mesh.apply({ ...withSwitches('jason-v2'), pagesPerSecond: 20 });
    const count = async (version: string) =>
      sumOf(
        await mesh.samples('productpage-v1', 'istio_requests_total', {
          reporter: 'source',
          destination_service_name: 'reviews',
          destination_version: version,
        }),
      );
    const [before, jasonBefore] = [await count('v1'), await count('v2')];
    await until(async () => (await count('v1')) > before + 15 && (await count('v2')) > jasonBefore + 3, patient);
    await mesh.apply(quiet);
  }, 300_000);
});
