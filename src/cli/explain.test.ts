import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { refusedUrl } from '../../test/fakes/far-side.ts';
import { explainManifestPod } from '../bridge/rehearsal/explain.ts';
import { inputs } from '../inputs/index.ts';
import { outputs } from '../outputs/index.ts';
import { explain } from './explain.ts';

const walkthrough = join(process.env['MESHBRIDGE_SHARED'] ?? '../shared', 'walkthrough');

interface Said {
  readonly code: number;
  readonly lines: readonly string[];
}

async function explained(options: Partial<Parameters<typeof explain>[0]>, cwd = '.'): Promise<Said> {
  const lines: string[] = [];
  const terminal = { out: (text: string) => lines.push(...text.split('\n')), err: () => undefined };
  const where = { inCluster: false, readableDir: () => false };
  const context = { cwd, terminal, definitions: { inputs, outputs }, where, explainPod: explainManifestPod };
  const code = await explain({ to: 'http://127.0.0.1:9529', json: false, ...options }, context);
  return { code, lines };
}

const ofWalkthrough = async (name: string): Promise<Said> => {
  const file = join(walkthrough, name);
  const said = await explained({ file });
  return { ...said, lines: said.lines.map((line) => line.replaceAll(file, name)) };
};

async function manifest(text: string): Promise<Said> {
  const dir = await mkdtemp(join(tmpdir(), 'explain-'));
  try {
    await writeFile(join(dir, 'm.yaml'), text);
    return await explained({ file: 'm.yaml' }, dir);
  } finally {
    await rm(dir, { recursive: true });
  }
}

const legend =
  'The cluster fills in $IP (the address of the pod), $NAMESPACE and $PODNAME (its name), and $NODENAME (its node).';

describe('the files that users have', () => {
  test('Bookinfo: six targets, and the fault at line 405', async () => {
    const { code, lines } = await ofWalkthrough('bookinfo.yaml');
    const workload = (name: string, line: number, source: string) => {
      const [app, version] = name.split('-');
      return [
        `Deployment prod/${name} (line ${line})`,
        '  http://$IP:15020/stats/prometheus',
        `    by datakit/prom.instances, every 10s, source minik8s-istio-${source}, measurement istio_prom`,
        `    labels namespace=prod pod=$PODNAME container=${app} node=$NODENAME app=${app} version=${version} pod_name=$PODNAME`,
      ];
    };
    expect(lines).toEqual([
      ...workload('details-v1', 24, 'details'),
      ...workload('ratings-v1', 95, 'ratings'),
      ...workload('reviews-v1', 166, 'review1'),
      ...workload('reviews-v2', 224, 'review2'),
      ...workload('reviews-v3', 282, 'review3'),
      ...workload('productpage-v1', 366, 'product'),
      legend,
      'fault    bookinfo.yaml:405: "image:" is written twice on this line; write image: product-page:v1',
      '6 targets, 1 fault',
    ]);
    expect(code).toBe(78);
  });

  test('the annotation alone: its target, and that its types leave out the latencies', async () => {
    expect(await ofWalkthrough('prom-instances.annotation.snippet.yaml')).toEqual({
      code: 0,
      lines: [
        'annotations (line 2)',
        '  http://$IP:15020/stats/prometheus',
        '    by datakit/prom.instances, every 10s, source minik8s-istio-product, measurement istio_prom',
        '    labels namespace=$NAMESPACE pod=$PODNAME node=$NODENAME pod_name=$PODNAME',
        '    no histograms, so no latencies: metric_types of datakit/prom.instances has counter, gauge only',
        legend,
        '1 target, 0 faults',
      ],
    });
  });

  test("DataKit's ConfigMap: istiod, as it is configured", async () => {
    expect(await ofWalkthrough('datakit-conf.configmap.yaml')).toEqual({
      code: 0,
      lines: [
        'configuration inputs.prom[0]',
        '  http://istiod.istio-system.svc.cluster.local:15014/metrics',
        '    by [[inputs.prom]], every 10s, source prom-istiod, measurement istio_prom',
        '    labels app_id=istiod',
        '1 target, 0 faults',
      ],
    });
  });

  test.each([
    ['daemonset-mounts.snippet.yaml', 'daemonset-mounts.snippet.yaml:5: "template" lacks its colon; write template:'],
    [
      'bookinfo-gateway.yaml',
      'bookinfo-gateway.yaml:1: Gateway bookinfo-gateway: apiVersion is missing; write apiVersion: networking.istio.io/v1',
    ],
  ])('%s: no target, and its fault', async (name, fault) => {
    const { code, lines } = await ofWalkthrough(name);
    expect(lines.filter((line) => line.startsWith('fault'))).toContain(`fault    ${fault}`);
    expect(lines.at(-1)).toMatch(/^0 targets, \d faults?$/);
    expect(code).toBe(78);
  });

  test.each([
    'customer-request-count.yaml',
    'destination-rule-all.yaml',
    'virtual-service-all-v1.yaml',
    'virtual-service-ratings-test-abort.yaml',
    'virtual-service-ratings-test-delay.yaml',
    'virtual-service-reviews-50-v3.yaml',
    'virtual-service-reviews-test-v2.yaml',
    'virtual-service-reviews-v3.yaml',
  ])('%s: nothing to scrape, and no fault', async (name) => {
    expect(await ofWalkthrough(name)).toEqual({ code: 0, lines: ['0 targets, 0 faults'] });
  });

  test("Istio's old Prometheus configuration is named as what it is", async () => {
    const { code, lines } = await ofWalkthrough('prometheus.configmap.yaml');
    expect(lines.filter((line) => line.startsWith('warning'))).toEqual([
      expect.stringContaining('this is a Prometheus configuration, which this version does not read'),
    ]);
    expect(code).toBe(0);
  });
});

describe('a manifest', () => {
  test('with settings of logs: what follows for each container, and faults with their lines', async () => {
    const { code, lines } = await manifest(`apiVersion: v1
kind: Pod
metadata:
  name: web
  namespace: prod
  annotations:
    datakit/logs: |
      [
        {"multiline": ["java"], "tags": {"team": "a"},
         "sourse": "x"}
      ]
    datakit/gone.logs: '[{"disable": true}]'
spec:
  containers:
    - name: app
      image: shop/app:1
    - name: noisy
      image: shop/noisy:1
      env:
        - name: DATAKIT_LOGS_CONFIG
          value: '[{"disable": true, "multiline_match": 1}]'
`);
    expect(lines).toEqual([
      'Pod prod/web (line 1)',
      expect.stringContaining('  not collected: '),
      '  logs of app: by datakit/logs, source app',
      '    tags team=a image=shop/app:1',
      '    stack traces of java are one record',
      '  logs of noisy: not collected: DATAKIT_LOGS_CONFIG disables it',
      'warning  m.yaml:10: annotation datakit/logs: [0].sourse: unknown key; did you mean "source"?',
      'warning  m.yaml:12: annotation datakit/gone.logs: the pod has no container gone',
      'fault    m.yaml:21: environment DATAKIT_LOGS_CONFIG: [0].multiline_match: must be text in quotes, and is a number; write multiline_match = "1"',
      '0 targets, 1 fault',
    ]);
    expect(code).toBe(78);
  });

  test('with an annotation that cannot be followed names the line in the manifest', async () => {
    const { code, lines } = await manifest(`apiVersion: v1
kind: Pod
metadata:
  name: web
  annotations:
    datakit/prom.instances: |
      [[inputs.prom]]
        url = "http://10.0.0.9:80/metrics"
spec:
  containers:
  - name: web
`);
    expect(lines).toEqual([
      'Pod web (line 1)',
      '  not collected: what its annotations say cannot be followed',
      'fault    m.yaml:8: annotation datakit/prom.instances: inputs.prom[0].url: points at 10.0.0.9, which is not an address of this pod; write $IP as its host',
      '0 targets, 1 fault',
    ]);
    expect(code).toBe(78);
  });

  test('may hold pods in jobs and lists; native sidecars, prometheus.io and pods with nothing are explained', async () => {
    const { lines } = await manifest(`apiVersion: v1
kind: List
items:
- apiVersion: batch/v1
  kind: CronJob
  metadata: { name: tidy, namespace: prod }
  spec:
    jobTemplate:
      spec:
        template:
          metadata:
            annotations: { prometheus.io/scrape: "true", prometheus.io/port: 8080 }
          spec:
            containers: [{ name: tidy }]
- apiVersion: apps/v1
  kind: StatefulSet
  metadata: { name: db }
  spec:
    template:
      spec:
        containers: [{ name: db }]
        initContainers: [{ name: istio-proxy, restartPolicy: Always }]
- apiVersion: v1
  kind: Pod
  metadata: { name: bare }
`);
    expect(lines.filter((line) => !line.startsWith('    '))).toEqual([
      'CronJob prod/tidy (line 4)',
      '  http://$IP:8080/metrics',
      'StatefulSet db (line 15)',
      '  http://$IP:15020/stats/prometheus',
      'Pod bare (line 23)',
      expect.stringMatching(/^ {2}not collected: it has none of the annotations .* and nothing of Istio runs in it$/),
      legend,
      '2 targets, 0 faults',
    ]);
  });

  test('is told as JSON too', async () => {
    const { code, lines } = await explained({ file: join(walkthrough, 'bookinfo.yaml'), json: true });
    const answer = JSON.parse(lines.join('\n'));
    expect(answer).toMatchObject({ targets: 6, faults: [expect.stringContaining(':405: ')] });
    expect(answer.pods[0]).toMatchObject({ title: 'Deployment prod/details-v1', line: 24 });
    expect(answer.pods[0].targets[0]).toMatchObject({ rule: 'datakit/prom.instances', intervalMs: 10_000 });
    expect(code).toBe(78);
  });

  test('that is not there is said to be missing', async () => {
    await expect(explained({ file: 'none.yaml' })).rejects.toMatchObject({ code: 'BRIDGE_CONFIG' });
  });
});

/** A daemon that answers with this status. */
async function withDaemon(status: object, run: (url: string) => Promise<void>): Promise<void> {
  const server = createServer((_, response) => response.end(JSON.stringify(status)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await run(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

describe('a running daemon', () => {
  const target = (url: string) => ({ url, rule: 'istio', source: 's', intervalMs: 15_000, labels: {}, leftOut: [] });
  const pods = [
    { namespace: 'prod', pod: 'a', targets: [target('http://10.0.0.1/')], faults: [], warnings: [] },
    { namespace: 'prod', pod: 'b', targets: [target('http://10.0.0.2/')], faults: ['x: y'], warnings: [] },
    { namespace: 'dev', pod: 'a', targets: [], faults: [], warnings: [], skipped: 'it is being deleted' },
  ];
  const targets = [
    { url: 'http://10.0.0.1/', state: 'up', samples: 7, bytes: 70, durationMs: 1.4 },
    {
      url: 'http://10.0.0.2/',
      state: 'down',
      error: 'HTTP 403',
      hint: 'look',
      leftOut: ['2 families by metric_types'],
    },
  ];
  const status = (watch: object) => ({ inputs: [{ id: 'kubernetes', detail: { watch, targets, pods } }] });

  test('is asked for all pods, and how their last scrapes went', () =>
    withDaemon(status({ error: 'ECONNREFUSED' }), async (to) => {
      const { code, lines } = await explained({ to });
      expect(lines).toEqual([
        'pod prod/a',
        '  http://10.0.0.1/',
        '    by istio, every 15s, source s',
        '    up: 7 samples, 70 bytes, in 1 ms',
        'pod prod/b',
        '  http://10.0.0.2/',
        '    by istio, every 15s, source s',
        '    2 families by metric_types',
        '    down: HTTP 403; look',
        'pod dev/a',
        '  not collected: it is being deleted',
        'warning  the pods are as last seen: ECONNREFUSED',
        'fault    x: y',
        '2 targets, 1 fault',
      ]);
      expect(code).toBe(0);
    }));

  test('says who scrapes the pages of its configuration, and which rights it lacks', () => {
    const configured = [
      {
        url: 'http://istiod.mesh.svc/',
        said: 'scraped once, by this agent',
        targets: ['http://10.0.0.1/', 'http://10.0.0.9/'],
      },
      {
        url: 'http://x.mesh.svc/',
        said: 'scraped once, by another agent (b)',
        targets: [],
        error: 'HTTP 403',
        hint: 'grant',
      },
    ];
    const detail = { watch: {}, targets, pods: [], configured, warnings: ['no right to "get" leases'] };
    return withDaemon({ inputs: [{ id: 'kubernetes', detail }] }, async (to) => {
      expect((await explained({ to })).lines).toEqual([
        'configuration http://istiod.mesh.svc/',
        '  scraped once, by this agent',
        '  http://10.0.0.1/',
        '    up: 7 samples, 70 bytes, in 1 ms',
        '  http://10.0.0.9/',
        'configuration http://x.mesh.svc/',
        '  scraped once, by another agent (b)',
        '  HTTP 403; grant',
        'warning  no right to "get" leases',
        '2 targets, 0 faults',
      ]);
      expect(JSON.parse((await explained({ to, json: true })).lines.join('\n'))).toMatchObject({
        targets: 2,
        configured,
      });
    });
  });

  test('is asked for one pod, and one that it does not know is said to be unknown', () =>
    withDaemon(status({}), async (to) => {
      const { lines } = await explained({ to, pod: 'dev/a' });
      expect(lines).toEqual(['pod dev/a', '  not collected: it is being deleted', '0 targets, 0 faults']);
      await expect(explained({ to, pod: 'dev/b' })).rejects.toThrow('knows no pod dev/b');
    }));

  test('that looks for no pods, or does not run, is said to', async () => {
    await withDaemon({ inputs: [] }, (to) => expect(explained({ to })).rejects.toThrow('looks for no pods'));
    await expect(explained({ to: await refusedUrl() })).rejects.toThrow('no daemon answers at');
  });
});
