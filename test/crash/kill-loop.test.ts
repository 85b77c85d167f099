import { createReadStream } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from '@jest/globals';
import { type Daemon, startDaemon } from '../e2e/daemon.ts';
import { freePort } from '../fakes/free-port.ts';
import { inTempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';
import { CountingTarget, LineWriter, SpanSender } from './load.ts';
import { missing, storedCopies, storedLines } from './stored.ts';

const kills = 20;
const batchItems = 500;

test(`kill -9 ${kills} times under load loses nothing that was acknowledged`, () => inTempDir(killLoop), 600_000);

/** All that the daemon is fed with, and the daemon itself. */
interface Rig {
  readonly target: CountingTarget;
  readonly writer: LineWriter;
  readonly sender: SpanSender;
  start(): Promise<Daemon>;
}

async function killLoop(dir: string): Promise<void> {
  const target = await CountingTarget.start();
  const port = await freePort();
  const rig: Rig = {
    target,
    writer: new LineWriter(join(dir, 'pods')),
    sender: new SpanSender(port),
    start: () => startDaemon({ dir, port, readyMs: 90_000, config: { 'all.conf': configOf(dir, target.url) } }),
  };
  const lives: Daemon[] = [];
  const fed = Promise.all([rig.writer.run(), rig.sender.run(8)]);
  try {
    await killed(rig, lives, fed, join(dir, 'data', 'out.ndjson'));
  } catch (error) {
    throw new Error(`the last life said:\n${lives.at(-1)?.output().slice(-4_000)}`, { cause: error });
  } finally {
    rig.writer.stop();
    rig.sender.stop();
    await fed.catch(() => undefined);
    await Promise.all(lives.map((daemon) => daemon.end('SIGKILL')));
    await target.stop();
  }
}

function configOf(dir: string, url: string): string {
  return `
[[inputs.prom]]
  url = "${url}"
  source = "counting"
  interval = "1s"
[[inputs.container]]
  root = "${join(dir, 'pods')}"
[[outputs.file]]
  path = "out.ndjson"
  signals = ["metrics", "logs", "traces"]
  batch_items = ${batchItems}
  start = "beginning"
`;
}

async function killed(rig: Rig, lives: Daemon[], fed: Promise<unknown>, path: string): Promise<void> {
  const { writer, sender } = rig;
  const accepted: number[] = [];
  let daemon = await rig.start();
  lives.push(daemon);
  for (let kill = 0; kill < kills; kill += 1) {
    await new Promise((resolve) => setTimeout(resolve, 700 + Math.random() * 900));
    accepted.push(await acceptedSamples(daemon));
    expect(await daemon.end('SIGKILL')).toBe('SIGKILL');
    daemon = await rig.start();
    lives.push(daemon);
  }
  writer.stop();
  sender.stop();
  await fed;
  await until(async () => drained(await daemon.status()), { withinMs: 120_000, what: 'everything delivered' });
  const stored = await storedCopies(daemon, [...sender.acknowledged, ...sender.unknown]);
  expect(await daemon.end('SIGTERM')).toBe(0);

  const file = await readFileOutput(path);
  // Spans: each acknowledged one once in the store, none twice.
  expect(sender.acknowledged.length).toBeGreaterThan(1_000);
  expect(sender.acknowledged.filter((id) => stored.get(id) !== 1)).toEqual([]);
  expect(sender.unknown.filter((id) => (stored.get(id) ?? 0) > 1)).toEqual([]);
  expect(sender.acknowledged.filter((id) => !file.spans.has(id))).toEqual([]);
  // Lines: every one in the file.
  expect(missing(file.lines, writer.written)).toEqual([]);
  // And once in the store.
  const kept = await storedLines(join(dirname(path), 'store'));
  expect(missing(kept, writer.written)).toEqual([]);
  expect([...kept].filter(([, copies]) => copies !== 1)).toEqual([]);
  // Samples: at least as many of each life as that life had accepted when it was last asked.
  expect(file.samples.size).toBeGreaterThanOrEqual(accepted.reduce((sum, n) => sum + n, 0));
  // Doubles: at most one request in flight per kill and signal.
  for (const [what, counts] of Object.entries(file)) {
    const doubles = [...counts.values()].reduce((sum, n) => sum + n - 1, 0);
    expect({ what, tooMany: Math.max(0, doubles - kills * batchItems) }).toEqual({ what, tooMany: 0 });
  }
}

type Status = Awaited<ReturnType<Daemon['status']>>;

async function acceptedSamples(daemon: Daemon): Promise<number> {
  const inputs = (await daemon.status()).inputs.filter((input) => input.type === 'prom');
  return inputs.reduce((sum, input) => sum + input.accepted, 0);
}

function drained(status: Status): boolean {
  const cursors = status.lanes.flatMap((lane) => lane.outputs);
  const lines = status.inputs.find((input) => input.type === 'container');
  return cursors.length > 0 && cursors.every((cursor) => cursor.queuedItems === 0) && lagBytes(lines?.detail) === 0;
}

function lagBytes(detail: object | undefined): number | undefined {
  return detail !== undefined && 'lagBytes' in detail ? Number(detail.lagBytes) : undefined;
}

interface FileOutput {
  readonly spans: Map<string, number>;
  readonly lines: Map<string, number>;
  readonly samples: Map<string, number>;
}

async function readFileOutput(path: string): Promise<FileOutput> {
  const out: FileOutput = { spans: new Map(), lines: new Map(), samples: new Map() };
  const count = (map: Map<string, number>, key: string): void => {
    map.set(key, (map.get(key) ?? 0) + 1);
  };
  for await (const line of createInterface({ input: createReadStream(path) })) {
    const item = JSON.parse(line) as Record<string, unknown>;
    if (item['signal'] === 'traces') {
      count(out.spans, String(item['traceId']));
    } else if (item['signal'] === 'logs') {
      count(out.lines, String(item['message']));
    } else {
      count(out.samples, JSON.stringify([item['name'], item['labels'], item['timestamp']]));
    }
  }
  return out;
}
