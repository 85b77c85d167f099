import { afterEach, expect, test } from '@jest/globals';
import { createLogger } from 'winston';
import LokiTransport from 'winston-loki';
import { freePort } from '../fakes/free-port.ts';
import { type TempDir, tempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';
import { type Daemon, startDaemon } from './daemon.ts';

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) {
    await cleanup();
  }
});

interface FoundLine {
  readonly time: string;
  readonly message: string;
  readonly level: string;
  readonly stream: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly attributes?: Readonly<Record<string, unknown>>;
}

async function dirOfOwn(): Promise<TempDir> {
  const dir = await tempDir();
  cleanups.push(() => dir.remove());
  return dir;
}

async function started(dir: string, config: string, port?: number): Promise<Daemon> {
  const daemon = await startDaemon({ dir, config: { 'loki.conf': config }, ...(port !== undefined && { port }) });
  cleanups.push(() => daemon.end());
  return daemon;
}

async function linesOf(daemon: Daemon, match: string): Promise<readonly FoundLine[]> {
  const query = new URLSearchParams({ match, limit: '1000', start: '2020-01-01T00:00:00Z' });
  const answer = await fetch(`${daemon.url}/api/native/logs/search?${query}`);
  expect(answer.status).toBe(200);
  const { lines } = (await answer.json()) as { lines: readonly FoundLine[] };
  return lines.toReversed();
}

test.each([
  ['snappy protobuf', false],
  ['JSON', true],
])(
  'lines of an independent client arrive as %s',
  async (_, json) => {
    const daemon = await started((await dirOfOwn()).path, '[[inputs.loki]]\n');
    const transport = new LokiTransport({
      host: daemon.url,
      json,
      batching: false,
      labels: { app: 'shop', namespace: 'prod', job: 'winston' },
    });
    const logger = createLogger({ transports: [transport] });
    cleanups.push(async () => logger.close());
    for (const number of [1, 2, 3]) {
      logger.warn(`line ${number} 日志`);
    }
    const found = await until(
      async () => {
        const lines = await linesOf(daemon, 'app=shop');
        return lines.length === 3 ? lines : undefined;
      },
      { what: 'three lines' },
    );
    expect(found.map(({ message }) => message).toSorted()).toEqual(
      [1, 2, 3].map((n) => expect.stringContaining(`line ${n} 日志`)),
    );
    expect(found[0]).toMatchObject({ level: 'warn', labels: { app: 'shop', namespace: 'prod', job: 'winston' } });
  },
  120_000,
);

test('what one daemon pushes another takes, line by line the same, through a kill of the far one', async () => {
  const [near, far] = [await dirOfOwn(), await dirOfOwn()];
  const port = await freePort();
  const first = await started(far.path, '[[inputs.loki]]\n', port);
  const sender = await started(
    near.path,
    `[[inputs.loki]]\n[[outputs.loki]]\nurl = "${first.url}"\nbatch_wait = "10ms"\n`,
  );
  const push = async (from: number, count: number): Promise<void> => {
    const values = Array.from({ length: count }, (_, i) => [
      `${1_795_253_153_000_000_000n + BigInt(from + i)}`,
      `line ${from + i}`,
      { trace_id: `t${from + i}`, level: 'error' },
    ]);
    const stream = { app: 'shop', namespace: 'prod', pod: 'shop-1', stream: 'stderr', team: 'x' };
    const answer = await fetch(`${sender.url}/loki/api/v1/push`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ streams: [{ stream, values }] }),
    });
    expect(answer.status).toBe(204);
  };
  await push(0, 200);
  await until(async () => (await linesOf(first, 'app=shop')).length === 200, {
    what: 'the first lines',
  });
  await first.end('SIGKILL');
  await push(200, 200);
  const second = await started(far.path, '[[inputs.loki]]\n', port);
  const arrived = await until(
    async () => {
      const lines = await linesOf(second, 'app=shop');
      return lines.length >= 400 ? lines : undefined;
    },
    { withinMs: 60_000, what: 'all lines' },
  );
  expect(arrived).toHaveLength(400);
  expect(arrived[0]).toMatchObject({
    message: 'line 0',
    stream: 'stderr',
    level: 'error',
    labels: { app: 'shop', namespace: 'prod', stream: 'stderr' },
    attributes: { trace_id: 't0', pod: 'shop-1', team: 'x' },
  });
  const plain = (lines: readonly FoundLine[]) => lines.map(({ time, message, level }) => ({ time, message, level }));
  expect(plain(arrived)).toEqual(plain(await linesOf(sender, 'app=shop')));
}, 120_000);
