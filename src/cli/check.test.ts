// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the configuration's own references
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { explainManifestPod } from '../bridge/rehearsal/explain.ts';
import { duration, secret } from '../config/fields.ts';
import { defineInput } from '../contract/input.ts';
import { defineOutput } from '../contract/output.ts';
import type { Health } from '../contract/runtime.ts';
import { container } from '../inputs/container/container.ts';
import { kubeconfigAccess } from '../kube/kubeconfig.ts';
import { check } from './check.ts';
import type { CheckOptions } from './command-line.ts';

const never = (): never => {
  throw new Error('not for running');
};
const prom = defineInput({
  type: 'prom',
  summary: 'Scrapes.',
  signals: ['metrics'],
  datakit: true,
  config: z.strictObject({
    url: z.url().describe('Where.'),
    source: z.string().default('prom').describe('Name.'),
    interval: duration('30s').describe('How often.'),
    metric_types: z.array(z.string()).default([]).describe('Which.'),
    measurement_name: z.string().default('').describe('Set.'),
    tags: z.record(z.string(), z.string()).default({}).describe('Tags.'),
  }),
  create: never,
});
const zipkin = defineInput({
  type: 'zipkin',
  summary: 'Takes spans.',
  signals: ['traces'],
  datakit: true,
  config: z.strictObject({
    pathV1: z.string().default('/1').describe('1.'),
    pathV2: z.string().default('/2').describe('2.'),
  }),
  byDefault: () => ({}),
  create: never,
});
/** Answers a check as its configuration says. */
const probe = defineOutput({
  type: 'probe',
  summary: 'Says what it was told to say.',
  signals: ['metrics'],
  config: z.strictObject({
    reason: z.string().default('').describe('Why not.'),
    token: secret().optional().describe('Token.'),
  }),
  create: ({ reason }) => ({
    start: () => (reason === 'throws' ? Promise.reject(new Error('it broke')) : Promise.resolve()),
    write: never,
    check: (): Promise<Health> => {
      if (reason === 'silent') {
        return new Promise(() => {});
      }
      return Promise.resolve(reason === '' ? { ok: true } : { ok: false, reason });
    },
    stop: () => Promise.resolve(),
  }),
});

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'check-'));
});

async function write(name: string, text: string): Promise<void> {
  await mkdir(dirname(join(home, name)), { recursive: true });
  await writeFile(join(home, name), text);
}

async function run(options: Partial<CheckOptions>) {
  const printed: string[] = [];
  const code = await check(
    { strict: false, connect: false, json: false, files: [], ...options },
    {
      env: {},
      cwd: home,
      definitions: { inputs: [prom, zipkin, container], outputs: [probe] },
      where: { inCluster: false, readableDir: () => false },
      version: '1.2.3',
      dataDir: home,
      explainPod: explainManifestPod,
      readKubeconfig: async (path) => void (await kubeconfigAccess(path)),
      terminal: { out: (text) => printed.push(text), err: (text) => printed.push(text) },
    },
  );
  return { code, lines: printed.join('\n').split('\n') };
}

describe('a configuration', () => {
  test('whose kubeconfig cannot be followed is not good, since no daemon starts with it', async () => {
    const path = join(home, 'kubeconfig');
    await write('conf.d/k.conf', `[kubernetes]\nkubeconfig = "${path}"`);
    const missing = await run({ configDir: 'conf.d' });
    expect([missing.code, missing.lines.at(-2)]).toEqual([
      78,
      expect.stringContaining(`fault    kubernetes.kubeconfig: ${path} cannot be read; write the path of a kubeconfig`),
    ]);
    const cluster = 'clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}]';
    const context = 'current-context: a\ncontexts: [{name: a, context: {cluster: c, user: u}}]';
    await write('kubeconfig', `${cluster}\n${context}\nusers: [{name: u, user: {token: x}}]\n`);
    expect((await run({ configDir: 'conf.d' })).code).toBe(0);
  });

  test('that is good is listed, with what would run', async () => {
    await write('conf.d/a.conf', '[[outputs.probe]]');
    await write('conf.d/sub/b.conf', '[[inputs.prom]]\nurl = "http://h/"');
    expect(await run({ configDir: 'conf.d' })).toEqual({
      code: 0,
      lines: [
        'read     conf.d/a.conf',
        'read     conf.d/sub/b.conf',
        'inputs   inputs.prom[0], inputs.zipkin[0] (by default)',
        'outputs  the store, outputs.probe[0]',
        'good',
      ],
    });
  });

  test('with a fault ends with 78 and says how many', async () => {
    await write(
      'conf.d/a.conf',
      '[[inputs.prom]]\nurl = "http://h/"\nurll = "x"\n[[outputs.probe]]\nreasons = "x"\n[store]\nretention = "x"',
    );
    const { code, lines } = await run({ configDir: 'conf.d' });
    expect(code).toBe(78);
    expect(lines.slice(3)).toEqual([
      'warning  conf.d/a.conf:3: inputs.prom[0].urll: unknown key; did you mean "url"?',
      'fault    conf.d/a.conf:5: outputs.probe[0].reasons: unknown key; did you mean "reason"?',
      'fault    conf.d/a.conf:7: store.retention: "x" is not a duration; write a number with a unit, such as "10s", "1m30s" or "7d"',
      'not good: 2 faults, 1 warning',
    ]);
  });

  test('patterns that are none are named with their key', async () => {
    await write(
      'conf.d/a.conf',
      '[[inputs.container]]\nredact = ["secrets", { name = "x", pattern = "a(" }]\nparse = [{ step = "grok", patterns = ["%{NOPE}"] }]',
    );
    const { code, lines } = await run({ configDir: 'conf.d' });
    expect(code).toBe(78);
    expect(lines.slice(-3)).toEqual([
      expect.stringMatching(
        /^fault {4}conf\.d\/a\.conf: inputs\.container\[0\]\.redact\[1\]\.pattern: "a\(" is not a regular expression/,
      ),
      'fault    conf.d/a.conf: inputs.container[0].parse[0].patterns[0]: %{NOPE} at character 1 is not a known pattern',
      'not good: 2 faults, 0 warnings',
    ]);
  });

  test('with warnings only is good, and not with --strict', async () => {
    await write('conf.d/a.conf', '[inputs.cpu]');
    expect((await run({ configDir: 'conf.d' })).code).toBe(0);
    const strict = await run({ configDir: 'conf.d', strict: true });
    expect(strict.code).toBe(78);
    expect(strict.lines.at(-1)).toBe('not good: 1 fault, 0 warnings');
  });

  test('can be told as JSON, without any secret', async () => {
    await write('conf.d/a.conf', '[[outputs.probe]]\ntoken = "hunter2"\n[[inputs.prom]]\nurl = 7');
    const { code, lines } = await run({ configDir: 'conf.d', json: true });
    expect(code).toBe(78);
    expect(lines.join('\n')).not.toContain('hunter2');
    expect(JSON.parse(lines.join('\n'))).toEqual({
      good: false,
      files: ['conf.d/a.conf'],
      faults: [
        {
          code: 'type',
          file: 'conf.d/a.conf',
          line: 4,
          keyPath: 'inputs.prom[0].url',
          message: 'must be text in quotes, and is a number',
          hint: 'write url = "7"',
        },
      ],
      warnings: [],
      components: [{ id: 'inputs.zipkin[0]' }, { id: 'outputs.probe[0]', file: 'conf.d/a.conf' }],
    });
  });

  test('may be a single file, of any name', async () => {
    await write('x.conf', '[[inputs.prom]]\nurl = "http://h/"');
    await write('y.toml', '[log]\nlevel = "loud"');
    await write('conf.d/unread.conf', 'nonsense');
    expect((await run({ files: ['x.conf'] })).code).toBe(0);
    expect((await run({ files: ['x.conf', 'y.toml'] })).lines).toContainEqual(
      expect.stringMatching(/^fault {4}y.toml:2: log.level: "loud"/),
    );
    expect((await run({ files: ['gone.conf'] })).lines).toContain("fault    gone.conf: can't be read: it is not there");
  });

  test('of nothing at all is good', async () => {
    expect((await run({})).lines).toEqual([
      'no file was found: the defaults hold',
      'inputs   inputs.zipkin[0] (by default)',
      'outputs  the store',
      'good',
    ]);
  });
});

test('--connect asks every output', async () => {
  await write(
    'conf.d/a.conf',
    '[[outputs.probe]]\nname = "a"\n[[outputs.probe]]\nname = "b"\nreason = "connection refused"\n[[outputs.probe]]\nname = "c"\nreason = "throws"\n[[outputs.probe]]\nname = "d"\nreason = "silent"\ntimeout = "10ms"',
  );
  const { code, lines } = await run({ configDir: 'conf.d', connect: true });
  expect(code).toBe(78);
  expect(lines.filter((line) => line.startsWith('fault'))).toEqual([
    "fault    conf.d/a.conf: outputs.probe[1]: can't deliver: connection refused",
    "fault    conf.d/a.conf: outputs.probe[2]: can't deliver: it broke",
    "fault    conf.d/a.conf: outputs.probe[3]: can't deliver: it does not answer",
  ]);
});

describe('manifests', () => {
  const walkthrough = resolve(process.env['MESHBRIDGE_SHARED'] ?? '../shared', 'walkthrough');
  const named = (name: string): string => join(walkthrough, name);

  test.each([
    ['bookinfo.yaml', ':405: "image:" is written twice on this line; write image: product-page:v1'],
    [
      'bookinfo-gateway.yaml',
      ':1: Gateway bookinfo-gateway: apiVersion is missing; write apiVersion: networking.istio.io/v1',
    ],
    ['daemonset-mounts.snippet.yaml', ':5: "template" lacks its colon; write template:'],
  ])("what is wrong in a user's %s is named", async (name, fault) => {
    const { code, lines } = await run({ files: [named(name)] });
    expect(code).toBe(78);
    expect(lines).toEqual([
      `read     ${named(name)}`,
      `fault    ${named(name)}${fault}`,
      'not good: 1 fault, 0 warnings',
    ]);
  });

  test.each([
    'datakit-conf.configmap.yaml',
    'customer-request-count.yaml',
    'destination-rule-all.yaml',
    'virtual-service-all-v1.yaml',
    'virtual-service-ratings-test-abort.yaml',
    'virtual-service-ratings-test-delay.yaml',
    'virtual-service-reviews-50-v3.yaml',
    'virtual-service-reviews-test-v2.yaml',
    'virtual-service-reviews-v3.yaml',
  ])("a user's %s is good", async (name) => {
    expect(await run({ files: [named(name)], strict: true })).toEqual({
      code: 0,
      lines: [`read     ${named(name)}`, 'good'],
    });
  });

  test('a Prometheus configuration is recognised', async () => {
    const file = named('prometheus.configmap.yaml');
    expect((await run({ files: [file] })).lines).toContain(
      `warning  ${file}:4: data."prometheus.yml": this is a Prometheus configuration, which this version does not read; write its targets as [[inputs.prom]]`,
    );
    await write('prometheus.yml', 'global: {}\nscrape_configs: []\n');
    expect((await run({ files: ['prometheus.yml'] })).lines).toContainEqual(
      expect.stringContaining('this is a Prometheus configuration'),
    );
  });

  test('faults inside a ConfigMap stand at the lines of the manifest', async () => {
    await write(
      'cm.yaml',
      [
        'apiVersion: v1',
        'kind: ConfigMap',
        'data:',
        '  notes.txt: hello',
        '  a.conf: |',
        '    [[inputs.prom]]',
        '      url = "http://${HOST}/"',
        '      interval = 10s',
        '  b.conf: |-',
        '',
        '    [server]',
        '    listn = "off"',
        '  c.conf: |',
        '    [[outputs.probe]]',
        '    reason = "${WHY}"',
        '    token = "file:/run/secrets/token"',
      ].join('\n'),
    );
    const { code, lines } = await run({ files: ['cm.yaml'] });
    expect(code).toBe(78);
    expect(lines.slice(1)).toEqual([
      'warning  cm.yaml:15: data."c.conf": outputs.probe[0].reason: the environment has no WHY; set it, or write ${WHY:-default}',
      'warning  cm.yaml:16: data."c.conf": outputs.probe[0].token: can\'t read /run/secrets/token: it is not there; write file: and the path of a file with the secret',
      'fault    cm.yaml:8: data."a.conf": the value of "interval" needs quotes; write interval = "10s"',
      'fault    cm.yaml:12: data."b.conf": server.listn: unknown key; did you mean "listen"?',
      'not good: 2 faults, 2 warnings',
    ]);
  });

  test('annotations are checked where they stand, with their own rules', async () => {
    await write(
      'pod.yaml',
      [
        'apiVersion: v1',
        'kind: Pod',
        'metadata:',
        '  annotations:',
        '    datakit/prom.instances: |',
        '      [[inputs.prom]]',
        '        url = "http://$IP:15020/stats"',
        '        source = "${HOME}"',
        '        intervall = "10s"',
        '        interval = "ten"',
        '      [[inputs.zipkin]]',
        '      [server]',
        '---',
        'apiVersion: v1',
        'kind: Pod',
        'metadata:',
        '  annotations:',
        '    meshbridge.io/prom.instances: "[[inputs.prom]"',
      ].join('\n'),
    );
    const { lines } = await run({ files: ['pod.yaml'] });
    const where = 'annotation datakit/prom.instances';
    expect(lines.slice(1)).toEqual([
      `warning  pod.yaml:12: ${where}: server: only [[inputs.prom]] is read from an annotation; remove it`,
      `warning  pod.yaml:8: ${where}: inputs.prom[0].source: annotations see nothing of the environment; write the value itself`,
      `warning  pod.yaml:9: ${where}: inputs.prom[0].intervall: unknown key; did you mean "interval"?`,
      `warning  pod.yaml:11: ${where}: inputs.zipkin[0]: only [[inputs.prom]] is read from an annotation; remove the table`,
      `fault    pod.yaml:10: ${where}: inputs.prom[0].interval: "ten" is not a duration; write a number with a unit, such as "10s", "1m30s" or "7d"`,
      'fault    pod.yaml:18: annotation meshbridge.io/prom.instances: the brackets of this table name do not match; write [[inputs.prom]]',
      'not good: 2 faults, 4 warnings',
    ]);
  });

  test.each([
    ['a tab', 'apiVersion: v1\nkind: Pod\nmetadata:\n\tname: x', ':4: a tab indents this line; use spaces'],
    ['a key twice', 'apiVersion: v1\nkind: Pod\nkind: Pod', ':3: "kind" is written twice in this table; keep one'],
    ['no object', '- a\n- b', ':1: document 1: is not a Kubernetes object'],
    [
      'an item of a list without kind',
      'apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1',
      ':4: document 1: kind is missing; write kind: and what it is, such as ConfigMap',
    ],
    ['an unclosed quote', 'apiVersion: "v1\nkind: Pod', ':2: a quote, bracket or colon is missing here'],
  ])('%s is named with its line', async (_, text, fault) => {
    await write('m.yaml', text);
    expect((await run({ files: ['m.yaml'] })).lines.filter((line) => line.startsWith('fault'))).toEqual([
      `fault    m.yaml${fault}`,
    ]);
  });

  test('a document behind a wrong one is still read', async () => {
    await write('m.yaml', 'a: b: c\n---\nkind: Pod\n---\n# nothing\n');
    expect((await run({ files: ['m.yaml'] })).lines.slice(1, 3)).toEqual([
      'fault    m.yaml:1: two keys stand on one line; put the value in quotes, or the second key on a line of its own',
      'fault    m.yaml:3: Pod: apiVersion is missing; write apiVersion: v1',
    ]);
  });
});
