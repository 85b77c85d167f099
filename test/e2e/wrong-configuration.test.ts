// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the configuration's own references
import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type TempDir, tempDir } from '../fakes/temp-dir.ts';

const program = join(import.meta.dirname, '../../bin/meshbridge');

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

let dir: TempDir;
beforeEach(async () => {
  dir = await tempDir();
});
afterEach(() => dir.remove());

/** As typed in the directory that holds conf.d. */
function meshbridge(...args: readonly string[]): Promise<Ended> {
  const env = { PATH: process.env['PATH'] ?? '', HOME: dir.path };
  const child = spawn(program, args, { cwd: dir.path, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
}

async function configure(toml: string): Promise<void> {
  await mkdir(join(dir.path, 'conf.d'));
  await writeFile(join(dir.path, 'conf.d', 'mine.conf'), toml);
}

const prom = '[[inputs.prom]]\n  url = "http://127.0.0.1:15020/stats/prometheus"\n';

/** What somebody wrote, and the one line that must be enough to mend it. */
const mistakes: readonly (readonly [string, string, string])[] = [
  [
    'a value without quotes',
    '[[outputs.file]]\n  path = out.ndjson',
    ':2: the value of "path" needs quotes; write path = "out.ndjson"',
  ],
  [
    'quotes of a word processor',
    '[[inputs.prom]]\n  url = “http://127.0.0.1:15020/stats/prometheus”',
    ':2: the quotes around the value of "url" are not the straight ones; write url = "http://127.0.0.1:15020/stats/prometheus"',
  ],
  [
    'a quote that is not closed',
    '[[inputs.prom]]\n  source = "sidecar\n  url = "http://127.0.0.1:15020/"',
    ':2: the text of "source" lacks its closing quote; write source = "..."',
  ],
  [
    'brackets that do not match',
    '[[inputs.prom]\n  url = "http://127.0.0.1:15020/"',
    ':1: the brackets of this table name do not match; write [[inputs.prom]]',
  ],
  [
    'YAML',
    'inputs:\n  prom:\n    url: http://127.0.0.1:15020/',
    ': this is YAML, not TOML; write tables such as [[inputs.zipkin]] with key = value lines',
  ],
  [
    'a key twice',
    '[server]\n  listen = "127.0.0.1:9529"\n  listen = "0.0.0.0:9529"',
    ':3: "server.listen" is written twice in this file; keep one',
  ],
  [
    'a misspelt key',
    '[[outputs.remote_write]]\n  ulr = "http://127.0.0.1:9090/api/v1/write"',
    ':2: outputs.remote_write[0].ulr: unknown key; did you mean "url"?',
  ],
  ['a misspelt table', '[stores]\n  retention = "7d"', ':1: stores: unknown key; did you mean [store]?'],
  ['a misspelt input', '[[inputs.zipkn]]', ':1: inputs.zipkn[0]: there is no such input; did you mean "zipkin"?'],
  [
    'an output that there is not',
    '[[outputs.prometheus]]\n  url = "http://127.0.0.1:9090"',
    ':1: outputs.prometheus[0]: there is no such output; there are clickhouse, dataway, file, hub, influxdb, kafka, loki, module, otlp, remote_write, stdout and zipkin',
  ],
  [
    'a key that is missing',
    '[[outputs.remote_write]]\n  timeout = "10s"',
    ':1: outputs.remote_write[0].url: is missing; write url = "..."',
  ],
  [
    'a duration without a unit',
    `${prom}  interval = 10`,
    ':3: inputs.prom[0].interval: 10 is not a duration; write a number with a unit, such as "10s", "1m30s" or "7d"',
  ],
  [
    'a size in words',
    '[queue]\n  max_bytes = { traces = "2 gigs" }',
    ':2: queue.max_bytes.traces: "2 gigs" is not a size; write a number with a unit, such as "512KiB", "10MiB" or "20GB"',
  ],
  [
    'an address without http://',
    '[[outputs.remote_write]]\n  url = "127.0.0.1:9090/api/v1/write"',
    ':2: outputs.remote_write[0].url: "127.0.0.1:9090/api/v1/write" is not an address; write one such as "http://127.0.0.1:9090/path"',
  ],
  [
    'a number in quotes',
    '[[outputs.file]]\n  path = "a"\n  batch_items = "many"',
    ':3: outputs.file[0].batch_items: must be a number, and is text; write it without quotes',
  ],
  [
    'a choice that there is not',
    '[[outputs.file]]\n  path = "a"\n  signals = ["metric"]',
    ':3: outputs.file[0].signals[0]: "metric" is not one of "metrics", "traces", "logs", "rum"; did you mean "metrics"?',
  ],
  [
    'a port that there is not',
    '[server]\n  listen = "127.0.0.1:95290"',
    ':2: server.listen: "127.0.0.1:95290" is not a place to listen; write "auto", "off", or host:port such as "127.0.0.1:9411"',
  ],
  [
    'a network that is none',
    '[server]\n  trusted = ["10.0.0.0/40"]',
    ':2: server.trusted[0]: "10.0.0.0/40" is not a network; write one such as "10.0.0.0/8" or "::1/128"',
  ],
  [
    'a variable that is not set',
    '[[outputs.remote_write]]\n  url = "${REMOTE_WRITE_URL}"',
    ':2: outputs.remote_write[0].url: the environment has no REMOTE_WRITE_URL; set it, or write ${REMOTE_WRITE_URL:-default}',
  ],
  [
    'two outputs of one name',
    '[[outputs.file]]\n  path = "a"\n\n[[outputs.file]]\n  path = "b"',
    ':4: outputs.file[1].name: another output is called "file" already; give each a name of its own, such as name = "second"',
  ],
];

describe('meshbridge check, on a configuration with', () => {
  test.each(mistakes)(
    '%s, ends with 78 and says it in one line',
    async (_, toml, line) => {
      await configure(toml);
      const { code, stdout, stderr } = await meshbridge('check');
      const lines = stdout.trimEnd().split('\n');
      expect({ code, stderr, faults: lines.filter((one) => !/^(read|inputs|outputs) /.test(one)) }).toEqual({
        code: 78,
        stderr: '',
        faults: [`fault    conf.d/mine.conf${line}`, 'not good: 1 fault, 0 warnings'],
      });
    },
    60_000,
  );

  test('several mistakes names them all, in the order of the file', async () => {
    await configure('[server]\n  listn = "off"\n[[inputs.zipkn]]\n[[outputs.file]]\n  on_full = "drop"\n');
    const { code, stdout } = await meshbridge('check');
    expect(code).toBe(78);
    expect(stdout.split('\n').filter((line) => line.startsWith('fault'))).toEqual([
      'fault    conf.d/mine.conf:2: server.listn: unknown key; did you mean "listen"?',
      'fault    conf.d/mine.conf:3: inputs.zipkn[0]: there is no such input; did you mean "zipkin"?',
      'fault    conf.d/mine.conf:5: outputs.file[0].on_full: "drop" is not one of "block", "drop_oldest", "drop_newest"; write "block", "drop_oldest" or "drop_newest"',
    ]);
  }, 180_000);

  test('inputs and keys of DataKit only, is good with a warning for each, and not with --strict', async () => {
    await configure(`[[inputs.cpu]]\n${prom}  intervall = "10s"\n`);
    const lenient = await meshbridge('check');
    expect(lenient.code).toBe(0);
    expect(lenient.stdout.split('\n').filter((line) => line.startsWith('warning'))).toEqual([
      "warning  conf.d/mine.conf:1: inputs.cpu[0]: this input of DataKit's is not part of meshbridge; the table is left out",
      'warning  conf.d/mine.conf:4: inputs.prom[0].intervall: unknown key; did you mean "interval"?',
    ]);
    const strict = await meshbridge('check', '--strict');
    expect(strict.code).toBe(78);
    expect(strict.stdout).toContain('not good: 2 faults, 0 warnings');
  }, 180_000);
});

describe('meshbridge run, on a wrong configuration', () => {
  test('ends with 78, says the same line, and leaves no data directory', async () => {
    await configure('[[outputs.remote_write]]\n  ulr = "http://127.0.0.1:9090/api/v1/write"');
    const { code, stdout, stderr } = await meshbridge('run', '--data-dir', 'kept');
    expect(code).toBe(78);
    expect(stdout + stderr).toContain(
      'conf.d/mine.conf:2: outputs.remote_write[0].ulr: unknown key; did you mean "url"?',
    );
    await expect(mkdir(join(dir.path, 'kept'))).resolves.toBeUndefined();
  }, 180_000);
});

describe('the command line', () => {
  test.each([
    [['check', '--confg-dir', 'x'], '"check" has no option --confg-dir; did you mean --config-dir?'],
    [['chek'], 'there is no command "chek"; did you mean "check"?'],
  ])(
    '%p is 64 and names what was meant',
    async (args, sentence) => {
      const { code, stderr } = await meshbridge(...args);
      expect(code).toBe(64);
      expect(stderr).toContain(sentence);
    },
    60_000,
  );
});
