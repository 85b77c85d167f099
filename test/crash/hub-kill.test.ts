import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import type { Daemon } from '../e2e/daemon.ts';
import { flowOf, HubRig, isDrained } from '../e2e/hub-rig.ts';
import { inTempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';
import { CountingTarget, LineWriter, SpanSender } from './load.ts';
import { missing, storedCopies, storedLines } from './stored.ts';

const kills = 10;
const nodes = ['node-a', 'node-b'] as const;

test(
  `kill -9 of hub and agents, ${kills} times in turn, leaves every item once in the store of the hub`,
  () => inTempDir(killLoop),
  300_000,
);

/** A node: what happens there, and its agent. */
interface Node {
  readonly name: string;
  readonly target: CountingTarget;
  readonly writer: LineWriter;
  readonly sender: SpanSender;
  start(): Promise<Daemon>;
}

async function nodeOf(rig: HubRig, name: string): Promise<Node> {
  const target = await CountingTarget.start();
  const pods = join(rig.dir, `pods-${name}`);
  const inputs = `
[[inputs.prom]]
  url = "${target.url}"
  source = "${name}"
  interval = "1s"
[[inputs.container]]
  root = "${pods}"
`;
  return {
    name,
    target,
    writer: new LineWriter(pods, name),
    sender: new SpanSender(await rig.portOf(name)),
    start: () => rig.startAgent({ node: name, inputs }),
  };
}

async function killLoop(dir: string): Promise<void> {
  const rig = await HubRig.in(dir);
  const some = await Promise.all(nodes.map((name) => nodeOf(rig, name)));
  const fed = Promise.all(some.flatMap(({ writer, sender }) => [writer.run(), sender.run(4)]));
  const stop = (): void => {
    for (const { writer, sender } of some) {
      writer.stop();
      sender.stop();
    }
  };
  try {
    const lives = await killed(rig, some);
    stop();
    await fed;
    await check(dir, some, lives);
  } finally {
    stop();
    await fed.catch(() => undefined);
    await rig.end();
    await Promise.all(some.map(({ target }) => target.stop()));
  }
}

interface Lives {
  readonly hub: Daemon;
  readonly agents: readonly Daemon[];
}

async function killed(rig: HubRig, some: readonly Node[]): Promise<Lives> {
  const starts = [() => rig.startHub(), ...some.map((node) => node.start)];
  const lives = await Promise.all(starts.map((start) => start()));
  for (let kill = 0; kill < kills; kill += 1) {
    await new Promise((resolve) => setTimeout(resolve, 500 + Math.random() * 700));
    const at = kill % lives.length;
    expect(await lives[at]?.end('SIGKILL')).toBe('SIGKILL');
    lives[at] = (await starts[at]?.()) as Daemon;
  }
  const [hub, ...agents] = lives as [Daemon, ...Daemon[]];
  return { hub, agents };
}

async function check(dir: string, some: readonly Node[], { hub, agents }: Lives): Promise<void> {
  for (const daemon of [...agents, hub]) {
    await until(() => isDrained(daemon), { withinMs: 120_000, what: 'nothing that waits' });
  }
  await agree(hub, agents);
  const senders = some.map(({ sender }) => sender);
  const acknowledged = senders.flatMap((sender) => sender.acknowledged);
  const unknown = senders.flatMap((sender) => sender.unknown);
  const stored = await storedCopies(hub, [...acknowledged, ...unknown]);
  expect(acknowledged.length).toBeGreaterThan(1_000);
  expect(acknowledged.filter((id) => stored.get(id) !== 1)).toEqual([]);
  expect(unknown.filter((id) => (stored.get(id) ?? 0) > 1)).toEqual([]);
  expect(await hub.end('SIGTERM')).toBe(0);
  for (const { name, writer } of some) {
    const lines = await storedLines(join(dir, 'hub', 'data', 'store'), name);
    expect({ name, missing: missing(lines, writer.written) }).toEqual({ name, missing: [] });
    expect([...lines].filter(([, copies]) => copies !== 1)).toEqual([]);
  }
}

/** What the agents ever took is what the hub ever took, to the item: nothing twice, nothing lost. */
async function agree(hub: Daemon, agents: readonly Daemon[]): Promise<void> {
  const statuses = await Promise.all(agents.map((agent) => agent.status()));
  for (const { signal, cumItems, outputs } of (await hub.status()).lanes) {
    const sent = statuses.flatMap(({ lanes }) => lanes.filter((lane) => lane.signal === signal));
    expect({ signal, cumItems }).toEqual({ signal, cumItems: sent.reduce((sum, lane) => sum + lane.cumItems, 0) });
    expect({ signal, stored: outputs.map(({ delivered }) => delivered) }).toEqual({
      signal,
      stored: [cumItems],
    });
    for (const agent of agents) {
      expect(await flowOf(agent, signal)).toMatchObject({ queued: 0, dropped: 0 });
    }
  }
}
