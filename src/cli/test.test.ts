import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { inTempDir } from '../../test/fakes/temp-dir.ts';
import { Rehearsal, rehearsedConfig } from '../bridge/rehearsal/rehearsal.ts';
import { inputs } from '../inputs/index.ts';
import { outputs } from '../outputs/index.ts';
import { test as runTests } from './test.ts';

interface Ran {
  readonly code: number;
  readonly lines: readonly string[];
}

async function run(
  yaml: string,
  options: { readonly json?: true; readonly beside?: Record<string, string> } = {},
): Promise<Ran> {
  return inTempDir(async (dir) => {
    for (const [name, text] of Object.entries({ 'a.yaml': yaml, ...options.beside })) {
      await writeFile(join(dir, name), text);
    }
    const lines: string[] = [];
    const code = await runTests(
      { files: ['a.yaml'], json: options.json ?? false },
      {
        cwd: dir,
        terminal: { out: (text) => lines.push(text), err: (text) => lines.push(text) },
        load: (config) => rehearsedConfig(config, { flags: {}, env: {}, cwd: dir, definitions: { inputs, outputs } }),
        stage: (config, dataDir) => new Rehearsal(config, dataDir),
      },
    );
    return { code, lines };
  });
}

const good = `config: |
  [global_tags]
    cluster = "c1"
tests:
  - name: spans get the cluster
    post:
      - path: /api/v2/spans
        headers: { content-type: application/json }
        body: '[{"traceId":"000000000000000a","id":"000000000000000b","name":"GET /","localEndpoint":{"serviceName":"reviews"}}]'
    expect:
      - { signal: traces, name: "/^get/", tags: { cluster: c1 } }
    count: 1
  - name: what is no list of spans is refused
    post: [{ path: /api/v2/spans, body: "{", status: 400 }]
    count: 0
`;

test('what is posted comes out of the pipeline as it is expected', async () => {
  expect(await run(good)).toEqual({
    code: 0,
    lines: [
      'ok      a.yaml: spans get the cluster',
      'ok      a.yaml: what is no list of spans is refused',
      '2 passed, 0 failed',
    ],
  });
});

test('what is not as it is expected is shown beside what there is', async () => {
  const { code, lines } = await run(good.replace('cluster: c1', 'cluster: c2').replace('status: 400', 'status: 202'));
  expect(code).toBe(1);
  expect(lines).toEqual([
    'FAILED  a.yaml: spans get the cluster',
    '        nothing is like {"signal":"traces","name":"/^get/","tags":{"cluster":"c2"}}',
    expect.stringMatching(/^ {10}nearest {2}\{"signal":"traces".*"cluster":"c1"/),
    '          tags.cluster is "c1", expected "c2"',
    'FAILED  a.yaml: what is no list of spans is refused',
    '        POST /api/v2/spans was answered with 400, not 202',
    '0 passed, 2 failed',
  ]);
});

test('a wrong configuration, and a file that holds no tests, are faults of the configuration', async () => {
  await expect(run('config: "[stoer]"\ntests: [{ name: a }]')).rejects.toMatchObject({ code: 'BRIDGE_CONFIG' });
  await expect(run('testes: []')).rejects.toMatchObject({ code: 'BRIDGE_CONFIG' });
});

const page = `config: |
  [[inputs.prom]]
    url = "http://reviews:9080/metrics"
    source = "reviews"
    measurement_name = "app"
    metric_name_filter = ["^http_"]
    [inputs.prom.tags]
      team = "shop"
tests:
  - name: the filter lets requests through and nothing of the process
    scrape:
      - text: |
          # TYPE http_requests_total counter
          http_requests_total{code="200"} 7
          # TYPE process_cpu_seconds_total counter
          process_cpu_seconds_total 1
    expect:
      - { signal: metrics, name: http_requests_total, value: 7, measurement: app, labels: { code: "200", team: shop, instance: "reviews:9080" } }
      - { name: up, value: 1 }
    absent:
      - { name: /^process_/ }
`;

test('a page is scraped as the configuration says', async () => {
  expect(await run(page)).toEqual({ code: 0, lines: [expect.stringMatching(/^ok/), '1 passed, 0 failed'] });
  const { lines } = await run(page.replace('["^http_"]', '[]'));
  expect(lines).toContainEqual(expect.stringContaining('1 item like {"name":"/^process_/"}, which should be absent'));
});

/** The lines below the name of the only test. */
async function faultsOf(body: string, config = ''): Promise<readonly string[]> {
  const indented = body.replace(/^/gm, '    ');
  const head = config === '' ? '' : `config: |\n${config.replace(/^/gm, '  ')}\n`;
  const { lines } = await run(`${head}tests:\n  - name: a\n${indented}\n`);
  return lines.slice(1, -1).map((line) => line.trim());
}

describe('a page', () => {
  const urls = '[[inputs.prom]]\n  urls = ["http://a:1/metrics", "http://b:2/metrics"]';

  test('that nobody scrapes, or that one of several scrapes, is named with those that there are', async () => {
    expect(await faultsOf('scrape: [{ text: "a 1" }]')).toEqual(['no [[inputs.prom]] has a page']);
    expect(await faultsOf('scrape: [{ text: "a 1" }]', urls)).toEqual([
      'several pages are scraped, and "url" says which one is meant; there are http://a:1/metrics, http://b:2/metrics',
    ]);
    expect(await faultsOf('scrape: [{ text: "a 1", url: "http://c/" }]', urls)).toEqual([
      'nothing scrapes the page http://c/; there are http://a:1/metrics, http://b:2/metrics',
    ]);
    expect(await faultsOf('scrape: [{ text: "a 1", url: "http://c/", collected: false }]', urls)).toEqual([]);
    expect(await faultsOf('scrape: [{ text: "a 1", url: "http://a:1/metrics", collected: false }]', urls)).toEqual([
      'the page http://a:1/metrics is scraped by inputs.prom[0]',
    ]);
  });

  test('that cannot be read is a difference, and only its report comes out', async () => {
    const one = 'scrape: [{ text: "a{ 1", url: "http://a:1/metrics" }]\nexpect: [{ name: up, value: 0 }]';
    expect(await faultsOf(one, urls)).toEqual([
      expect.stringMatching(/^the page http:\/\/a:1\/metrics can not be read: /),
    ]);
    const many = one.replace('a{ 1', 'a 1\\nb 1\\n');
    expect(await faultsOf(many, `${urls}\n  sample_limit = 1`)).toEqual([expect.stringContaining('sample_limit')]);
  });

  test('of a pod that is not scraped says why, and a fault of an annotation is shown', async () => {
    expect(await faultsOf('scrape: [{ pod: { name: p }, text: "a 1" }]')).toEqual([
      expect.stringMatching(/^nothing is scraped of the pod default\/p: it has none of the annotations/),
    ]);
    const annotated = 'scrape: [{ text: "a 1", pod: { annotations: { datakit/prom.instances: "[[inputs.prom" } } }]';
    expect(await faultsOf(annotated)).toEqual([
      expect.stringContaining('datakit/prom.instances'),
      expect.stringContaining('cannot be followed'),
    ]);
    const off = '[kubernetes]\n  discovery = "off"';
    expect(await faultsOf('scrape: [{ pod: {}, text: "a 1" }]', off)).toEqual([
      'pods are not looked for: [kubernetes] discovery is "off"',
    ]);
  });

  test('of an instance that chooses pods has its settings', async () => {
    const instance = `[[inputs.kubernetesprometheus.instances]]
  role = "pod"
  selector = "app=reviews"
  port = "9080"
  path = "/stats"
  [inputs.kubernetesprometheus.instances.custom]
    measurement = "shop"`;
    const body = `scrape: [{ pod: { labels: { app: reviews } }, text: "orders 3", url: "http://$IP:9080/stats" }]
expect: [{ name: orders, measurement: shop, labels: { app: reviews } }]`;
    expect(await faultsOf(body, instance)).toEqual([]);
  });
});

describe('logs', () => {
  test('come whole and in order, whatever the limit of lines is', async () => {
    const lines = Array.from({ length: 50 }, (_, i) => `line ${i}`).join('\\n');
    const config = '[[inputs.container]]\n  max_lines_per_second = 1\n  over_limit = "pause"';
    expect(await faultsOf(`logs: [{ text: "${lines}" }]\ncount: 50\nexpect: [{ message: line 49 }]`, config)).toEqual(
      [],
    );
  });

  test('that are not read say why, and those that are though they should not be', async () => {
    const excluded = '[[inputs.container]]\n  exclude = ["*/*/istio-proxy"]';
    const body = 'logs: [{ text: a, container: istio-proxy }]';
    expect(await faultsOf(body, excluded)).toEqual([
      'the log of default/pod/istio-proxy is not read: include and exclude leave it out',
    ]);
    expect(await faultsOf(body.replace('a,', 'a, collected: false,'))).toEqual([
      'the log of default/pod/istio-proxy is read',
    ]);
    expect(await faultsOf(body, '[inputs.container]\n  enabled = false')).toEqual([
      'no [[inputs.container]] reads logs: it is switched off',
    ]);
    const disabled = 'logs: [{ text: a, pod: { annotations: { datakit/logs: \'[{"disable": true}]\' } } }]';
    expect(await faultsOf(disabled)).toEqual([expect.stringMatching(/^the log of default\/pod\/main is not read: /)]);
  });

  test('of a pod whose annotation has a fault show it', async () => {
    const body = 'logs: [{ text: a, pod: { annotations: { datakit/logs: "[{" } } }]';
    expect(await faultsOf(body)).toEqual([expect.stringContaining('datakit/logs')]);
  });
});

test('null stands for a key that is not there, and an expression that is none is a fault of the file', async () => {
  const body = 'logs: [{ text: a }]\nexpect: [{ message: a, level: null }]';
  expect(await faultsOf(body)).toEqual([]);
  expect(await faultsOf('logs: [{ text: a }]\nexpect: [{ message: a, stream: null }]')).toContain(
    'stream is "stdout", expected none',
  );
  await expect(faultsOf('expect: [{ message: "/(/" }]')).rejects.toMatchObject({ code: 'BRIDGE_CONFIG' });
});

test('YAML that is none, and aliases that lead nowhere, are faults of the file', async () => {
  await expect(run('tests: [{ name: a }')).rejects.toMatchObject({ code: 'BRIDGE_CONFIG' });
  await expect(run('tests: [*none]')).rejects.toMatchObject({ code: 'BRIDGE_CONFIG' });
});

test('a pod of a manifest is chosen by its workload or name, and one that is not clear is a fault', async () => {
  const pod = (name: string) =>
    `apiVersion: v1\nkind: Pod\nmetadata: { name: ${name}, namespace: prod }\nspec: { containers: [{ name: main }] }\n`;
  const yaml = (written: string) =>
    `tests:\n  - name: a\n    logs: [{ text: a, pod: ${written} }]\n    expect: [{ pod: b, namespace: prod, node: n7 }]\n`;
  const beside = { 'two.yaml': `${pod('a')}---\n${pod('b')}`, 'one.yaml': pod('b'), 'none.yaml': '{}' };
  expect(await run(yaml('{ manifest: two.yaml, name: b, node: n7 }'), { beside })).toMatchObject({ code: 0 });
  expect(await run(yaml('{ manifest: one.yaml, node: n7 }'), { beside })).toMatchObject({ code: 0 });
  await expect(run(yaml('{ manifest: two.yaml }'), { beside })).rejects.toThrow('there are: Pod prod/a, Pod prod/b');
  await expect(run(yaml('{ manifest: none.yaml }'), { beside })).rejects.toThrow('there are no pods');
  await expect(run(yaml('{ manifest: missing.yaml }'), { beside })).rejects.toThrow("missing.yaml can't be read");
  await expect(run(yaml('{ manifest: one.yaml, nmae: b }'), { beside })).rejects.toThrow('Unrecognized key: "nmae"');
});

test('one JSON object holds all that text would show', async () => {
  const { code, lines } = await run(good.replace('cluster: c1 }', 'cluster: c2 }'), { json: true });
  expect([code, lines.length]).toEqual([1, 1]);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    ...{ passed: 1, failed: 1 },
    tests: [
      { ok: false, differences: [{ nearest: { signal: 'traces' }, keys: [{ path: 'tags.cluster' }] }] },
      { ok: true },
    ],
  });
});
