import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { describeWithMounts } from '../components/needs.ts';
import { choicesOf } from '../e2e/zipkin/choices.ts';
import { FaultProxy } from '../fakes/fault-proxy.ts';
import { freePort } from '../fakes/free-port.ts';
import { inTempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';
import { FarStore } from './chaos/far-store.ts';
import { allFeeds, Container, idOf, Page } from './chaos/feeds.ts';
import { faultsOf, type Kept, type Sent } from './chaos/oracle.ts';
import { inFile, inStore, linesInStore } from './chaos/read-back.ts';
import { SmallDisk } from './chaos/small-disk.ts';
import { diskTrack, farTrack, Keeper } from './chaos/troubles.ts';

const seconds = Number(process.env['CHAOS_SECONDS'] ?? '120');
const seed = Number(process.env['CHAOS_SEED'] ?? Date.now() % 1_000_000);
const batchItems = 1_000;
const mebibyte = 1024 * 1024;
/** A reading of the whole log is as long as the run, at most. */
const drainMs = 180_000;

describeWithMounts({ as: 'root' }, () => {
  test(
    `${seconds} s of kills, full disks, reloads and backends on their bad days lose nothing (CHAOS_SEED=${seed})`,
    () => inTempDir(chaos),
    seconds * 1000 + 2 * drainMs + 240_000,
  );
});

test('the oracle sees one id that is missing, one that is there twice, and one that nobody sent', () => {
  const ids = [1, 2, 3].map((number) => idOf('span', number));
  const sent: Sent[] = [{ kind: 'span', acknowledged: ids, unknown: [idOf('span', 4)] }];
  const keptBy = (output: string, counts: readonly (readonly [string, number])[], allowed = 0): Kept => ({
    output,
    copies: new Map(counts),
    repeats: counts.some(([, count]) => count > 1) ? 1 : 0,
    repeatsAllowed: allowed,
    repeatedItemsAllowed: allowed,
  });
  const all = ids.map((id) => [id, 1] as const);
  expect(faultsOf(sent, [keptBy('file', all), keptBy('store', all)])).toEqual([]);
  expect(faultsOf(sent, [keptBy('file', all), keptBy('store', all.slice(1))])).toEqual([
    `store lost span that were acknowledged: 1 (${ids[0]})`,
    `store has not what another output has: 1 (${ids[0]})`,
  ]);
  const twice = [...all.slice(1), [ids[0] ?? '', 2] as const];
  expect(faultsOf(sent, [keptBy('store', twice)])).toEqual([
    `store has 1 doubles in 1 repeats, where 0 in 0 can be explained: 1 (${ids[0]} × 2)`,
  ]);
  expect(faultsOf(sent, [keptBy('file', twice, 1)])).toEqual([]);
  const foreign = [...all, [idOf('span', 5), 1] as const];
  expect(faultsOf(sent, [keptBy('file', foreign)])).toEqual([`file has what nobody sent: 1 (${idOf('span', 5)})`]);
  expect(faultsOf([{ kind: 'span', acknowledged: [], unknown: ids }], [keptBy('file', all)])).toEqual([
    'of span only 0 were acknowledged',
  ]);
  const unknown = [...all, [idOf('span', 4), 1] as const];
  expect(faultsOf(sent, [keptBy('file', unknown), keptBy('far', all)])).toEqual([
    `far has not what another output has: 1 (${idOf('span', 4)})`,
  ]);
});

async function chaos(dir: string): Promise<void> {
  const startedMs = performance.now();
  const events: string[] = [];
  const say = (what: string): void => {
    events.push(`${((performance.now() - startedMs) / 1000).toFixed(1)} s ${what}`);
  };
  const data = join(dir, 'data');
  await mkdir(data);
  const closing: (() => Promise<unknown>)[] = [];
  try {
    await run({ dir, say, closing });
  } catch (error) {
    throw new Error(`CHAOS_SEED=${seed} CHAOS_SECONDS=${seconds}\n${events.slice(-60).join('\n')}`, { cause: error });
  } finally {
    for (const close of closing.toReversed()) {
      await close();
    }
  }
}

interface Stage {
  readonly dir: string;
  readonly say: (what: string) => void;
  readonly closing: (() => Promise<unknown>)[];
}

async function run({ dir, say, closing }: Stage): Promise<void> {
  const disk = await SmallDisk.mount(join(dir, 'data'), (seconds > 240 ? 1_024 : 384) * mebibyte);
  closing.push(() => disk.unmount());
  const [page, far] = [await Page.start(), await FarStore.start()];
  closing.push(
    () => page.stop(),
    () => far.stop(),
  );
  const { below } = choicesOf(seed);
  const proxy = await FaultProxy.start({ upstream: far.url, below, forgetful: true });
  closing.push(() => proxy.close());
  const port = await freePort();
  const config = (version: number) => configOf({ version, pods: join(dir, 'pods'), page: page.url, far: proxy.url });
  const keeper = new Keeper({ dir, port, through: disk.command, config, say });
  await keeper.start();
  closing.push(() => keeper.end('SIGKILL'));

  const feeds = allFeeds();
  const container = new Container(join(dir, 'pods'));
  const fed = Promise.all([container.run(), ...feeds.map((feed) => feed.run(`http://127.0.0.1:${port}`))]);
  fed.catch(() => undefined);
  const stop = (): void => {
    for (const feed of [container, ...feeds]) {
      feed.stop();
    }
  };
  closing.push(async () => {
    stop();
    await fed.catch(() => undefined);
  });

  const untilMs = performance.now() + seconds * 1000;
  const tracks = [
    keeper.track(choicesOf(seed + 1)),
    farTrack(proxy, choicesOf(seed + 2), say),
    diskTrack(disk, choicesOf(seed + 3), say),
  ];
  // When one fails the others go on to their end, so that none of them touches what is closed by then.
  const ends = await Promise.allSettled(tracks.map((track) => track(untilMs)));
  for (const end of ends) {
    if (end.status === 'rejected') {
      throw end.reason;
    }
  }
  stop();
  await fed;
  say('everything is well again');
  expect(keeper.falls).toEqual([]);

  page.isOver = true;
  const lanes = await until(
    async () => {
      const status = await keeper.daemon.status();
      // What it has not looked at yet it cannot count.
      const isRead = far.counter.copies.has(container.acknowledged.at(-1) ?? '');
      return isRead && isDrained(status) ? status.lanes : undefined;
    },
    { withinMs: drainMs, what: 'nothing that waits' },
  );
  const spans = feeds.filter(({ kind }) => kind === 'span').flatMap((one) => [...one.acknowledged, ...one.unknown]);
  const asked = await inStore(keeper.daemon, spans);
  expect(await keeper.end('SIGTERM')).toBe(0);
  const file = await inFile(join(disk.outside, 'out.ndjson'));
  const stored = new Map([...asked, ...(await linesInStore(join(disk.outside, 'store')))]);

  const lostAnswers = proxy.seen.filter(({ taken, told }) => taken && !told).length;
  const sent = [...feeds, container, page.sent()];
  const once = { repeats: 0, repeatsAllowed: 0, repeatedItemsAllowed: 0 };
  const twiceAtMost = (repeats: number) => ({ repeatsAllowed: repeats, repeatedItemsAllowed: repeats * batchItems });
  // A kill repeats one request of each signal.
  const kept: Kept[] = [
    { output: 'store', copies: stored, ...once },
    { output: 'file', ...file, ...twiceAtMost(4 * keeper.kills) },
    { output: 'far', ...far.counter, ...twiceAtMost(4 * keeper.kills + lostAnswers) },
  ];
  const summary = `${keeper.kills} kills, ${keeper.stops} stops, ${keeper.reloads} reloads, ${keeper.badReloads} bad ones; ${lostAnswers} answers lost; ${kept.map(({ output, copies, repeats }) => `${output}: ${copies.size} items, ${repeats} repeats`).join('; ')}; ${sent.map(({ kind, acknowledged, unknown }) => `${kind} ${acknowledged.length}+${unknown.length}`).join(', ')}`;
  say(summary);
  process.stderr.write(`chaos: seed ${seed}: ${summary}\n`);
  expect(faultsOf(sent, kept)).toEqual([]);
  checkBooks(lanes, sent);
}

interface Settings {
  /** Each reload has another one. */
  readonly version: number;
  readonly pods: string;
  readonly page: string;
  readonly far: string;
}

function configOf({ version, pods, page, far }: Settings): Readonly<Record<string, string>> {
  const delivery = `  batch_items = ${batchItems}\n  on_full = "block"\n  start = "beginning"\n`;
  return {
    'inputs.conf': `
[queue]
  min_free = "16MiB"
[[inputs.prom]]
  url = "${page}"
  source = "chaos"
  interval = "${version % 2 === 0 ? 1 : 2}s"
[[inputs.container]]
  root = "${pods}"
[[inputs.loki]]
[[inputs.prom_remote_write]]
`,
    'outputs.conf': `
[[outputs.file]]
  path = "out.ndjson"
${delivery}
[[outputs.otlp]]
  name = "far"
  url = "${far}"
  protocol = "http/json"
  timeout = "2s"
  batch_wait = "${100 + (version % 3) * 100}ms"
${delivery}
[[outputs.dataway]]
  name = "far-rum"
  url = "${far}?token=tkn_chaos"
  signals = ["rum"]
  timeout = "2s"
${delivery}
${version % 3 === 1 ? '[[outputs.file]]\n  name = "passing"\n  path = "passing.ndjson"\n  signals = ["traces"]\n' : ''}
`,
  };
}

type Status = Awaited<ReturnType<Keeper['daemon']['status']>>;

function isDrained({ lanes, inputs }: Status): boolean {
  const lags = inputs.map(({ detail }) => (detail !== undefined && 'lagBytes' in detail ? Number(detail.lagBytes) : 0));
  const cursors = lanes.flatMap(({ outputs }) => outputs);
  return cursors.length > 3 && cursors.every(({ queuedItems }) => queuedItems === 0) && lags.every((lag) => lag === 0);
}

/** Of every lane each output has all, and nothing was given up. */
function checkBooks(lanes: Status['lanes'], sent: readonly Sent[]): void {
  for (const { signal, cumItems, outputs } of lanes) {
    for (const { output, delivered, dropped, routedAway, lost } of outputs.filter((one) => one.output !== 'passing')) {
      expect({ signal, output, delivered, dropped, routedAway, lost }).toEqual({
        ...{ signal, output, delivered: cumItems },
        ...{ dropped: {}, routedAway: 0, lost: 0 },
      });
    }
  }
  const traces = lanes.find(({ signal }) => signal === 'traces');
  const spans = sent.find(({ kind }) => kind === 'span');
  expect(traces?.cumItems).toBeGreaterThanOrEqual(spans?.acknowledged.length ?? 0);
  expect(traces?.cumItems).toBeLessThanOrEqual((spans?.acknowledged.length ?? 0) + (spans?.unknown.length ?? 0));
}
