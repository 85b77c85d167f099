import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { describeWith } from '../components/needs.ts';
import { until } from '../fakes/until.ts';
import { DemoRig, patient, type Span, walkthrough } from './demo-rig.ts';

const sorry = 'Sorry, product reviews are currently unavailable for this book.';
const toReviews = 'istio_requests_total{reporter="source", destination_service="reviews.default.svc.cluster.local"}';

let rig: DemoRig;

/** Spans of a service and kind. */
const of = (trace: readonly Span[], service: string, kind: string) =>
  trace.filter((span) => span.kind === kind && span.localEndpoint.serviceName === `${service}.default`);
const seconds = ({ duration }: Span) => duration / 1e6;

/** What reached each version of reviews since some moment at which all before had been counted. */
async function shares(isSo: (added: Readonly<Record<string, number>>) => boolean, none: readonly string[]) {
  const read = () => rig.numbers(`sum by (destination_version) (${toReviews})`, 'destination_version');
  let before = await read();
  return until(
    async () => {
      const now = await read();
      const added = Object.fromEntries(['v1', 'v2', 'v3'].map((v) => [v, (now[v] ?? 0) - (before[v] ?? 0)]));
      if (none.some((version) => (added[version] ?? 0) > 0)) {
        before = now;
        return undefined;
      }
      return isSo(added) ? added : undefined;
    },
    { ...patient, what: `no more requests to ${none.join(' and ')}` },
  );
}

describeWith('envoy', (environment) => {
  beforeAll(async () => {
    rig = await DemoRig.start(environment);
  }, 300_000);

  afterAll(() => rig.stop(), 60_000);

  test('it begins with a third for each version of reviews: no stars, black ones, red ones', async () => {
    const added = await shares(({ v1 = 0, v2 = 0, v3 = 0 }) => Math.min(v1, v2, v3) >= 5, []);
    expect(Math.max(...Object.values(added))).toBeLessThan(2 * Math.min(...Object.values(added)));
  }, 300_000);

  describe("the walkthrough's files, applied one after the other", () => {
    const apply = (...files: string[]) => rig.command('apply', ...files.flatMap((file) => ['-f', walkthrough(file)]));

    test('7 s of delay for jason: two attempts of 3 s, and a page that is sorry', async () => {
      const said = await apply('destination-rule-all.yaml', 'virtual-service-all-v1.yaml');
      expect([said.code, said.err]).toEqual([0, '']);
      expect(said.out).toContain('VirtualService default/reviews created\n');
      await apply('virtual-service-reviews-test-v2.yaml');
      const { out } = await apply('virtual-service-ratings-test-delay.yaml');
      expect(out).toBe('VirtualService default/ratings configured\n');

      expect(await rig.page('jason')).toContain(sorry);
      expect(await rig.page()).not.toContain(sorry);

      const trace = await until(
        async () => {
          const slow = await rig.traces({ serviceName: 'reviews.default', minDuration: '6500000' });
          return slow.find((one) => of(one, 'reviews', 'CLIENT').length > 0 && of(one, 'ratings', 'SERVER').length > 0);
        },
        { ...patient, what: 'the slow trace' },
      );
      const [root] = trace.filter(({ parentId }) => parentId === undefined);
      expect(root?.localEndpoint.serviceName).toBe('istio-ingressgateway.istio-system');
      expect(root?.tags['http.status_code']).toBe('200');
      const attempts = of(trace, 'productpage', 'CLIENT').filter(({ name }) => name.startsWith('reviews.'));
      expect(attempts).toHaveLength(2);
      for (const attempt of attempts) {
        expect(seconds(attempt)).toBeGreaterThan(2.9);
        expect(seconds(attempt)).toBeLessThan(4.5);
      }
      const [late] = of(trace, 'reviews', 'CLIENT');
      expect(late?.tags['response_flags']).toBe('DI');
      expect(seconds(late as Span)).toBeGreaterThan(6.9);

      const lines = await until(
        async () => {
          const params = new URLSearchParams({ text: root?.traceId ?? '' });
          const { lines: found } = await rig.json<{ lines: { message: string; labels: Record<string, string> }[] }>(
            `/api/native/logs/search?${params}`,
          );
          const access = found.filter(({ labels }) => labels['container'] === 'istio-proxy');
          return access.some(({ message }) => message.includes('"response_flags":"DI"')) ? access : undefined;
        },
        { ...patient, what: "the access log's lines of that trace" },
      );
      // The pod's labels are of the API server: the path of a file does not say them.
      expect(lines.map(({ labels }) => labels)).toContainEqual(
        expect.objectContaining({ namespace: 'default', app: 'reviews', version: 'v2' }),
      );

      const injected = await until(
        async () => (await rig.ask('sum by (source_version) (istio_requests_total{response_flags="DI"}) > 0'))[0],
        { ...patient, what: 'istio_requests_total with the flag DI' },
      );
      expect(injected.metric['source_version']).toBe('v2');
    }, 300_000);

    test('with repaired timeouts jason has his reviews, and no stars', async () => {
      expect(await rig.set('timeouts-repaired')).toContain('timeouts-repaired');
      const html = await until(
        async () => {
          const page = await rig.page('jason');
          return page.includes(sorry) ? undefined : page;
        },
        { ...patient, what: "jason's reviews" },
      );
      expect(html).toContain('Ratings service is currently unavailable');
      await rig.set('timeouts-repaired', false);
    }, 300_000);

    test('an abort for jason is a 500 with the flag FI', async () => {
      await apply('virtual-service-ratings-test-abort.yaml');
      expect(await rig.page('jason')).toContain('Ratings service is currently unavailable');
      const query = 'sum by (response_code) (istio_requests_total{response_flags="FI"}) > 0';
      const aborted = await until(async () => (await rig.ask(query))[0], { ...patient, what: 'the flag FI' });
      expect(aborted.metric).toEqual({ response_code: '500' });
      const failed = await until(
        async () =>
          (await rig.traces({ serviceName: 'reviews.default', annotationQuery: 'error' })).find((trace) =>
            of(trace, 'reviews', 'CLIENT').some(({ tags }) => tags['response_flags'] === 'FI'),
          ),
        { ...patient, what: 'its trace' },
      );
      // The fault is the caller's own doing: ratings never saw that request.
      expect(of(failed, 'ratings', 'SERVER')).toEqual([]);
    }, 300_000);

    test('half to v1 and half to v3, and then all to v3', async () => {
      await apply('virtual-service-reviews-50-v3.yaml');
      const { v1 = 0, v3 = 0 } = await shares((added) => Math.min(added['v1'] ?? 0, added['v3'] ?? 0) >= 30, ['v2']);
      expect(Math.max(v1, v3)).toBeLessThan(3 * Math.min(v1, v3));
      await apply('virtual-service-reviews-v3.yaml');
      await shares((added) => (added['v3'] ?? 0) >= 10, ['v1', 'v2']);
      // One call of ratings in 23 fails, and that page has no stars.
      await until(async () => (await rig.page()).includes('class="red"'), { ...patient, what: 'red stars' });
    }, 300_000);

    test('deleted, each version has its third again', async () => {
      const said = await rig.command('delete', '-f', walkthrough('virtual-service-reviews-v3.yaml'));
      expect([said.code, said.out]).toEqual([0, 'VirtualService default/reviews deleted\n']);
      await shares(({ v1 = 0, v2 = 0, v3 = 0 }) => Math.min(v1, v2, v3) >= 3, []);
    }, 300_000);

    test("the gateway's file, which lacks an apiVersion, is refused with its line", async () => {
      const said = await apply('bookinfo-gateway.yaml');
      expect([said.code, said.out]).toEqual([1, '']);
      expect(said.err).toMatch(
        /bookinfo-gateway[.]yaml:1 {2}Gateway bookinfo-gateway {2}apiVersion is missing: write /,
      );
    });
  });

  test('without its DestinationRule reviews cannot be reached: 503 with the flag NC or NR', async () => {
    expect(await rig.set('missing-destination-rule')).toContain('missing-destination-rule');
    await until(async () => (await rig.page()).includes(sorry), { ...patient, what: 'a page without reviews' });
    const query =
      'sum by (response_code, destination_service_name) (istio_requests_total{response_flags=~"NC|NR", response_code="503"}) > 0';
    await until(async () => (await rig.ask(query))[0], { ...patient, what: 'requests that reach nothing' });
    expect(await rig.set('even-thirds')).toEqual(['even-thirds']);
    await until(async () => !(await rig.page()).includes(sorry), { ...patient, what: 'reviews again' });
  }, 300_000);

  test('the rules are objects of the API server, and what is written there is in force', async () => {
    const path = '/apis/networking.istio.io/v1beta1/namespaces/default/virtualservices';
    const spec = { hosts: ['reviews'], http: [{ route: [{ destination: { host: 'reviews', subset: 'v3' } }] }] };
    const rule = {
      apiVersion: 'networking.istio.io/v1beta1',
      kind: 'VirtualService',
      metadata: { name: 'reviews' },
      spec,
    };
    expect((await rig.kube('POST', path, rule)).status).toBe(201);
    const on = (await rig.view()).switches.filter(({ isOn }) => isOn).map(({ name }) => name);
    expect(on).toEqual(['reviews-v3']);
    expect((await rig.kube('PUT', `${path}/reviews`, { ...rule, spec: { hosts: [] } })).status).toBe(422);
    await rig.set('reviews-50-v3');
    expect(JSON.stringify((await rig.kube('GET', `${path}/reviews`)).body['spec'])).toContain('"weight":50');
    expect((await rig.kube('DELETE', `${path}/reviews`)).status).toBe(200);
    expect((await rig.view()).rules).not.toContain('VirtualService default/reviews');
  }, 120_000);
});
