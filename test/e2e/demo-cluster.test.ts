import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { describeWith } from '../components/needs.ts';
import { until } from '../fakes/until.ts';
import { type Browser, startBrowser } from './browser.ts';
import { DemoRig, patient, type Span, walkthrough } from './demo-rig.ts';

let rig: DemoRig;

interface Lines {
  readonly lines: readonly { readonly message: string; readonly labels: Readonly<Record<string, string>> }[];
}

/** Labels of istio_requests_total that dashboards sum by and filter by; what is empty is none. */
const standardLabels = [
  'reporter',
  ...['source', 'destination'].flatMap((end) =>
    ['workload', 'workload_namespace', 'principal', 'app', 'version', 'cluster'].map((name) => `${end}_${name}`),
  ),
  ...['source', 'destination'].flatMap((end) => [`${end}_canonical_service`, `${end}_canonical_revision`]),
  ...['service', 'service_name', 'service_namespace'].map((name) => `destination_${name}`),
  ...['request_protocol', 'response_code', 'response_flags', 'connection_security_policy'],
];

/** What the panels of Istio's dashboards ask for: its standard metrics, the control plane, cAdvisor, and the process of istiod. */
const dashboardMetrics = [
  ...['istio_requests_total', 'istio_build', 'istio_tcp_sent_bytes_total', 'istio_tcp_received_bytes_total'],
  ...['istio_tcp_connections_opened_total', 'istio_tcp_connections_closed_total'],
  ...['istio_request_duration_milliseconds', 'istio_request_bytes', 'istio_response_bytes'].flatMap((name) => [
    `${name}_bucket`,
    `${name}_sum`,
    `${name}_count`,
  ]),
  ...['istio_request_messages_total', 'istio_response_messages_total'],
  ...['pilot_info', 'pilot_xds', 'pilot_xds_pushes', 'pilot_xds_push_time_bucket', 'pilot_services'],
  ...['pilot_proxy_convergence_time_bucket', 'pilot_virt_services', 'pilot_k8s_cfg_events', 'pilot_total_xds_rejects'],
  ...['pilot_xds_cds_reject', 'pilot_xds_eds_reject', 'pilot_xds_lds_reject', 'pilot_xds_rds_reject'],
  ...['citadel_server_csr_count', 'galley_validation_passed', 'sidecar_injection_success_total'],
  ...['istiod_uptime_seconds', 'go_goroutines', 'process_cpu_seconds_total', 'process_resident_memory_bytes'],
  ...['container_memory_working_set_bytes', 'container_cpu_usage_seconds_total', 'container_fs_usage_bytes'],
];

describeWith('envoy', (environment) => {
  beforeAll(async () => {
    // Of a user's own configuration, which runs beside the demo.
    rig = await DemoRig.start(environment, '[[outputs.file]]\n  path = "out.ndjson"\n');
  }, 300_000);

  afterAll(() => rig.stop(), 60_000);

  test('pods are found by their annotations, and istiod by its Service, by the one that holds the Lease', async () => {
    const query = 'count by (job) (up == 1)';
    const jobs = await until(
      async () => {
        const found = await rig.numbers(query, 'job');
        return Object.values(found).reduce((sum, count) => sum + count, 0) >= 12 ? found : undefined;
      },
      { ...patient, what: 'twelve pages of metrics' },
    );
    expect(jobs).toMatchObject({
      ...{ 'minik8s-istio-product': 1, 'minik8s-istio-details': 1, 'minik8s-istio-ratings': 1 },
      ...{ 'minik8s-istio-review1': 1, 'minik8s-istio-review2': 1, 'minik8s-istio-review3': 1 },
      ...{ 'prom-istiod': 2, kubelet: 1 },
    });
    const { body } = await rig.kube('GET', '/apis/coordination.k8s.io/v1/namespaces/datakit/leases/meshbridge');
    expect(body['spec']).toMatchObject({ holderIdentity: expect.stringMatching(/^demo-worker_/) });
    const { body: pods } = await rig.kube('GET', '/api/v1/pods?fieldSelector=spec.nodeName%3Ddemo-worker');
    expect(pods['items']).toHaveLength(9);
  }, 300_000);

  test('queries of the walkthrough have answers, pasted byte for byte', async () => {
    const queries = readFileSync(walkthrough('queries.promql'), 'utf8').split('\n');
    for (const query of queries.filter((line) => line !== '')) {
      await until(async () => (await rig.ask(query)).length > 0, { ...patient, what: query });
    }
    const rate = readFileSync(walkthrough('success-rate.promql'), 'utf8');
    // It is about a service that only its author has.
    expect(await rig.ask(rate)).toEqual([]);
    const own = rate.replaceAll('"weather"', '"default"').replaceAll('"advertisement"', '"details"');
    const [sample] = await until(
      async () => {
        const found = await rig.ask(own);
        return found.length > 0 ? found : undefined;
      },
      { ...patient, what: 'the same of details' },
    );
    expect(Number(sample?.value[1])).toBe(100);
  }, 300_000);

  test("all that Istio's dashboards ask for is there", async () => {
    const missing = await until(
      async () => {
        const { data } = await rig.json<{ data: readonly string[] }>('/api/v1/label/__name__/values');
        const gone = dashboardMetrics.filter((name) => !data.includes(name));
        return gone.length === 0 ? gone : undefined;
      },
      { ...patient, what: `all of ${dashboardMetrics.join(', ')}` },
    );
    expect(missing).toEqual([]);
    for (const reporter of ['source', 'destination']) {
      const [sample] = await rig.ask(
        `istio_requests_total{reporter="${reporter}", destination_service_name="details"}`,
      );
      expect(Object.keys(sample?.metric ?? {})).toEqual(expect.arrayContaining(standardLabels));
    }
  }, 300_000);

  test('bytes of a TCP connection are counted while it is open', async () => {
    const read = async () =>
      (await rig.numbers('sum by (reporter) (istio_tcp_sent_bytes_total)', 'reporter'))['source'];
    const before = await until(read, { ...patient, what: 'bytes to mongodb' });
    await until(async () => ((await read()) ?? 0) > before, { ...patient, what: 'more bytes to mongodb' });
  }, 300_000);

  test('a visit of a browser leads to the trace of what its page asked for', async () => {
    const out = `${rig.dir}/data/out.ndjson`;
    const traceId = await until(
      () => /"signal":"rum".*"trace_id":"([0-9a-f]{32})"/.exec(readFileSync(out, 'utf8'))?.[1],
      { ...patient, what: 'a resource with its trace' },
    );
    const trace = await until(
      async () => {
        const spans = await rig.json<readonly Span[]>(`/api/v2/trace/${traceId}`).catch(() => []);
        return spans.length >= 4 ? spans : undefined;
      },
      { ...patient, what: 'that trace' },
    );
    const services = trace.map(({ localEndpoint }) => localEndpoint.serviceName);
    expect(services).toContain('istio-ingressgateway.istio-system');
    expect(services).toContain('reviews.default');
  }, 300_000);

  test('reviews that lose the headers begin traces of their own', async () => {
    await rig.set('lost-trace-headers');
    await until(
      async () =>
        (await rig.traces({ serviceName: 'reviews.default' })).find((trace) =>
          trace.some((span) => {
            const { kind, parentId, localEndpoint } = span;
            return kind === 'CLIENT' && parentId === undefined && localEndpoint.serviceName === 'reviews.default';
          }),
        ),
      { ...patient, what: 'a trace that begins at reviews' },
    );
    await rig.set('lost-trace-headers', false);
  }, 300_000);

  test('with 1 % sampling most pages leave no trace', async () => {
    await rig.set('one-percent-sampling');
    const read = async () => {
      const { inputs } = await rig.daemon.status();
      const entered = 'sum(istio_requests_total{source_workload="istio-ingressgateway", reporter="destination"})';
      const [pages] = await rig.ask(entered);
      const spans = inputs.find(({ type }) => type === 'zipkin')?.accepted ?? 0;
      return { pages: Number(pages?.value[1] ?? 0), spans };
    };
    let before = await read();
    await until(
      async () => {
        const now = await read();
        const [pages, spans] = [now.pages - before.pages, now.spans - before.spans];
        // Traced, a page has eight. Pages are known with the next scrape, spans at once: of so many pages that is no matter.
        const isMuch = spans > 1.5 * Math.max(100, pages);
        before = isMuch ? now : before;
        return pages >= 100 && !isMuch;
      },
      { ...patient, what: 'a hundred pages with hardly a span' },
    );
    await rig.set('one-percent-sampling', false);
  }, 300_000);

  test('a replica of istiod that is down is one page that is down', async () => {
    await rig.set('istiod-replica-down');
    await until(async () => (await rig.ask('count(up{job="prom-istiod"} == 0)'))[0]?.value[1] === '1', {
      ...patient,
      what: 'a replica that is down',
    });
    await rig.set('istiod-replica-down', false);
    await until(async () => (await rig.ask('count(up{job="prom-istiod"} == 1)'))[0]?.value[1] === '2', {
      ...patient,
      what: 'both replicas again',
    });
  }, 300_000);

  test('a pod in a crash loop: its last words, its restarts, and callers that do not reach it', async () => {
    await rig.set('crash-loop');
    await until(
      async () => {
        const params = new URLSearchParams({ match: 'app=details', text: 'FATAL' });
        params.append('match', 'container=details');
        const { lines } = await rig.json<Lines>(`/api/native/logs/search?${params}`);
        return lines[0]?.labels['version'] === 'v1';
      },
      { ...patient, what: 'its last words' },
    );
    await until(
      async () => {
        const { body } = await rig.kube('GET', '/api/v1/namespaces/default/pods?labelSelector=app%3Ddetails');
        return /"restartCount":[1-9]/.test(JSON.stringify(body));
      },
      { ...patient, what: 'a restart in the status of the pod' },
    );
    await rig.set('crash-loop', false);
  }, 300_000);

  describeWith('kubectl', (program) => {
    test('kubectl shows the pods with their restarts, and applies rules and takes them away', async () => {
      const { kubeconfig } = await rig.view();
      const kubectl = (...args: readonly string[]): string => {
        const env = { HOME: rig.dir };
        const { stdout, stderr } = spawnSync(program, ['--kubeconfig', kubeconfig, ...args], { encoding: 'utf8', env });
        return stdout + stderr;
      };
      await until(() => /^details-v1-\S+ +2\/2 +Running +[1-9]\d* +\d+[smh]$/m.test(kubectl('get', 'pods')), {
        ...patient,
        what: 'details again, restarted',
      });
      expect(kubectl('get', 'pods')).toMatch(/^NAME +READY +STATUS +RESTARTS +AGE\n/);
      expect(kubectl('get', 'virtualservices,services,nodes,deploy')).not.toMatch(/unknown|error/i);
      const file = walkthrough('virtual-service-reviews-v3.yaml');
      expect(kubectl('apply', '-f', file)).toBe('virtualservice.networking.istio.io/reviews created\n');
      expect((await rig.view()).switches.find(({ name }) => name === 'reviews-v3')?.isOn).toBe(true);
      expect(kubectl('delete', '-f', file)).toMatch(/^virtualservice[.]networking[.]istio[.]io "reviews" deleted/);
      expect((await rig.view()).switches.find(({ name }) => name === 'reviews-v3')?.isOn).toBe(false);
    }, 300_000);
  });

  test('pages of metrics with all their faults are read as before', async () => {
    for (const name of ['page-without-type', 'page-empty-labels', 'page-repeated-types', 'page-failing-app']) {
      await rig.set(name);
    }
    const query = 'sum(timestamp(istio_requests_total{destination_service_name="details"}) > bool 0)';
    const fresh = async () => {
      const [sample] = await rig.ask('max(timestamp(istio_requests_total{job="minik8s-istio-details"}))');
      return Number(sample?.value[1] ?? 0);
    };
    const before = await fresh();
    await until(async () => (await fresh()) > before + 15, { ...patient, what: 'two more scrapes' });
    expect((await rig.ask(query)).length).toBe(1);
    expect(await rig.ask('up{job=~"minik8s-.*"} == 0')).toEqual([]);
    await rig.set('page-without-type', false);
  }, 300_000);

  test('a burst is so many pages a second, and the load can be set', async () => {
    expect(await rig.set('burst')).toContain('burst');
    expect((await rig.view()).pagesPerSecond).toBe(30);
    const said = await rig.command('load', '2');
    expect([said.code, said.out]).toEqual([0, '2 pages a second\n']);
    expect((await rig.view()).pagesPerSecond).toBe(2);
  }, 120_000);

  test('the list has every switch', async () => {
    const { code, out } = await rig.command('list');
    expect(code).toBe(0);
    for (const { name, summary } of (await rig.view()).switches) {
      expect(out).toContain(name);
      expect(out).toContain(summary);
    }
    expect((await rig.command('set', 'nonsense', 'on')).err).toMatch(/^there is no switch "nonsense"; there are /);
  }, 120_000);

  describeWith('chromium', (chromium) => {
    let browser: Browser;

    beforeAll(async () => {
      browser = await startBrowser(chromium);
    }, 120_000);

    afterAll(() => browser.close());

    test('the page has the switches, and one click turns one', async () => {
      const { page, close } = await browser.open(`${rig.daemon.url}/#/demo`);
      const row = page.locator('[data-switch="reviews-v3"]');
      await row.getByRole('switch').click();
      await page.locator('[data-switch="reviews-v3"][data-on="true"]').waitFor();
      expect((await rig.view()).switches.find(({ name }) => name === 'reviews-v3')?.isOn).toBe(true);
      expect(await page.getByRole('link', { name: 'productpage' }).getAttribute('href')).toContain('/productpage');
      await row.getByRole('link').first().click();
      await page.waitForURL(/#\/metrics/);
      await close();
    }, 120_000);
  });
});
