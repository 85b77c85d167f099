// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references that annotations may not have
import { describe, expect, test } from '@jest/globals';
import type { Pod } from '../../kube/kube.ts';
import { promConfig } from '../../scrape/config.ts';
import { type PodPlanOptions, planOf } from './pod-plan.ts';
import { isIstiod, type PodService } from './pod-rules.ts';

const main = (name: string, ...ports: number[]) => ({
  name,
  kind: 'main' as const,
  ports: ports.map((number) => ({ number })),
});

function podWith(part: Partial<Pod>): Pod {
  return {
    uid: 'u-1',
    namespace: 'prod',
    name: 'details-1',
    node: 'node-1',
    ips: ['10.1.2.3'],
    phase: 'Running',
    deleting: false,
    labels: {},
    annotations: {},
    containers: [main('details', 9080)],
    ...part,
  };
}

function plan(part: Partial<Pod>, options: Partial<PodPlanOptions> = {}) {
  return planOf(podWith(part), { istio: 'auto', ...options });
}

/** `rule url` of each target. */
function found(part: Partial<Pod>, options: Partial<PodPlanOptions> = {}): string[] {
  return plan(part, options).targets.map(({ url, pod }) => `${pod?.rule} ${url}`);
}

function annotated(toml: string, part: Partial<Pod> = {}) {
  return plan({ annotations: { 'datakit/prom.instances': toml }, ...part });
}

const proxied = [main('details', 9080), main('istio-proxy', 15_090)];

describe('a prom.instances annotation', () => {
  test('has its variables put in after it was parsed, so that a name cannot add keys', () => {
    const toml = `[[inputs.prom]]
      url = "http://$IP:15020/stats/prometheus?of=$NODENAME"
      [inputs.prom.tags]
      namespace = "$NAMESPACE"
      pod_name = "$PODNAME"`;
    const name = 'x"\nurl = "http://169.254.169.254/';
    const { targets, explanation } = annotated(toml, { name, labels: { app: 'a', version: 'v1' } });
    expect(targets).toHaveLength(1);
    expect(targets[0]).toMatchObject({
      url: 'http://10.1.2.3:15020/stats/prometheus?of=node-1',
      config: { tags: { namespace: 'prod', pod_name: name }, interval: 30_000, source: `prod/${name}` },
    });
    expect(explanation.targets[0]).toMatchObject({
      written: 'http://$IP:15020/stats/prometheus?of=$NODENAME',
      rule: 'datakit/prom.instances',
      labels: { namespace: 'prod', pod_name: name, app: 'a', version: 'v1', container: 'details', node: 'node-1' },
    });
    expect(explanation).toMatchObject({ faults: [], warnings: [] });
    expect(explanation).not.toHaveProperty('skipped');
  });

  test('gives its tags the last word, and does not take the times of the page', () => {
    const { config } = annotated('[[inputs.prom]]\nurl = "http://$IP/metrics"').targets[0] ?? {};
    expect(config).toMatchObject({ honor_labels: false, honor_timestamps: false });
  });

  test('names `urls` and `url`, each a target', () => {
    const toml = '[[inputs.prom]]\nurls = ["http://$IP:1/a", "http://$IP:2/b"]\nurl = "http://$IP:3/c"\nsource = "s"';
    expect(annotated(toml).targets.map(({ url }) => url)).toEqual([
      'http://10.1.2.3:1/a',
      'http://10.1.2.3:2/b',
      'http://10.1.2.3:3/c',
    ]);
  });

  test.each(['http://$IP:80/', 'http://[$IP]:80/'])('puts an IPv6 address in brackets: %s', (url) => {
    const { targets } = annotated(`[[inputs.prom]]\nurl = "${url}"\ntags = { ip = "$IP" }`, { ips: ['fd00::1'] });
    expect(targets[0]).toMatchObject({ url: 'http://[fd00::1]:80/', config: { tags: { ip: 'fd00::1' } } });
  });

  test.each([
    ['url = "http://169.254.169.254/latest"', 'points at 169.254.169.254, which is not an address of this pod'],
    ['url = "http://10.1.2.3.evil.example/"', 'points at 10.1.2.3.evil.example'],
    ['url = "http://$IP@evil.example/"', 'points at evil.example'],
    ['url = "http://localhost:9529/"', 'points at localhost'],
    ['url = "http://$IP.evil.example/"', 'points at 10.1.2.3.evil.example'],
    ['url = "http://$IP:80@evil.example/"', 'points at evil.example'],
    ['url = "http://evil.example/$IP"', 'points at evil.example'],
    ['url = "http://evil.example#@$IP/"', 'points at evil.example'],
    ["url = 'http://evil.example\\@$IP/'", 'points at evil.example'],
    ['url = "http://evil.example?@$IP"', 'points at evil.example'],
    ['url = "http://$PODNAME/"', 'points at details-1'],
    ['url = "http://details.prod.svc.cluster.local/"', 'points at details.prod.svc.cluster.local'],
    ['url = "http://$NODENAME:10250/metrics"', 'points at node-1'],
    ['url = "http://2130706433:9529/"', 'points at 127.0.0.1'],
    ['url = "http://0x7f.1:9529/"', 'points at 127.0.0.1'],
    ['url = "http://0177.0.0.1:9529/"', 'points at 127.0.0.1'],
    ['url = "http://[::1]:9529/"', 'points at [::1]'],
    ['url = "http://[::ffff:10.1.2.3]/"', 'points at [::ffff:a01:203]'],
    ['url = "http://[fe80::1%25eth0]/"', 'is not an address'],
    ['url = "gopher://$IP/"', 'is not an address'],
    ['url = "http://$IP/"\n[inputs.prom.http_headers]\nX = "a\\r\\nHost: b"', 'has a line break in it'],
    ['url = "/etc/shadow"', 'is a file of the agent'],
    ['url = "file:///etc/shadow"', 'is a file of the agent'],
    ['url = "http://$IP/"\nuds_path = "/run/docker.sock"', 'names a file of the agent'],
    ['url = "http://$IP/"\nproxy_url = "http://$IP:3128"', 'names a proxy, which annotations may not'],
    ['url = "http://$IP/"\nca_certs = ["/etc/shadow"]', 'names a file of the agent'],
    ['url = "http://$IP/"\nbearer_token_file = "/var/run/secrets/x"', 'names a file of the agent'],
    ['url = "http://$IP/"\n[inputs.prom.auth]\ntoken_file = "/var/run/secrets/x"', 'auth.token_file'],
    ['url = "http://$IP/"\n[inputs.prom.auth]\nusername = "u"\npassword_file = "/x"', 'auth.password_file'],
    ['url = "http://$IP/"\nmetric_name_filter = ["a("]', 'is not a regular expression'],
    ['url = "http://$IP/"\ninterval = "soon"', 'is not a duration'],
    ['source = "x"', 'is missing'],
    ['url = http://x', 'datakit/prom.instances'],
  ])('that says %j is refused, with the reason', (text, reason) => {
    const { targets, explanation } = annotated(`[[inputs.prom]]\n${text}`);
    expect(targets).toEqual([]);
    expect(explanation.faults.join('\n')).toContain(reason);
    expect(explanation.faults.join('\n')).toContain('prod/details-1');
    expect(explanation.skipped).toBe('what its annotations say cannot be followed');
  });

  test('sees nothing of the environment, and secrets from no file', () => {
    const toml =
      '[[inputs.prom]]\nurl = "http://$IP/"\ntags = { a = "${HOME}" }\n[inputs.prom.auth]\ntoken = "file:/etc/x"';
    expect(annotated(toml).targets[0]?.config).toMatchObject({
      tags: { a: '${HOME}' },
      auth: { token: 'file:/etc/x' },
    });
  });

  test('with empty paths, as DataKit writes them, is followed', () => {
    const toml = '[[inputs.prom]]\nurl = "http://$IP/"\nuds_path = ""\ntls_open = false\ntls_ca = ""\ncert = ""';
    expect(annotated(toml).explanation).toMatchObject({ targets: [expect.anything()], faults: [] });
  });

  test('is scraped no more often than every 5 s, and every 30 s where it says nothing or 0', () => {
    const every = (text: string) => annotated(`[[inputs.prom]]\nurl = "http://$IP/"\n${text}`);
    expect(every('interval = "1s"').targets[0]?.config.interval).toBe(5_000);
    expect(every('interval = "1s"').explanation.warnings[0]).toContain('is scraped every 5s');
    expect(every('interval = "0s"').targets[0]?.config.interval).toBe(30_000);
    expect(every('').targets[0]?.config.interval).toBe(30_000);
  });

  test('may write its own address as it likes', () => {
    const toml = '[[inputs.prom]]\nurls = ["http://10.1.2.3./a", "http://167838211/b", "http://u:p@$IP/c"]';
    expect(annotated(toml).targets.map(({ url }) => url)).toEqual([
      'http://10.1.2.3./a',
      'http://167838211/b',
      'http://u:p@10.1.2.3/c',
    ]);
    const six = annotated('[[inputs.prom]]\nurl = "http://[FD00:0:0::1]/"', { ips: ['10.1.2.3', 'fd00::1'] });
    expect(six.targets).toHaveLength(1);
  });

  test('of a pod of the host network may point at the node, whose address is its own', () => {
    const part = { ips: ['192.168.0.7'], hostNetwork: true as const };
    expect(annotated('[[inputs.prom]]\nurl = "http://$IP:9100/"', part).targets).toHaveLength(1);
  });

  test('cannot ask for more memory than others have', () => {
    const { targets } = annotated('[[inputs.prom]]\nurl = "http://$IP/"\nbody_size_limit = "100GiB"');
    expect(targets[0]?.config.body_size_limit).toBeLessThanOrEqual(64 * 1024 ** 2);
    const less = annotated('[[inputs.prom]]\nurl = "http://$IP/"\nbody_size_limit = "1MiB"');
    expect(less.targets[0]?.config.body_size_limit).toBe(1024 ** 2);
  });

  test('has ten targets at most', () => {
    const urls = Array.from({ length: 12 }, (_, i) => `"http://$IP:${i + 1}/"`).join(', ');
    const { targets, explanation } = annotated(`[[inputs.prom]]\nurls = [${urls}]`);
    expect(targets).toHaveLength(10);
    expect(explanation.faults).toHaveLength(2);
  });

  test('with unknown keys is followed, and they are named with what was meant', () => {
    const { targets, explanation } = annotated('[[inputs.prom]]\nurl = "http://$IP/"\nintervall = "10s"');
    expect(targets).toHaveLength(1);
    expect(explanation.warnings).toEqual([
      'prod/details-1:3: datakit/prom.instances: inputs.prom[0].intervall: unknown key; did you mean "interval"?',
    ]);
  });

  test('tells what its filters leave out', () => {
    const { explanation } = annotated('[[inputs.prom]]\nurl = "http://$IP/"\nmetric_types = ["counter", "gauge"]');
    expect(explanation.targets[0]?.leftOut).toEqual([
      'no histograms, so no latencies: metric_types of datakit/prom.instances has counter, gauge only',
    ]);
  });
});

describe('rules', () => {
  test('that name the same page scrape it once, and the stronger counts', () => {
    const annotations = {
      'datakit/prom.instances': '[[inputs.prom]]\nurl = "http://$IP:15020/stats/prometheus"\nsource = "datakit"',
      'meshbridge.io/prom.instances':
        '[[inputs.prom]]\nurl = "http://$IP:15020/stats/prometheus"\nsource = "ours"\n[[inputs.prom]]\nurl = "http://$IP:1/"',
      'prometheus.io/scrape': 'true',
      'prometheus.io/port': '15020',
      'prometheus.io/path': '/stats/prometheus',
    };
    const { targets } = plan({ annotations, containers: proxied });
    expect(targets.map(({ pod, config }) => [pod?.rule, config.source])).toEqual([
      ['meshbridge.io/prom.instances', 'ours'],
      ['meshbridge.io/prom.instances', 'prod/details-1'],
    ]);
    const { 'meshbridge.io/prom.instances': _, ...rest } = annotations;
    expect(found({ annotations: rest, containers: proxied })).toEqual([
      'datakit/prom.instances http://10.1.2.3:15020/stats/prometheus',
    ]);
    const { 'datakit/prom.instances': __, ...last } = rest;
    expect(found({ annotations: last, containers: proxied })).toEqual([
      'prometheus.io/scrape http://10.1.2.3:15020/stats/prometheus',
    ]);
  });

  test('of prometheus.io take port, path and scheme, and have defaults', () => {
    const io = (annotations: Record<string, string>, part: Partial<Pod> = {}) =>
      found({
        annotations: Object.fromEntries(
          Object.entries(annotations).map(([key, value]) => [`prometheus.io/${key}`, value]),
        ),
        ...part,
      });
    expect(io({ scrape: 'true', port: '8080', path: 'm?x=1', scheme: 'https' })).toEqual([
      'prometheus.io/scrape https://10.1.2.3:8080/m?x=1',
    ]);
    expect(io({ scrape: 'true' })).toEqual(['prometheus.io/scrape http://10.1.2.3:9080/metrics']);
    expect(io({ scrape: 'true', port: '1', path: '//evil.example/x' })).toEqual([
      'prometheus.io/scrape http://10.1.2.3:1//evil.example/x',
    ]);
    expect(io({ scrape: 'false', port: '8080' })).toEqual([]);
    expect(io({ port: '8080' })).toEqual([]);
    expect(io({ scrape: 'true', port: '80', path: '/' }, { ips: ['fd00::1'] })).toEqual([
      'prometheus.io/scrape http://[fd00::1]/',
    ]);
  });

  test('of prometheus.io that cannot be followed say why', () => {
    const why = (annotations: Record<string, string>, containers = [main('a'), main('b')]) =>
      plan({ annotations: { 'prometheus.io/scrape': 'true', ...annotations }, containers }).explanation.faults[0];
    expect(why({})).toContain('prometheus.io/port is missing');
    expect(why({ 'prometheus.io/port': '80a' })).toContain('"80a" is no port');
    expect(why({ 'prometheus.io/port': '1@evil.example' })).toContain('is no port');
    expect(why({ 'prometheus.io/port': '80', 'prometheus.io/scheme': 'file' })).toContain('"file" is neither');
  });

  test("of prometheus.io take DataKit's measurement and tags", () => {
    const { config } =
      plan({
        annotations: {
          'prometheus.io/scrape': 'true',
          'prometheus.io/port': '1',
          'prometheus.io/param_measurement': 'm',
          'prometheus.io/param_tags': 'a=b, c=d,=e,f',
        },
      }).targets[0] ?? {};
    expect(config).toMatchObject({ measurement_name: 'm', tags: { a: 'b', c: 'd' }, keep_exist_metric_name: true });
  });

  test('of prometheus.istio.io/scrape-targets count where no proxy merges those pages already', () => {
    const annotations = { 'prometheus.istio.io/scrape-targets': '8080:/metrics, 9090:/stats,7070' };
    expect(found({ annotations })).toEqual([
      'prometheus.istio.io/scrape-targets http://10.1.2.3:8080/metrics',
      'prometheus.istio.io/scrape-targets http://10.1.2.3:9090/stats',
      'prometheus.istio.io/scrape-targets http://10.1.2.3:7070/metrics',
    ]);
    expect(found({ annotations, containers: proxied })).toEqual(['istio http://10.1.2.3:15020/stats/prometheus']);
    const bad = plan({ annotations: { 'prometheus.istio.io/scrape-targets': 'http://x' } });
    expect(bad.explanation.faults[0]).toContain('is not a list of port:path');
  });

  test.each([
    ['a sidecar', { containers: proxied }, 'http://10.1.2.3:15020/stats/prometheus'],
    [
      'a sidecar that starts as an init container',
      { containers: [main('app'), { name: 'istio-proxy', kind: 'sidecar' as const, ports: [] }] },
      'http://10.1.2.3:15020/stats/prometheus',
    ],
    [
      'a gateway',
      { labels: { istio: 'ingressgateway' }, containers: [main('istio-proxy', 8080)] },
      'http://10.1.2.3:15020/stats/prometheus',
    ],
    [
      'a waypoint',
      { labels: { 'gateway.networking.k8s.io/gateway-name': 'w' }, containers: [main('istio-proxy')] },
      'http://10.1.2.3:15020/stats/prometheus',
    ],
    ['ztunnel', { labels: { app: 'ztunnel' }, containers: [main('istio-proxy')] }, 'http://10.1.2.3:15020/metrics'],
    ['istiod', { labels: { app: 'istiod' }, containers: [main('discovery', 15_010)] }, 'http://10.1.2.3:15014/metrics'],
  ])('of Istio find %s without annotations, and not where that is off', (_, part, url) => {
    expect(found(part)).toEqual([`istio ${url}`]);
    expect(found(part, { istio: 'off' })).toEqual([]);
    expect(plan(part).targets[0]?.config).toMatchObject({ measurement_name: 'istio_prom', honor_labels: true });
  });

  test('of Istio leave alone what was opted out', () => {
    const optedOut = { containers: proxied, annotations: { 'prometheus.io/scrape': 'false' } };
    expect(plan(optedOut).explanation).toMatchObject({ faults: [], skipped: 'its prometheus.io/scrape is "false"' });
  });

  test('of a table that names istiod come first: each istiod at its own address, with the settings of the table', () => {
    const url = 'http://istiod.istio-system.svc.cluster.local:15014/metrics';
    const config = promConfig.parse({ url, source: 'prom-istiod', interval: '10s', tags: { app_id: 'istiod' } });
    const service: PodService = {
      key: 'a table',
      url,
      config,
      isBehind: (one) => one.namespace === 'istio-system' && isIstiod(one),
      portOf: () => 15_014,
      by: 'node',
    };
    const services = [service];
    const pod = {
      namespace: 'istio-system',
      labels: { app: 'istiod' },
      containers: [main('discovery')],
      annotations: { 'prometheus.io/scrape': 'true', 'prometheus.io/port': '15014' },
    };
    const { targets, explanation } = plan(pod, { services });
    expect(targets).toHaveLength(1);
    expect(targets[0]).toMatchObject({
      url: 'http://10.1.2.3:15014/metrics',
      config: { source: 'prom-istiod', interval: 10_000, tags: { app_id: 'istiod' }, honor_labels: true },
    });
    expect(explanation.targets[0]).toMatchObject({ rule: '[[inputs.prom]]', written: url });
    expect(found({ ...pod, namespace: 'other' }, { services })).toEqual([
      'prometheus.io/scrape http://10.1.2.3:15014/metrics',
    ]);
    expect(found({ ...pod, labels: {}, annotations: {} }, { services })).toEqual([]);
    const second = { ...service, key: 'another', config: promConfig.parse({ url, metric_types: ['gauge'] }) };
    expect(plan(pod, { services: [service, second] }).targets).toHaveLength(2);
    const elected = plan(pod, { services: [{ ...service, by: 'holder' }] });
    expect(elected.targets).toEqual([]);
    expect([...elected.elsewhere]).toEqual(['u-1 http: 15014 /metrics of a table']);
    expect(elected.explanation.skipped).toBe(
      `the agent that holds the lease scrapes it, as [[inputs.prom]] has ${url}`,
    );
  });

  test('of a Service with TLS are asked for the certificate of the Service', () => {
    const url = 'https://metrics.prod.svc/metrics';
    const config = promConfig.parse({ url });
    const service: PodService = { key: 'a table', url, config, isBehind: () => true, portOf: () => 8443, by: 'node' };
    const [target] = plan({}, { services: [service] }).targets;
    expect(target).toMatchObject({ url: 'https://10.1.2.3:8443/metrics', config: { server_name: 'metrics.prod.svc' } });
    const own = { ...service, config: promConfig.parse({ url, server_name: 'own' }) };
    expect(plan({}, { services: [own] }).targets[0]?.config.server_name).toBe('own');
  });

  test('of prometheus.io keep the measurement of Istio for the page that injection made them name', () => {
    const annotations = { 'prometheus.io/scrape': 'true', 'prometheus.io/port': '15020' };
    const measurement = (part: Partial<Pod>) => plan(part).targets[0]?.config.measurement_name;
    expect(measurement({ annotations, containers: proxied })).toBe('istio_prom');
    expect(measurement({ annotations })).toBe('');
    expect(
      measurement({ annotations: { ...annotations, 'prometheus.io/param_measurement': 'm' }, containers: proxied }),
    ).toBe('m');
  });

  test('of the configuration stand behind prom.instances and before all else, and what they refuse is said', () => {
    const url = 'http://10.1.2.3:15020/stats/prometheus';
    const rule = 'a table';
    const config = promConfig.parse({ url, source: 'its own' });
    const rules: PodPlanOptions['rules'] = [
      () => ({ pages: [], refused: { code: 'value', keyPath: 'a.port', message: 'is none' } }),
      ({ labels }) => ({ pages: labels['app'] === 'web' ? [{ url, rule, config }] : [] }),
    ];
    const part = { containers: proxied, labels: { app: 'web' } };
    expect(found(part, { rules })).toEqual([`a table ${url}`]);
    expect(plan(part, { rules }).explanation.faults).toEqual(['a.port: is none']);
    expect(found({ ...part, labels: {} }, { rules })).toEqual([`istio ${url}`]);
    const annotations = { 'datakit/prom.instances': `[[inputs.prom]]\nurl = "${url}"` };
    expect(found({ ...part, annotations }, { rules })).toEqual([`datakit/prom.instances ${url}`]);
  });

  test('of Istio take an init container that ended for no proxy', () => {
    expect(found({ containers: [main('app'), { name: 'istio-proxy', kind: 'init', ports: [] }] })).toEqual([]);
  });
});

describe('a pod', () => {
  test.each([
    [{ phase: 'Pending' }, 'it is not running but Pending'],
    [{ phase: 'Succeeded' }, 'it is not running but Succeeded'],
    [{ ips: [] }, 'it has no address yet'],
    [{ deleting: true }, 'it is being deleted'],
    [{ containers: [main('a')] }, 'it has none of the annotations'],
  ])('%j is not scraped, and says why', (part, reason) => {
    const { targets, explanation } = plan({ containers: proxied, ...part });
    expect(targets).toEqual([]);
    expect(explanation.skipped).toContain(reason);
  });

  test.each([
    [15_020, proxied, 'istio-proxy'],
    [15_090, proxied, 'istio-proxy'],
    [9080, proxied, 'details'],
    [1234, proxied, 'details'],
    [1234, [main('a', 1), main('b', 2)], undefined],
    [2, [main('a', 1), main('b', 2)], 'b'],
  ])('of which port %d is asked names the container %#', (port, containers, container) => {
    const { targets } = annotated(`[[inputs.prom]]\nurl = "http://$IP:${port}/m"`, { containers });
    const labels = Object.fromEntries(targets[0]?.pod?.labels ?? []);
    expect(labels['container']).toBe(container);
    expect(targets[0]?.pod?.origin.container).toBe(container);
  });

  test('gives its labels and its origin to every target, by either name', () => {
    const labels = { 'app.kubernetes.io/name': 'details', 'app.kubernetes.io/version': 'v2' };
    const { pod } = plan({ labels, containers: proxied, workload: 'details-v2' }).targets[0] ?? {};
    expect(pod?.labels).toEqual([
      ['namespace', 'prod'],
      ['pod', 'details-1'],
      ['container', 'istio-proxy'],
      ['node', 'node-1'],
      ['app', 'details'],
      ['version', 'v2'],
    ]);
    expect(pod?.origin).toEqual({
      namespace: 'prod',
      pod: 'details-1',
      podUid: 'u-1',
      node: 'node-1',
      container: 'istio-proxy',
      app: 'details',
      version: 'v2',
      workload: 'details-v2',
    });
  });
});
