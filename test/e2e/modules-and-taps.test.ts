import { copyFile, mkdir, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type FakeFarSide, fakeFarSide } from '../fakes/far-side.ts';
import { type TempDir, tempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';
import { commandsOfEachTest, program, type Running } from './commands.ts';
import { type Daemon, startDaemon } from './daemon.ts';

const top = join(import.meta.dirname, '../..');
const examples = join(top, 'docs/examples');
let dir: TempDir;
let far: FakeFarSide;
let daemon: Daemon | undefined;
const run = commandsOfEachTest();

beforeEach(async () => {
  dir = await tempDir();
  far = await fakeFarSide();
});

afterEach(async () => {
  await daemon?.end();
  daemon = undefined;
  await far.close();
  await dir.remove();
});

function tap(...args: readonly string[]): Running {
  return run(process.execPath, [program, 'tap', '--data-dir', join(dir.path, 'data'), ...args], { cwd: dir.path });
}

async function looking(running: Running): Promise<void> {
  await until(() => running.err().includes('looking at'), { what: 'the tap' });
}

test('an input and an output of somebody else run in the daemon, and a tap sees and records what flows', async () => {
  const conf = join(dir.path, 'conf.d');
  await mkdir(conf, { recursive: true });
  await copyFile(join(examples, 'input-module/deploys.mjs'), join(conf, 'deploys.mjs'));
  await copyFile(join(examples, 'output-module/webhook.mjs'), join(conf, 'webhook.mjs'));
  const output = `[[outputs.module]]\n  path = "./webhook.mjs"\n  [outputs.module.config]\n    url = "${far.url}/hook"\n`;
  daemon = await startDaemon({
    dir: dir.path,
    config: { 'mine.conf': `[[inputs.module]]\n  path = "./deploys.mjs"\n${output}` },
  });
  const { url } = daemon;
  const recording = tap('--to', url, '--record', 'flow.rec', '--match', '{workload="reviews"}');
  const limited = tap('--to', url, '--json', '--limit', '1', '--signal', 'logs');
  await Promise.all([looking(recording), looking(limited)]);
  const post = (workload: string) =>
    fetch(`${url}/hooks/deploys`, {
      method: 'POST',
      body: JSON.stringify({ namespace: 'prod', workload, version: 'v3' }),
    });
  expect((await post('reviews')).status).toBe(204);
  expect((await post('ratings')).status).toBe(204);

  const seen = (): unknown[] => far.requests.flatMap(({ body }) => (body.length === 0 ? [] : JSON.parse(String(body))));
  await until(() => seen().length >= 2, { what: 'both lines at the far side' });
  const line = { signal: 'logs', message: 'deployed v3', level: 'info', namespace: 'prod', source: 'deploys' };
  expect(seen()).toEqual(['reviews', 'ratings'].map((workload) => expect.objectContaining({ ...line, workload })));

  expect(await limited.ended).toBe(0);
  expect(JSON.parse(limited.out())).toMatchObject({ ...line, workload: 'reviews' });
  await until(() => recording.out().includes('deployed v3'), { what: 'the line on the terminal' });
  recording.child.kill('SIGINT');
  expect(await recording.ended).toBe(0);
  expect(recording.out().trimEnd().split('\n')).toEqual([
    expect.stringMatching(/ {2}logs {5}prod +info +deployed v3$/),
  ]);
  expect(recording.err()).toMatch(/seen 1 item \(1 logs\); recorded 1 item in \d+ bytes to flow\.rec/);
  expect((await readFile(join(dir.path, 'flow.rec'))).includes('deployed v3')).toBe(true);
});

test('without a daemon a tap says so, and with a daemon that ends it ends', async () => {
  const alone = tap('--to', 'http://127.0.0.1:9');
  expect(await alone.ended).toBe(1);
  expect(alone.err()).toMatch(/no tap at http:\/\/127\.0\.0\.1:9: .*--to/);
  daemon = await startDaemon({ dir: dir.path });
  const looker = tap('--to', daemon.url);
  await looking(looker);
  expect(await daemon.end()).toBe(0);
  daemon = undefined;
  expect(await looker.ended).toBe(1);
  expect(looker.err()).toContain('tap: the daemon ended it');
});

test('somebody outside runs the contract suites over components of their own', async () => {
  await mkdir(join(dir.path, 'node_modules'));
  await symlink(top, join(dir.path, 'node_modules/meshbridge'));
  const files = ['output-module/webhook', 'input-module/deploys'];
  for (const file of files.flatMap((name) => [`${name}.mjs`, `${name}.test.mjs`])) {
    const text = await readFile(join(examples, file), 'utf8');
    expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(60);
    await copyFile(join(examples, file), join(dir.path, file.replace(/^.*\//, '')));
  }
  const suites = run(process.execPath, ['--test', 'webhook.test.mjs', 'deploys.test.mjs'], { cwd: dir.path });
  const code = await suites.ended;
  expect([code, suites.out()]).toEqual([0, expect.stringMatching(/fail 0/)]);
  expect(Number(/pass (\d+)/.exec(suites.out())?.[1])).toBeGreaterThanOrEqual(45);
});
