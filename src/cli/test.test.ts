import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { inTempDir } from '../../test/fakes/temp-dir.ts';
import { Rehearsal } from '../bridge/rehearsal.ts';
import { loadConfig } from '../config/load.ts';
import { inputs } from '../inputs/index.ts';
import { outputs } from '../outputs/index.ts';
import { test as runTests } from './test.ts';

async function run(yaml: string): Promise<{ readonly code: number; readonly lines: readonly string[] }> {
  return inTempDir(async (dir) => {
    await writeFile(join(dir, 'a.yaml'), yaml);
    const lines: string[] = [];
    const code = await runTests(['a.yaml'], {
      cwd: dir,
      terminal: { out: (text) => lines.push(text), err: (text) => lines.push(text) },
      load: (configDir) =>
        loadConfig({
          flags: {},
          env: {},
          cwd: dir,
          configDir,
          definitions: { inputs, outputs },
          where: { inCluster: false, readableDir: () => false },
        }),
      stage: (config, dataDir) => new Rehearsal(config, dataDir),
    });
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
    expect.stringMatching(/^ {8}there is {2}\{"signal":"traces".*"cluster":"c1"/),
    'FAILED  a.yaml: what is no list of spans is refused',
    '        POST /api/v2/spans was answered with 400, not 202',
    '0 passed, 2 failed',
  ]);
});

test('a wrong configuration, and a file that holds no tests, are faults of the configuration', async () => {
  await expect(run('config: "[stoer]"\ntests: [{ name: a }]')).rejects.toMatchObject({ code: 'BRIDGE_CONFIG' });
  await expect(run('testes: []')).rejects.toMatchObject({ code: 'BRIDGE_CONFIG' });
});
