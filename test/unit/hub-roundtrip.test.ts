import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { decodeSpans } from '../../src/codec/spans.ts';
import type { Output } from '../../src/contract/output.ts';
import { hubInput } from '../../src/inputs/hub/hub.ts';
import { DeadLetters } from '../../src/lane/dead-letters.ts';
import { Delivery } from '../../src/lane/delivery.ts';
import { Lane } from '../../src/lane/lane.ts';
import type { LaneCursor } from '../../src/lane/lane-cursor.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { hubOutput } from '../../src/outputs/hub/hub.ts';
import { isLaneHeader, readFacts } from '../../src/record/lane-header.ts';
import { scan } from '../../src/record/scanner.ts';
import { LaneTail } from '../../src/record/tail.ts';
import { fakeInputRuntime } from '../fakes/input-runtime.ts';
import { plainSpanDecoder } from '../fakes/requests.ts';
import { fakeRuntime, MemoryLog } from '../fakes/runtime.ts';
import { inTempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';

/** Small numbers from a seed, so that a failure can be seen again. */
function dice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % sides;
  };
}

function openLane(dir: string): Promise<Lane> {
  return Lane.open({
    signal: 'traces',
    dir,
    segmentBytes: 4_096,
    maxBytes: 1e9,
    freeBytes: () => 1e12,
    minFreeBytes: 0,
    clock: systemClock,
    log: new MemoryLog(),
  });
}

/** A hub whose lane is real, with what its route needs around it. */
class Hub {
  readonly lane: Lane;
  readonly url: string;
  readonly #stop: () => Promise<void>;

  private constructor(lane: Lane, url: string, stop: () => Promise<void>) {
    this.lane = lane;
    this.url = url;
    this.#stop = stop;
  }

  static async start(dir: string): Promise<Hub> {
    const lane = await openLane(dir);
    // So that all of it stays.
    await lane.attach({ output: 'nobody', onFull: 'block', start: 'beginning' });
    const runtime = fakeInputRuntime();
    const input = hubInput.create(
      {},
      {
        ...runtime,
        emitAll: async (emissions) => {
          await Promise.all(lane.appendAll(emissions));
        },
        position: (_, key) => lane.position(key),
        positions: (_, prefix) => lane.positions(prefix),
      },
    );
    await input.start();
    const served = await runtime.serve();
    return new Hub(lane, served.url, async () => {
      await served.close();
      await input.stop();
      await lane.close();
    });
  }

  stop(): Promise<void> {
    return this.#stop();
  }
}

/** All ids of a lane, oldest first. */
async function idsIn(dir: string, throughSeq: number): Promise<string[]> {
  const tail = new LaneTail({ dir, signal: 'traces', afterSeq: 0 });
  const { records } = await tail.read({ throughSeq, maxItems: 1e9, maxBytes: 1e9 });
  await tail.close();
  return records.flatMap((record) => decodeSpans(record).map(({ id }) => id));
}

interface Agent {
  readonly lane: Lane;
  readonly cursor: LaneCursor;
  readonly delivery: Delivery;
  stop(): Promise<void>;
}

async function startAgent(dir: string, output: Output, roll: (sides: number) => number): Promise<Agent> {
  const lane = await openLane(join(dir, 'lane'));
  const cursor = await lane.attach({ output: 'hub', onFull: 'block', start: 'beginning' });
  const delivery = new Delivery({
    source: lane,
    cursor,
    tail: new LaneTail({ dir: lane.dir, signal: 'traces', afterSeq: cursor.seq, afterCumItems: cursor.cumItems }),
    output,
    deadLetters: new DeadLetters({ dir: join(dir, 'dead'), signal: 'traces', now: systemClock.now }),
    choose: (record) => record,
    limits: { batchItems: 1 + roll(7), batchBytes: 1e6, batchWaitMs: 1, timeoutMs: 5_000, concurrency: 1 },
    orderKey: () => undefined,
    clock: systemClock,
    log: new MemoryLog(),
    random: () => 0,
  });
  delivery.start();
  const stop = async (): Promise<void> => {
    await delivery.stop(new AbortController().signal);
    await lane.close();
  };
  return { lane, cursor, delivery, stop };
}

/**
 * What a crash leaves when the disk keeps its word: all records, since none was delivered before it was durable; not all of what
 * was noted about deliveries behind the last record; and a write that was begun.
 */
async function tear(dir: string, roll: (sides: number) => number): Promise<void> {
  const name =
    (await readdir(dir))
      .filter((one) => one.endsWith('.seg'))
      .toSorted()
      .at(-1) ?? '';
  const path = join(dir, name);
  const bytes = await readFile(path);
  const [...events] = scan(bytes, 0, isLaneHeader);
  const kept = events.findLastIndex(({ header }) => header !== undefined && readFacts(header).kind !== 'cursor');
  const last = events[kept];
  const from = last?.kind === 'record' ? last.end : bytes.length;
  await truncate(path, from + roll(bytes.length - from + 1));
  await writeFile(path, randomBytes(1 + roll(60)), { flag: 'a' });
}

interface World {
  readonly dir: string;
  readonly roll: (sides: number) => number;
  hub: Hub;
  nextId: number;
}

/** One life of the agent: some records, of which some or all are delivered. Resolves with the ids in its queue. */
async function live(world: World, howMany: 'some' | 'all'): Promise<readonly string[]> {
  const { dir, roll, hub } = world;
  const runtime = { ...fakeRuntime(), instance: 'the agent', name: 'hub', decode: plainSpanDecoder };
  const output = hubOutput.create(hubOutput.config.parse({ urls: [hub.url] }), runtime);
  await output.start();
  const agent = await startAgent(join(dir, 'agent'), output, roll);
  try {
    for (let i = roll(20); i > 0; i -= 1) {
      const payload = Buffer.from(JSON.stringify([{ traceId: '1', id: String(world.nextId++) }]));
      await agent.lane.append({ signal: 'traces', format: 'zipkin-json-v2', payload, items: 1, origin: { node: 'n' } });
    }
    const wanted = howMany === 'all' ? agent.lane.durableSeq : roll(agent.lane.durableSeq + 1);
    await until(() => agent.cursor.seq >= wanted, { what: `the delivery through ${wanted}` });
  } finally {
    await agent.stop();
    await output.stop();
  }
  return idsIn(agent.lane.dir, agent.lane.durableSeq);
}

test.each([1, 2, 3, 4])(
  'a hub has every record of an agent once, however often the end of the agent’s queue is torn (seed %i)',
  (seed) =>
    inTempDir(async (dir) => {
      const roll = dice(seed);
      await mkdir(join(dir, 'agent'), { recursive: true });
      const world: World = { dir, roll, hub: await Hub.start(join(dir, 'hub')), nextId: 1 };
      try {
        for (let life = 0; life < 12; life += 1) {
          await live(world, 'some');
          await tear(join(dir, 'agent', 'lane'), roll);
          if (roll(3) === 0) {
            await world.hub.stop();
            world.hub = await Hub.start(join(dir, 'hub'));
          }
        }
        const queued = await live(world, 'all');
        const { lane } = world.hub;
        const atHub = await idsIn(lane.dir, lane.durableSeq);
        expect(atHub.filter((id, i) => atHub.indexOf(id) !== i)).toEqual([]);
        expect(queued.filter((id) => !atHub.includes(id))).toEqual([]);
        expect(atHub.length).toBe(lane.cumItems);
        expect(atHub.length).toBeGreaterThan(30);
      } finally {
        await world.hub.stop();
      }
    }),
  60_000,
);
