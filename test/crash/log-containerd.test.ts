import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { startContainerd } from '../components/containerd.ts';
import { describeWith } from '../components/needs.ts';
import { type Daemon, startDaemon } from '../e2e/daemon.ts';
import { freePort } from '../fakes/free-port.ts';
import { inTempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';
import { LogNode } from './log-node.ts';
import { judge } from './log-oracle.ts';

const kills = 30;
/** After every so many kills the daemon stays away while logs are rotated more than once. */
const longAwayEvery = 15;
const longAwayMs = 6_500;
/** After that time it is said what is lost. */
const gapMs = 7_000;

describeWith('containerd', (program) => {
  test(
    `of what containers print no line is lost or doubled over rotations and ${kills} kills of the daemon`,
    () => inTempDir((dir) => killed(program, dir)),
    400_000,
  );
});

async function killed(program: string, dir: string): Promise<void> {
  const root = join(dir, 'pods');
  mkdirSync(root);
  const containerd = await startContainerd({ program, dir: join(dir, 'c') });
  const node = new LogNode(containerd, root);
  const port = await freePort();
  const start = (): Promise<Daemon> =>
    startDaemon({ dir, port, readyMs: 90_000, config: { 'logs.conf': `[[inputs.container]]\n  root = "${root}"\n` } });
  const lives: Daemon[] = [];
  const work = Promise.all([
    node.runWriter('writer', 100),
    node.runWriter('slow-writer', 10),
    node.runCrashLoop('loop', 50),
    node.runJobs('job', 200, 20),
  ]);
  void work.catch(() => undefined);
  try {
    const daemon = await survivor(start, lives, node);
    node.stop();
    await work;
    const startedMs = Date.now();
    const isDone = async (): Promise<boolean> => Date.now() - startedMs > gapMs && isDrained(await daemon.status());
    await until(isDone, { withinMs: 60_000, what: 'all is stored' });
    expect(await daemon.end('SIGTERM')).toBe(0);
    const verdict = await judge(join(dir, 'data', 'store'), node.printed);
    const { unexplained, doubled, strange } = verdict;
    const few = (texts: readonly string[]): object => ({ count: texts.length, first: texts.slice(0, 20) });
    expect({
      unexplained: few(unexplained),
      doubled: few(doubled),
      strange: few(strange),
      gaps: few(verdict.gaps),
    }).toEqual({ unexplained: few([]), doubled: few([]), strange: few([]), gaps: expect.anything() });
    expect(node.printed.length).toBeGreaterThan(200);
    expect(node.rotations).toBeGreaterThan(20);
    expect(verdict.lines).toBeGreaterThan(20_000);
    // What was deleted on purpose is missing, and the record of it says so.
    expect(verdict.inGaps).toBeGreaterThan(0);
    expect(verdict.gaps.some((gap) => gap.startsWith('slow-writer: [meshbridge] gap: '))).toBe(true);
  } catch (error) {
    const said = lives.map((daemon, life) => `life ${life}:\n${daemon.output().replace(/^ .*$\n?/gm, '')}`).join('\n');
    throw new Error(`the lives said:\n${said.slice(-8_000)}`, { cause: error });
  } finally {
    node.stop();
    await Promise.all(lives.map((daemon) => daemon.end('SIGKILL')));
    await work.catch(() => undefined);
    await containerd.stop();
  }
}

/** Kills one life after the other, at moments that chance picks. */
async function survivor(start: () => Promise<Daemon>, lives: Daemon[], node: LogNode): Promise<Daemon> {
  let daemon = await start();
  lives.push(daemon);
  for (let kill = 1; kill <= kills; kill += 1) {
    await delay(200 + Math.random() * 800);
    expect(await daemon.end('SIGKILL')).toBe('SIGKILL');
    if (kill % longAwayEvery === 0) {
      await delay(longAwayMs);
    }
    if (kill === kills) {
      await node.loseCompressed('slow-writer');
    }
    daemon = await start();
    lives.push(daemon);
  }
  return daemon;
}

function isDrained(status: Awaited<ReturnType<Daemon['status']>>): boolean {
  const cursors = status.lanes.flatMap((lane) => lane.outputs);
  const detail = status.inputs.find((input) => input.type === 'container')?.detail;
  return (
    cursors.length > 0 &&
    cursors.every((cursor) => cursor.queuedItems === 0) &&
    detail !== undefined &&
    'lagBytes' in detail &&
    detail.lagBytes === 0 &&
    'openRecords' in detail &&
    detail.openRecords === 0
  );
}
