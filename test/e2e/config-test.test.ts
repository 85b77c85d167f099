import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type TempDir, tempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';
import { commandsOfEachTest, program, type Running } from './commands.ts';
import { type Daemon, startDaemon } from './daemon.ts';

let dir: TempDir;
let daemon: Daemon | undefined;
const run = commandsOfEachTest();

beforeEach(async () => {
  dir = await tempDir();
});

afterEach(async () => {
  await daemon?.end();
  daemon = undefined;
  await dir.remove();
});

function meshbridge(args: readonly string[], cwd = dir.path): Running {
  const env = { PATH: process.env['PATH'] ?? '', HOME: dir.path, CLUSTER: 'c7' };
  return run(process.execPath, [program, ...args], { cwd, env });
}

async function write(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(join(dir.path, name, '..'), { recursive: true });
    await writeFile(join(dir.path, name), text);
  }
}

const span = '[{"traceId":"000000000000000a","id":"000000000000000b","name":"GET /"}]';
const good = `config_dir: conf.d
tests:
  - name: spans get the cluster of the environment
    post: [{ path: /api/v2/spans, headers: { content-type: application/json }, body: '${span}' }]
    expect: [{ signal: traces, tags: { cluster: c7 } }]
    count: 1
  - name: a page beside the file
    scrape: [{ file: page.prom }]
    expect: [{ name: requests_total, value: 7, labels: { instance: "reviews:443", team: shop } }]
    absent: [{ name: go_goroutines }]
  - name: what a container writes
    logs: [{ pod: { namespace: prod }, text: "pass password=hunter2" }]
    expect: [{ message: /redacted/, namespace: prod, cluster: c7 }]
    absent: [{ message: /hunter2/ }]
`;
const conf = {
  'tests/conf.d/bridge.conf': `[global_tags]
  cluster = "\${CLUSTER}"
[[inputs.container]]
  redact = ["secrets"]
`,
  'tests/conf.d/prom/prom.conf': `[[inputs.prom]]
  url = "https://reviews/metrics"
  source = "reviews"
  metric_types = ["counter"]
  [inputs.prom.tags]
    team = "shop"
`,
  'tests/page.prom': '# TYPE requests_total counter\nrequests_total 7\n# TYPE go_goroutines gauge\ngo_goroutines 1\n',
};

test('a directory of configuration that does as it is told passes, wherever it is tested from', async () => {
  await write({ ...conf, 'tests/a.yaml': good });
  const ran = meshbridge(['test', 'tests/a.yaml']);
  expect([await ran.ended, ran.out(), ran.err()]).toEqual([
    0,
    [
      'ok      tests/a.yaml: spans get the cluster of the environment',
      'ok      tests/a.yaml: a page beside the file',
      'ok      tests/a.yaml: what a container writes',
      '3 passed, 0 failed\n',
    ].join('\n'),
    '',
  ]);
});

test('what differs is shown and ends with 1, as text and as one JSON object', async () => {
  const wrong = good.replace('cluster: c7 } }]', 'cluster: c8 } }]').replace('value: 7', 'value: 8');
  await write({ ...conf, 'tests/a.yaml': wrong });
  const text = meshbridge(['test', 'a.yaml'], join(dir.path, 'tests'));
  expect([await text.ended, text.out()]).toEqual([
    1,
    expect.stringMatching(/nothing is like .*\n +nearest .*\n +tags\.cluster is "c7", expected "c8"\n/),
  ]);
  expect(text.out()).toMatch(/nearest {2}.*"name":"requests_total".*\n +value is 7, expected 8\n/);
  expect(text.out()).toMatch(/^1 passed, 2 failed$/m);
  const json = meshbridge(['test', '--json', 'tests/a.yaml']);
  expect(await json.ended).toBe(1);
  expect(JSON.parse(json.out())).toMatchObject({
    passed: 1,
    failed: 2,
    tests: [
      {
        name: 'spans get the cluster of the environment',
        file: 'tests/a.yaml',
        ok: false,
        differences: [{ keys: [{ path: 'tags.cluster', expected: 'c8', actual: 'c7' }] }],
      },
      { ok: false, differences: [{ keys: [{ path: 'value', expected: 8, actual: 7 }] }] },
      { name: 'what a container writes', ok: true, differences: [] },
    ],
  });
});

test('a fault of the configuration or of the file ends with 78 and names its line, a missing file of tests with 64', async () => {
  await write({
    'a.yaml': 'tests: [{ name: a }]\nconfig: |\n  [global_tags]\n    a = "b"\n  [stoer]\n    enabled = false\n',
  });
  await write({
    'b.yaml': 'tests: [{ name: a, expct: [] }]\n',
    'c.yaml': 'tests: [{ name: a, recording: none.rec }]\n',
  });
  const [config, key, missing, none, nothing] = [['a.yaml'], ['b.yaml'], ['c.yaml'], ['d.yaml'], []].map((files) =>
    meshbridge(['test', ...files]),
  );
  expect([await config?.ended, config?.err()]).toEqual([78, expect.stringMatching(/a\.yaml:5.*stoer/)]);
  expect([await key?.ended, key?.err()]).toEqual([78, expect.stringMatching(/b\.yaml.*expct/)]);
  expect([await missing?.ended, missing?.err()]).toEqual([
    78,
    expect.stringContaining("c.yaml: none.rec can't be read"),
  ]);
  expect([await none?.ended, none?.err()]).toEqual([78, expect.stringContaining("d.yaml can't be read")]);
  expect([await nothing?.ended, nothing?.err()]).toEqual([64, expect.stringContaining('test wants a file of tests')]);
});

test('modules of an inline configuration stand beside the file of tests', async () => {
  await write({
    'tests/mine.mjs': `export const input = {
  type: 'mine', summary: 'Takes notes.', signals: ['logs'],
  create: (config, runtime) => {
    runtime.routes.add({ method: 'POST', path: '/notes', handle: async ({ body }) => {
      await runtime.emitItems([{ signal: 'logs', message: String(body) + config.mark }]);
      return { status: 204 };
    } });
    return { start: async () => {} };
  },
};
`,
    'tests/a.yaml': `config: |
  [[inputs.module]]
    path = "./mine.mjs"
    [inputs.module.config]
      mark = "!"
tests:
  - name: notes
    post: [{ path: /notes, body: hello, status: 204 }]
    expect: [{ signal: logs, message: hello! }]
`,
  });
  const ran = meshbridge(['test', 'tests/a.yaml']);
  expect([await ran.ended, ran.out() + ran.err()]).toEqual([0, expect.stringContaining('1 passed')]);
});

test('what a tap recorded of a daemon is tested', async () => {
  daemon = await startDaemon({ dir: dir.path });
  const tap = meshbridge(['tap', '--to', daemon.url, '--record', 'flow.rec', '--limit', '1', '--signal', 'traces']);
  await until(() => tap.err().includes('looking at'), { what: 'the tap' });
  const answer = await fetch(`${daemon.url}/api/v2/spans`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: span,
  });
  expect(answer.status).toBe(202);
  expect(await tap.ended).toBe(0);
  await write({
    'a.yaml': `config: |
  [global_tags]
    region = "eu"
tests:
  - name: it goes through
    recording: flow.rec
    expect: [{ signal: traces, traceId: 000000000000000a, tags: { region: eu } }]
    count: 1
`,
  });
  const ran = meshbridge(['test', 'a.yaml']);
  expect([await ran.ended, ran.out() + ran.err()]).toEqual([
    0,
    'ok      a.yaml: it goes through\n1 passed, 0 failed\n',
  ]);
});
