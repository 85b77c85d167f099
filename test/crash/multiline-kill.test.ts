import { appendFile, mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { type Daemon, startDaemon } from '../e2e/daemon.ts';
import { inTempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';
import { storedLines } from './stored.ts';

const kills = 6;
/** Longer than any pause of a busy machine, so that no trace ends before its last line is written. */
const wait = '60s';

test(
  `kill -9 ${kills} times within stack traces leaves each of them once and whole`,
  () => inTempDir(killLoop),
  300_000,
);

/** Stack traces on both streams at once, a line at a time, some in fragments, over rotations. */
class TraceWriter {
  readonly traces: string[] = [];
  readonly #path: string;
  #stopped = false;
  #rotations = 0;

  constructor(root: string) {
    this.#path = join(root, 'prod_shop-0_9c1f0000-0000-4000-8000-000000000001', 'shop', '0.log');
  }

  async run(): Promise<void> {
    await mkdir(join(this.#path, '..'), { recursive: true });
    await writeFile(this.#path, '');
    while (!this.#stopped) {
      const [out, err] = [this.#trace(), this.#trace()];
      for (const [i, line] of out.entries()) {
        await appendFile(this.#path, fragments('stdout', line) + fragments('stderr', err[i] ?? ''));
        await new Promise((resolve) => setTimeout(resolve, 4));
      }
      if (this.traces.length % 100 === 50) {
        await this.#rotate();
      }
    }
    await appendFile(this.#path, fragments('stdout', 'the end') + fragments('stderr', 'the end'));
  }

  stop(): void {
    this.#stopped = true;
  }

  #trace(): readonly string[] {
    const id = this.traces.length;
    const head = `2026-11-21 09:39:00 ERROR order ${id} failed`;
    const frames = Array.from({ length: 5 }, (_, i) => `\tat shop.Order.step${i}(Order.java:${id})`);
    const lines = [head, `java.lang.IllegalStateException: ${id}`, ...frames];
    this.traces.push(lines.join('\n'));
    return lines;
  }

  async #rotate(): Promise<void> {
    this.#rotations += 1;
    await rename(this.#path, `${this.#path}.20261121-${String(this.#rotations).padStart(6, '0')}`);
    await writeFile(this.#path, '');
  }
}

function fragments(stream: string, line: string): string {
  const time = new Date().toISOString();
  return line.length % 3 === 0
    ? `${time} ${stream} P ${line.slice(0, 9)}\n${time} ${stream} F ${line.slice(9)}\n`
    : `${time} ${stream} F ${line}\n`;
}

async function killLoop(dir: string): Promise<void> {
  const writer = new TraceWriter(join(dir, 'pods'));
  const writing = writer.run();
  const lives: Daemon[] = [];
  const start = async (): Promise<Daemon> => {
    const daemon = await startDaemon({ dir, readyMs: 90_000, config: { 'container.conf': configOf(dir) } });
    lives.push(daemon);
    return daemon;
  };
  try {
    let daemon = await start();
    for (let kill = 0; kill < kills; kill += 1) {
      const before = writer.traces.length;
      await until(() => writer.traces.length > before + 60, { withinMs: 60_000, what: 'sixty more traces' });
      expect(await daemon.end('SIGKILL')).toBe('SIGKILL');
      daemon = await start();
    }
    writer.stop();
    await writing;
    await until(async () => (await endsOf(daemon)) === 2, { withinMs: 90_000, what: 'all lines stored' });
    expect(await daemon.end('SIGTERM')).toBe(0);
  } catch (error) {
    throw new Error(`the last life said:\n${lives.at(-1)?.output().slice(-4_000)}`, { cause: error });
  } finally {
    writer.stop();
    await writing;
    await Promise.all(lives.map((daemon) => daemon.end('SIGKILL')));
  }
  const stored = await storedLines(join(dir, 'data', 'store'));
  const wanted = new Map<string, number>([...writer.traces.map((trace) => [trace, 1] as const), ['the end', 2]]);
  expect(writer.traces.length).toBeGreaterThan(kills * 60);
  expect([...wanted].filter(([text, copies]) => stored.get(text) !== copies)).toEqual([]);
  expect([...stored.keys()].filter((text) => !wanted.has(text))).toEqual([]);
}

function configOf(dir: string): string {
  return `
[[inputs.container]]
  root = "${join(dir, 'pods')}"
  multiline = ["java", "python"]
  flush_after = "${wait}"
  logging_max_multiline_life_duration = "${wait}"
`;
}

/** How many of the last lines are stored: the two streams have one each. */
async function endsOf(daemon: Daemon): Promise<number> {
  const text = encodeURIComponent('the end');
  const answer = await fetch(`${daemon.url}/api/native/logs/search?limit=10&text=${text}`);
  const { lines } = (await answer.json()) as { lines: readonly object[] };
  return lines.length;
}
