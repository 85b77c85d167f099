import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { inTempDir } from '../../test/fakes/temp-dir.ts';
import { Rehearsal, rehearsedConfig } from '../bridge/rehearsal.ts';
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
