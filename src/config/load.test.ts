// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the configuration's own references

import { mkdir, mkdtemp, readFile, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { defineInput } from '../contract/input.ts';
import { defineOutput } from '../contract/output.ts';
import { dataway } from '../outputs/dataway/dataway.ts';
import { httpFields } from './delivery-fields.ts';
import { duration, secret, url } from './fields.ts';
import { formatFault, type LoadedConfig, type LoadOptions, loadConfig } from './load.ts';

const never = (): never => {
  throw new Error('not for running');
};
const prom = defineInput({
  type: 'prom',
  summary: 'Scrapes.',
  signals: ['metrics'],
  datakit: true,
  config: z.strictObject({
    url: z.string().optional().describe('One address.'),
    source: z.string().default('prom').describe('Name.'),
    interval: duration('30s').describe('How often.'),
    metric_types: z
      .array(z.enum(['counter', 'gauge', 'histogram']))
      .default([])
      .describe('Which.'),
    measurement_name: z.string().default('').describe('Set.'),
    auth: z
      .strictObject({ token: secret().describe('Token.') })
      .optional()
      .describe('Who we are.'),
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
    pathV1: z.string().startsWith('/').default('/api/v1/spans').describe('v1.'),
    pathV2: z.string().startsWith('/').default('/api/v2/spans').describe('v2.'),
    ignore_tags: z.array(z.string()).default([]).describe('Left out.'),
  }),
  byDefault: () => ({}),
  create: never,
});
const container = defineInput({
  type: 'container',
  summary: 'Reads logs.',
  signals: ['logs'],
  config: z.strictObject({
    root: z.string().default('/var/log/pods').describe('Where.'),
    max_open_files: z.int().min(1).max(500).default(50).describe('How many.'),
  }),
  byDefault: (where) => (where.readableDir('/var/log/pods') ? {} : undefined),
  create: never,
});
const file = defineOutput({
  type: 'file',
  summary: 'Writes.',
  signals: ['metrics', 'traces', 'logs', 'rum'],
  config: z.strictObject({ path: z.string().describe('File.') }),
  create: never,
});
const zipkinOut = defineOutput({
  type: 'zipkin',
  summary: 'Sends spans.',
  signals: ['traces'],
  defaults: { batch_items: 500 },
  config: z.strictObject({
    url: url().describe('Where to.'),
    password: secret().optional().describe('Password.'),
    user: z.string().optional().describe('User.'),
    ...httpFields,
  }),
  create: never,
});
const definitions = { inputs: [prom, zipkin, container], outputs: [file, zipkinOut] };

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'config-'));
});

async function write(name: string, text: string): Promise<void> {
  await mkdir(dirname(join(home, name)), { recursive: true });
  await writeFile(join(home, name), text);
}

function load(options: Partial<LoadOptions> = {}): Promise<LoadedConfig> {
  return loadConfig({
    flags: {},
    env: {},
    cwd: home,
    configDir: 'conf.d',
    definitions,
    where: { inCluster: false, readableDir: () => true },
    ...options,
  });
}

async function loadText(text: string, options: Partial<LoadOptions> = {}): Promise<LoadedConfig> {
  await write('conf.d/a.conf', text);
  return load(options);
}

const lines = (faults: LoadedConfig['faults']): string[] => faults.map(formatFault);

describe('one line for each thing that is wrong', () => {
  const cases: readonly (readonly [what: string, toml: string, line: string])[] = [
    ['an unknown key', '[server]\nlistn = "off"', 'conf.d/a.conf:2: server.listn: unknown key; did you mean "listen"?'],
    [
      'a key in the wrong table',
      '[server]\nretention = "1d"',
      'conf.d/a.conf:2: server.retention: unknown key; it belongs under [store]',
    ],
    [
      'a key outside of any table',
      'retention = "1d"',
      'conf.d/a.conf:1: retention: unknown key; write it under [store]',
    ],
    ['an unknown table', '[sever]\nlisten = "off"', 'conf.d/a.conf:1: sever: unknown key; did you mean [server]?'],
    [
      'a duration without unit',
      '[store]\nretention = "7"',
      'conf.d/a.conf:2: store.retention: "7" is not a duration; write a number with a unit, such as "10s", "1m30s" or "7d"',
    ],
    [
      'a duration as a number',
      '[store]\nretention = 7',
      'conf.d/a.conf:2: store.retention: 7 is not a duration; write a number with a unit, such as "10s", "1m30s" or "7d"',
    ],
    [
      'a size',
      '[queue]\nmax_bytes = { logs = "10 apples" }',
      'conf.d/a.conf:2: queue.max_bytes.logs: "10 apples" is not a size; write a number with a unit, such as "512KiB", "10MiB" or "20GB"',
    ],
    [
      'a place to listen',
      '[server]\nzipkin_listen = "9411"',
      'conf.d/a.conf:2: server.zipkin_listen: "9411" is not a place to listen; write "auto", "off", or host:port such as "127.0.0.1:9411"',
    ],
    [
      'a network',
      '[server]\ntrusted = ["10.0.0.0/8", "all"]',
      'conf.d/a.conf:2: server.trusted[1]: "all" is not a network; write one such as "10.0.0.0/8" or "::1/128"',
    ],
    [
      'text for a list',
      '[server]\ntrusted = "10.0.0.0/8"',
      'conf.d/a.conf:2: server.trusted: must be a list in brackets, and is text; write trusted = ["..."]',
    ],
    [
      'a word that is none of the choices',
      '[log]\nlevel = "wran"',
      'conf.d/a.conf:2: log.level: "wran" is not one of "debug", "info", "warn", "error"; did you mean "warn"?',
    ],
    [
      'a number out of bounds',
      '[[inputs.container]]\nmax_open_files = 501',
      'conf.d/a.conf:2: inputs.container[0].max_open_files: 501 is too large; write at most 500',
    ],
    [
      'text for a number',
      '[[inputs.container]]\nmax_open_files = "5"',
      'conf.d/a.conf:2: inputs.container[0].max_open_files: must be a number, and is text; write it without quotes',
    ],
    ['a missing key', '[[outputs.file]]', 'conf.d/a.conf:1: outputs.file[0].path: is missing; write path = "..."'],
    [
      'an address without scheme',
      '[[outputs.zipkin]]\nurl = "zipkin:9411"',
      'conf.d/a.conf:2: outputs.zipkin[0].url: "zipkin:9411" is not an address; write one such as "http://127.0.0.1:9090/path"',
    ],
    [
      'an unknown key of an output',
      '[[outputs.file]]\npath = "x"\nbatchBytes = "1MB"',
      'conf.d/a.conf:3: outputs.file[0].batchBytes: unknown key; did you mean "batch_bytes"?',
    ],
    [
      "a signal that an output can't take",
      '[[outputs.zipkin]]\nurl = "http://h/"\nsignals = ["traces", "logs"]',
      "conf.d/a.conf:3: outputs.zipkin[0].signals: an output of type zipkin can't take logs; it takes traces",
    ],
    [
      'two outputs of one name',
      '[[outputs.file]]\npath = "x"\n[[outputs.file]]\npath = "y"',
      'conf.d/a.conf:3: outputs.file[1].name: another output is called "file" already; give each a name of its own, such as name = "second"',
    ],
    [
      'labels that are no selector',
      '[[outputs.file]]\npath = "x"\nmatch = "{namespace=prod}"',
      'conf.d/a.conf:3: outputs.file[0].match: "{namespace=prod}" is no selector: behind namespace= a text in quotes is wanted, and here is prod}; write such as {namespace="prod"}',
    ],
    [
      'an input that there is not',
      '[[inputs.zipkn]]',
      'conf.d/a.conf:1: inputs.zipkn[0]: there is no such input; did you mean "zipkin"?',
    ],
    [
      'an output that there is not',
      '[[outputs.files]]',
      'conf.d/a.conf:1: outputs.files[0]: there is no such output; did you mean "file"?',
    ],
    [
      'an output that is not built yet',
      '[[outputs.kafka]]',
      'conf.d/a.conf:1: outputs.kafka[0]: this output is not part of this version; there are file and zipkin',
    ],
    [
      'an input that is no table',
      'inputs = 3',
      'conf.d/a.conf:1: inputs: must be a table; write [[inputs.NAME]] on a line of its own',
    ],
    [
      'a variable that is not set',
      '[[outputs.file]]\npath = "${OUT}"',
      'conf.d/a.conf:2: outputs.file[0].path: the environment has no OUT; set it, or write ${OUT:-default}',
    ],
    [
      'a secret file that is not there',
      '[[outputs.zipkin]]\nurl = "http://h/"\npassword = "file:nowhere"',
      "conf.d/a.conf:3: outputs.zipkin[0].password: can't read nowhere: it is not there; write file: and the path of a file with the secret",
    ],
    [
      'a value without quotes',
      '[store]\nretention = 7d',
      'conf.d/a.conf:2: the value of "retention" needs quotes; write retention = "7d"',
    ],
    [
      'a missing closing quote',
      '[[inputs.prom]]\n\n  url = "http://x\n',
      'conf.d/a.conf:3: the text of "url" lacks its closing quote; write url = "..."',
    ],
    [
      'brackets that do not match',
      '[[inputs.prom]\nurl = "x"',
      'conf.d/a.conf:1: the brackets of this table name do not match; write [[inputs.prom]]',
    ],
    [
      'the same key twice',
      '[server]\nlisten = "off"\nlisten = "auto"',
      'conf.d/a.conf:3: "server.listen" is written twice in this file; keep one',
    ],
    [
      'a list without end',
      '[server]\ntrusted = ["10.0.0.0/8"\nallowed_hosts = ["x"]',
      'conf.d/a.conf:2: what "trusted" begins here has no end; close it with ]',
    ],
    [
      'YAML in place of TOML',
      'apiVersion: v1\nkind: ConfigMap\ndata: {}',
      'conf.d/a.conf: this is a Kubernetes manifest (YAML), not TOML; apply it with kubectl, and mount the *.conf entries of its data as files',
    ],
    [
      'a line of YAML',
      '[[inputs.prom]]\nurl: http://x',
      'conf.d/a.conf:2: this line is written as YAML; write url = "..."',
    ],
    [
      'a backslash',
      '[[outputs.file]]\npath = "C:\\dir"',
      `conf.d/a.conf:2: a backslash inside "..." begins an escape; write \\\\ for one backslash, or put the text in single quotes '...'`,
    ],
  ];

  test.each(cases)('%s', async (_, toml, line) => {
    expect(lines((await loadText(toml)).faults)).toEqual([line]);
  });

  test('all faults of all files come at once', async () => {
    await write('conf.d/b.conf', '[store]\nretention = "x"\nmax_bytes = 3\n[[inputs.zipkin]]\npathV1 = 1');
    const { faults } = await loadText('[server]\nlisten = "nowhere"\nlisten2 = 1\n[[outputs.file]]\n[[outputs.files]]');
    expect(faults.map((fault) => `${fault.file}:${fault.line}`)).toEqual([
      'conf.d/a.conf:2',
      'conf.d/a.conf:3',
      'conf.d/a.conf:4',
      'conf.d/a.conf:5',
      'conf.d/b.conf:2',
      'conf.d/b.conf:3',
      'conf.d/b.conf:5',
    ]);
  });

  test('a fault of the flags and of the environment names them', async () => {
    const loaded = await loadText('', { flags: { listen: 'x' }, env: { ENV_LOG_LEVEL: 'loud' } });
    expect(lines(loaded.faults)).toEqual([
      '--listen: "x" is not a place to listen; write "auto", "off", or host:port such as "127.0.0.1:9411"',
      'ENV_LOG_LEVEL: "loud" is not one of "debug", "info", "warn", "error"; write "debug", "info", "warn" or "error"',
    ]);
  });
});

describe('warnings', () => {
  test.each([
    [
      'an unknown key of a table that DataKit has',
      '[[inputs.prom]]\nmetric_type = ["counter"]',
      'conf.d/a.conf:2: inputs.prom[0].metric_type: unknown key; did you mean "metric_types"?',
    ],
    [
      "an input of DataKit's",
      '[inputs.cpu]\npercpu = true',
      "conf.d/a.conf:1: inputs.cpu: this input of DataKit's is not part of meshbridge; the table is left out",
    ],
    [
      'an input that is not built yet',
      '[[inputs.self]]',
      'conf.d/a.conf:1: inputs.self[0]: this input is not part of this version; the table is left out',
    ],
    [
      "a table of DataKit's main file",
      '[http_api]\nlisten = "x"',
      "conf.d/a.conf:1: http_api: belongs to DataKit's main file and is not read here; it can be removed",
    ],
    [
      'headers where no server is',
      '[[outputs.file]]\npath = "x"\nheaders = { a = "b" }',
      'conf.d/a.conf:3: outputs.file[0].headers: has no effect, since this output speaks to no server; remove it',
    ],
    [
      'two ways to log in',
      '[[outputs.zipkin]]\nurl = "http://me:p@h/"\nbearer_token_file = "t"',
      'conf.d/a.conf:2: outputs.zipkin[0].url: is not used to log in: bearer_token_file is; keep one of them',
    ],
    [
      'the same table twice',
      '[[inputs.zipkin]]\n[[inputs.zipkin]]',
      'conf.d/a.conf:2: inputs.zipkin[1]: is the same as in conf.d/a.conf:1, and is read once; remove one',
    ],
    [
      'nobody to take the data',
      '[store]\nenabled = false',
      'the store is off ([store] enabled = false) and there is no output: nothing takes the data; configure an [[outputs.NAME]], or switch the store on',
    ],
  ])('%s', async (_, toml, line) => {
    const { faults, warnings } = await loadText(toml);
    expect(lines(faults)).toEqual([]);
    expect(lines(warnings)).toEqual([line]);
  });

  test('the rest of a table with unknown keys still counts', async () => {
    const { inputs } = await loadText('[[inputs.prom]]\nurl = "http://h"\nnonsense = { a = 1 }\ninterval = "5s"');
    expect(inputs[0]?.config).toMatchObject({ url: 'http://h', interval: 5_000 });
  });
});

describe('which files are read', () => {
  test('*.conf in all directories below, sorted, and nothing else', async () => {
    for (const name of [
      'b.conf',
      'a/z.conf',
      'a/x.conf.sample',
      'a/x.conf.bak',
      '.hidden.conf',
      '.git/x.conf',
      'x.toml',
      'dir.conf/in.conf',
    ]) {
      await write(`conf.d/${name}`, `# ${name}`);
    }
    expect((await load()).files).toEqual(['conf.d/a/z.conf', 'conf.d/b.conf', 'conf.d/dir.conf/in.conf']);
  });

  test('a mounted ConfigMap is read once, through its links', async () => {
    await write('conf.d/..2026_01/zipkin.conf', '[[inputs.zipkin]]\npathV1 = "/one"');
    await symlink('..2026_01', join(home, 'conf.d/..data'));
    await symlink('..data/zipkin.conf', join(home, 'conf.d/zipkin.conf'));
    const loaded = await load();
    expect(loaded.files).toEqual(['conf.d/zipkin.conf']);
    expect(loaded.inputs.filter((input) => input.type === 'zipkin')).toHaveLength(1);
  });

  test('files of equal bytes are read once, links in a circle do no harm', async () => {
    await write('conf.d/a.conf', '[[inputs.prom]]\nurl = "http://h"');
    await write('conf.d/prom/b.conf', '[[inputs.prom]]\nurl = "http://h"');
    await symlink('..', join(home, 'conf.d/prom/up'));
    const loaded = await load();
    expect(loaded.files).toEqual(['conf.d/a.conf']);
    expect(loaded.inputs.filter((input) => input.type === 'prom')).toHaveLength(1);
  });

  test('without --config-dir ./conf.d is part of the search, and may be missing', async () => {
    await write('conf.d/a.conf', '[log]\nlevel = "warn"');
    const { configDir: _, ...rest } = { configDir: undefined };
    const found = await loadConfig({
      flags: {},
      env: {},
      cwd: home,
      definitions,
      where: { inCluster: false, readableDir: () => false },
      ...rest,
    });
    expect(found.files).toContain('conf.d/a.conf');
    expect(found.log.level).toBe('warn');
    const empty = await loadConfig({
      flags: {},
      env: {},
      cwd: join(home, 'conf.d'),
      definitions,
      where: { inCluster: false, readableDir: () => false },
    });
    expect(empty.faults).toEqual([]);
  });

  test('a directory that was named must be one', async () => {
    await write('conf.d/a.conf', '');
    expect(lines((await load({ configDir: 'nowhere' })).faults)).toEqual(["nowhere: can't be read: it is not there"]);
    expect(lines((await load({ configDir: 'conf.d/a.conf' })).faults)).toEqual([
      'conf.d/a.conf: is a file, not a directory; name the directory that it is in',
    ]);
  });

  test.each([
    ['empty', ''],
    ['a byte order mark', '\ufeff[log]\nlevel = "info"'],
    ['Windows line ends', '[log]\r\nlevel = "info"\r\n\r\n[[inputs.zipkin]]\r\n'],
    ['tabs', '[log]\n\tlevel\t=\t"info"\t# remark\n'],
    ['only remarks', '# nothing\n\n#'],
  ])('%s is fine', async (_, text) => {
    expect(lines((await loadText(text)).faults)).toEqual([]);
  });

  test('bytes that are not UTF-8 and links to nowhere are named', async () => {
    await mkdir(join(home, 'conf.d'));
    await writeFile(join(home, 'conf.d/a.conf'), Buffer.from([0xff, 0xfe, 0x5b, 0]));
    await symlink('gone', join(home, 'conf.d/b.conf'));
    expect(lines((await load()).faults)).toEqual([
      'conf.d/a.conf: is not text in UTF-8; save it as UTF-8',
      "conf.d/b.conf: can't be read: it is not there",
    ]);
  });
});

describe('what runs', () => {
  const running = (loaded: LoadedConfig): string[] =>
    loaded.inputs.map((input) => `${input.id}${input.byDefault ? ' by default' : ''}`);

  test('the defaults where they can work, and no more', async () => {
    expect(running(await loadText(''))).toEqual(['inputs.zipkin[0] by default', 'inputs.container[0] by default']);
    const elsewhere = await load({ where: { inCluster: false, readableDir: () => false } });
    expect(running(elsewhere)).toEqual(['inputs.zipkin[0] by default']);
  });

  test("a configured table replaces its type's default instance and leaves the others on", async () => {
    const loaded = await loadText(
      '[inputs.zipkin]\npathV1 = "/x"\n[[inputs.prom]]\nurl = "a"\n[[inputs.prom]]\nurl = "b"',
    );
    expect(running(loaded).sort()).toEqual([
      'inputs.container[0] by default',
      'inputs.prom[0]',
      'inputs.prom[1]',
      'inputs.zipkin[0]',
    ]);
    expect(loaded.inputs.find((input) => input.type === 'zipkin')).toMatchObject({
      config: { pathV1: '/x', pathV2: '/api/v2/spans' },
      file: 'conf.d/a.conf',
    });
  });

  test('enabled = false switches one off', async () => {
    expect(running(await loadText('[inputs.zipkin]\nenabled = false'))).toEqual(['inputs.container[0] by default']);
    expect(running(await loadText('[inputs.zipkin]\nenabled = true'))).toContain('inputs.zipkin[0]');
    expect(lines((await loadText('[inputs.zipkin]\nenabled = "no"')).faults)).toEqual([
      'conf.d/a.conf:2: inputs.zipkin.enabled: must be true or false, and is text; write it without quotes',
    ]);
  });

  test('-NAME in ENV_DEFAULT_ENABLED_INPUTS switches one off, other names only add', async () => {
    const loaded = await loadText('', { env: { ENV_DEFAULT_ENABLED_INPUTS: 'statsd,cpu prom,-zipkin' } });
    expect(running(loaded)).toEqual(['inputs.prom[0] by default', 'inputs.container[0] by default']);
    expect(lines(loaded.warnings)).toEqual([
      'ENV_DEFAULT_ENABLED_INPUTS: cpu and statsd are not part of this version; the other inputs run',
    ]);
    expect(running(await loadText('', { env: { ENV_DEFAULT_ENABLED_INPUTS: '-' } }))).toHaveLength(2);
  });

  test('the store is on by default, and off beside a hub or when it is told so', async () => {
    expect((await loadText('')).store).toEqual({
      enabled: true,
      retention: 604_800_000,
      pinned_max_bytes: 500_000_000,
      autocomplete_keys: expect.arrayContaining(['http.method', 'istio.canonical_service']),
    });
    expect((await loadText('[store]\nenabled = false')).store).toMatchObject({
      enabled: false,
      off: '[store] enabled = false',
    });
    const hub = defineOutput({
      type: 'hub',
      summary: 'Hub.',
      signals: ['traces'],
      config: z.strictObject({}),
      create: never,
    });
    const agent = await loadText('[[outputs.hub]]', { definitions: { ...definitions, outputs: [hub] } });
    expect(agent.store).toMatchObject({ enabled: false, off: '[[outputs.hub]] is configured' });
    expect(agent.warnings).toEqual([]);
  });

  test('defaults depend on whether this is a cluster', async () => {
    expect((await loadText('')).queue.min_free).toEqual({ bytes: 2 ** 30 });
    expect((await load({ where: { inCluster: true, readableDir: () => true } })).queue.min_free).toEqual({
      percent: 12,
    });
    expect((await load()).queue.max_bytes).toEqual({ metrics: 1e9, traces: 2e9, logs: 4e9, rum: 5e8 });
  });
});

describe('outputs', () => {
  test('have the common keys with their own defaults, a name and signals', async () => {
    const { outputs, faults } = await loadText(
      '[[outputs.zipkin]]\nurl = "http://h/"\n[[outputs.zipkin]]\nname = "second"\nurl = "http://i/"\nbatch_items = 7\nheaders = { X-Key = "k" }\ntimeout = "5s"',
    );
    expect(faults).toEqual([]);
    expect(
      outputs.map((output) => [output.id, output.name, output.delivery.batch_items, output.delivery.timeout]),
    ).toEqual([
      ['outputs.zipkin[0]', 'zipkin', 500, 30_000],
      ['outputs.zipkin[1]', 'second', 7, 5_000],
    ]);
    expect(outputs[0]?.delivery.signals).toEqual(['traces']);
    expect(outputs[1]?.config).toEqual({ url: 'http://i/', headers: { 'X-Key': 'k' } });
  });
});

describe('values from elsewhere', () => {
  test('${NAME} and ${NAME:-default} are replaced inside values, a bare $ stays', async () => {
    const { inputs, faults } = await loadText(
      '[[inputs.prom]]\nurl = "http://${HOST}:${PORT:-80}/$IP/$1/${1}/$"\nsource = "${EMPTY:-fallback}${EMPTY}"\n[inputs.prom.tags]\n"${HOST}" = "x"',
      { env: { HOST: 'h', EMPTY: '' } },
    );
    expect(faults).toEqual([]);
    expect(inputs[0]?.config).toMatchObject({
      url: 'http://h:80/$IP/$1/${1}/$',
      source: 'fallback',
      tags: { '${HOST}': 'x' },
    });
  });

  test('what the environment says is not parsed again, and becomes a number where one is wanted', async () => {
    const { inputs } = await loadText('[[inputs.container]]\nmax_open_files = "${N}"\nroot = "${A}"', {
      env: { N: '7', A: '"\n${N}' },
    });
    expect(inputs[0]?.config).toEqual({ max_open_files: 7, root: '"\n${N}' });
  });

  test('file: is read on secret fields only, relative to the file that says it', async () => {
    await write('conf.d/secrets/pw', 'hunter2\n');
    const { outputs, faults } = await loadText(
      '[[outputs.zipkin]]\nurl = "http://h/"\nuser = "file:secrets/pw"\npassword = "file:secrets/pw"\nheaders = { Authorization = "file:secrets/pw" }',
    );
    expect(faults).toEqual([]);
    expect(outputs[0]?.config).toMatchObject({
      user: 'file:secrets/pw',
      password: 'hunter2',
      headers: { Authorization: 'hunter2' },
    });
  });

  test('no secret is ever in a message', async () => {
    const text = [
      '[[outputs.zipkin]]',
      'url = "ftp://me:hunter2@h/?token=hunter2"',
      'password = ["hunter2"]',
      '[[inputs.prom]]',
      'interval = "${SECRET}"',
      'api_token = "hunter2"',
      '[inputs.prom.auth]',
      'token = 740125',
      'tokn = "hunter2"',
      '[server]',
      'listen = "${SECRET}"',
    ].join('\n');
    const loaded = await loadText(text, {
      env: { SECRET: 'hunter2', ENV_DATAWAY: 'https://openway.example.com?token=hunter2' },
    });
    expect(loaded.faults.length).toBeGreaterThanOrEqual(5);
    expect(JSON.stringify([loaded.faults, loaded.warnings])).not.toMatch(/hunter2|740125/);
    expect(lines((await loadText('password = hunter2')).faults).join()).not.toContain('hunter2');
  });

  test('flags stand over the environment, the environment over files, files over defaults', async () => {
    const env = { ENV_HTTP_LISTEN: '0.0.0.0:9529' };
    const conf = '[server]\nlisten = "127.0.0.1:1"';
    expect((await loadText('')).server.listen).toBe('auto');
    expect((await loadText(conf)).server.listen).toEqual({ host: '127.0.0.1', port: 1 });
    expect((await loadText(conf, { env })).server.listen).toEqual({ host: '0.0.0.0', port: 9529 });
    expect((await loadText(conf, { env, flags: { listen: '[::1]:7' } })).server.listen).toEqual({
      host: '::1',
      port: 7,
    });
  });

  test("DataKit's variables act where something here can do it, and are named once where not", async () => {
    const env = {
      ENV_LOG_LEVEL: 'WARN',
      ENV_GLOBAL_HOST_TAGS: 'host=__datakit_hostname,host_ip=__datakit_ip,bad,env=prod',
      ENV_CLUSTER_NAME_K8S: 'c1',
      ENV_K8S_NODE_NAME: 'node-7',
      ENV_K8S_NODE_IP: '10.0.0.7',
      ENV_INPUT_ZIPKIN_PATH_V1: '/env',
      ENV_INPUT_ZIPKIN_IGNORE_TAGS: '["a","b"]',
      ENV_INPUT_CONTAINER_MAX_OPEN_FILES: '9',
      ENV_INPUT_CONTAINER_ENABLE_POD_METRIC: 'true',
      ENV_NAMESPACE: 'ns',
      ENV_ENABLE_ELECTION: 'enable',
      ENV_GLOBAL_ELECTION_TAGS: 'site=a',
      ENV_UNRELATED: 'x',
    };
    const loaded = await loadText('[global_tags]\nenv = "file"\nteam = "t"\n[[inputs.zipkin]]\npathV1 = "/file"', {
      env,
    });
    expect(lines(loaded.faults)).toEqual([]);
    expect(loaded.log.level).toBe('warn');
    expect(loaded.kubernetes).toMatchObject({
      node_name: 'node-7',
      election: 'on',
      election_group: 'ns',
      election_tags: { site: 'a' },
    });
    expect(loaded.globalTags).toEqual({
      env: 'prod',
      team: 't',
      host: 'node-7',
      host_ip: '10.0.0.7',
      cluster_name_k8s: 'c1',
    });
    expect(loaded.inputs.map((input) => input.config)).toEqual([
      { pathV1: '/env', pathV2: '/api/v2/spans', ignore_tags: ['a', 'b'] },
      { root: '/var/log/pods', max_open_files: 9 },
    ]);
    expect(lines(loaded.warnings)).toEqual([
      'ENV_GLOBAL_HOST_TAGS: has an item that is not a tag; write name=value,name=value',
      'environment: ENV_INPUT_CONTAINER_ENABLE_POD_METRIC is known from DataKit and not used yet; no harm is done',
    ]);
  });

  test.each([
    ['', 'auto'],
    ['enable', 'on'],
    ['true', 'on'],
    ['off', 'off'],
    ['false', 'off'],
  ])('ENV_ENABLE_ELECTION=%j means elections are %s', async (value, election) => {
    const { kubernetes, faults } = await loadText('', { env: { ENV_ENABLE_ELECTION: value } });
    expect(faults).toEqual([]);
    expect(kubernetes.election).toBe(election);
  });

  test('a wrong value in ENV_INPUT_* is named by the variable', async () => {
    const { faults } = await loadText('', { env: { ENV_INPUT_CONTAINER_MAX_OPEN_FILES: 'many' } });
    expect(lines(faults)).toEqual([
      'ENV_INPUT_CONTAINER_MAX_OPEN_FILES: must be a number, and is text; write it without quotes',
    ]);
  });

  test('ENV_DATAKIT_INPUTS is read like a file', async () => {
    const good = await loadText('', { env: { ENV_DATAKIT_INPUTS: '[[inputs.prom]]\nurl = "http://h"' } });
    expect(good.inputs.map((input) => input.type)).toContain('prom');
    const bad = await loadText('', { env: { ENV_DATAKIT_INPUTS: '[[inputs.prom]]\nurl =' } });
    expect(lines(bad.faults)).toEqual([
      'ENV_DATAKIT_INPUTS:2: "url" has no value; write url = "...", or remove the line',
    ]);
  });

  test('ENV_DATAWAY without a token is one warning', async () => {
    const loaded = await loadText('', { env: { ENV_DATAWAY: 'https://openway.guance.com?token=<your-token>' } });
    expect(loaded.faults).toEqual([]);
    expect(loaded.outputs).toEqual([]);
    expect(lines(loaded.warnings)).toEqual([
      'ENV_DATAWAY: has no token yet, so nothing is sent there; put the token of your workspace in the place of <your-token>, or remove the variable',
    ]);
  });

  test('ENV_DATAWAY with tokens is an output for each address', async () => {
    const ENV_DATAWAY = 'https://openway.guance.com?token=tkn_a, https://other.example.com?token=tkn_b';
    const outputs = [...definitions.outputs, dataway];
    const loaded = await loadText('', { env: { ENV_DATAWAY }, definitions: { ...definitions, outputs } });
    expect(lines([...loaded.faults, ...loaded.warnings])).toEqual([]);
    expect(loaded.outputs.map(({ name, config }) => [name, config])).toMatchObject([
      ['dataway', { url: 'https://openway.guance.com?token=tkn_a', encoding: 'protobuf' }],
      ['dataway-2', { url: 'https://other.example.com?token=tkn_b' }],
    ]);
  });
});

describe('several files', () => {
  test('add up', async () => {
    await write(
      'conf.d/b.conf',
      '[server]\nauth = "none"\n[queue.max_bytes]\nlogs = "1GB"\n[server.tls]\ncert_file = "c"\nkey_file = "k"',
    );
    const loaded = await loadText('[server]\nzipkin_listen = "off"\n[queue]\nmax_bytes = { rum = "1MB" }');
    expect(lines(loaded.faults)).toEqual([]);
    expect(loaded.server).toMatchObject({ auth: 'none', zipkin_listen: 'off', tls: { cert_file: 'c' } });
    expect(loaded.queue.max_bytes).toMatchObject({ logs: 1e9, rum: 1e6, traces: 2e9 });
  });

  test('that say different things about one key name each other', async () => {
    await write('conf.d/b.conf', '[server]\nauth = "none"');
    expect(lines((await loadText('[server]\nauth = "token"')).faults)).toEqual([
      'conf.d/b.conf:2: server.auth: has another value in conf.d/a.conf:2; keep one',
    ]);
  });
});

const walkthrough = join(process.env['MESHBRIDGE_SHARED'] ?? '../shared', 'walkthrough/datakit-conf.configmap.yaml');

test("the two files of a DataKit user's ConfigMap are read as they are, with everything else still on", async () => {
  const manifest = await readFile(walkthrough, 'utf8');
  const [, zipkinConf = '', promConf = ''] =
    /zipkin\.conf: \|-\n([\s\S]*?)\n\s*\n {4}prom_istiod\.conf: \|- *\n([\s\S]*)$/.exec(manifest) ?? [];
  const unindent = (text: string): string => text.replace(/^ {6}/gm, '');
  await write('conf.d/zipkin/zipkin.conf', unindent(zipkinConf));
  await write('conf.d/prom/prom_istiod.conf', unindent(promConf));
  const loaded = await load();
  expect(loaded.faults).toEqual([]);
  expect(loaded.warnings).toEqual([]);
  expect(loaded.store.enabled).toBe(true);
  expect(loaded.inputs.map((input) => [input.id, input.byDefault])).toEqual([
    ['inputs.prom[0]', false],
    ['inputs.zipkin[0]', false],
    ['inputs.container[0]', true],
  ]);
  expect(loaded.inputs[0]?.config).toMatchObject({
    url: 'http://istiod.istio-system.svc.cluster.local:15014/metrics',
    interval: 10_000,
    measurement_name: 'istio_prom',
    metric_types: ['counter', 'gauge', 'histogram'],
    tags: { app_id: 'istiod' },
  });
});
