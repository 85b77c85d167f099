/**
 * npm run bench -- hub [--rounds 3] [--seconds 10] [--what spans,samples,delay] [--json FILE]
 *
 * What it costs to hand everything to a hub: an agent and a hub beside one process that keeps what it takes, in turns on one
 * machine. Spans as real Envoys send them, samples of pages that are scraped, and how much later a span arrives. Medians
 * over the rounds.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Signal } from '../../src/model/batch.ts';
import { awaitArrivals } from './hub/arrivals.ts';
import { agentAndHub, allInOne, type Shape, type ShapeOptions } from './hub/daemons.ts';
import { servePages } from './hub/pages.ts';
import { quantile, run as runChild } from './lane/child.ts';
import type { LoadReport } from './zipkin/load.ts';
import { cpuSeconds, peakMegabytes } from './zipkin/process-cost.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '10' },
    what: { type: 'string', default: 'spans,samples,delay' },
    dir: { type: 'string', default: tmpdir() },
    json: { type: 'string' },
  },
});
const seconds = Number(values.seconds);
const warmUpSeconds = 4;
const targets = { count: 40, series: 1_000 };

/** Medians of what one number was in each round, by a title. */
class Rows {
  readonly #rows = new Map<string, number[]>();

  add(title: string, value: number): void {
    this.#rows.set(title, [...(this.#rows.get(title) ?? []), value]);
  }

  get(title: string): number {
    return quantile(this.#rows.get(title) ?? [], 0.5);
  }

  print(): void {
    for (const [title, runs] of this.#rows) {
      console.log(`| ${title} | ${quantile(runs, 0.5).toFixed(2)} | ${runs.map((run) => run.toFixed(2)).join(', ')} |`);
    }
  }

  json(): object {
    return Object.fromEntries(this.#rows);
  }
}

type Start = (options: ShapeOptions) => Promise<Shape>;

async function inShape(
  start: Start,
  toml: Omit<ShapeOptions, 'folder'>,
  work: (shape: Shape) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(values.dir, 'meshbridge-bench-'));
  const shape = await start({ folder, ...toml });
  try {
    await work(shape);
  } finally {
    await shape.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** CPU of each process and of all, per million items that were stored meanwhile. */
async function measure(shape: Shape, signal: Signal, load: () => Promise<number>, rows: Rows): Promise<void> {
  const before = await shape.stored(signal, await load());
  const cpu = shape.daemons.map(({ pid }) => cpuSeconds(pid));
  const items = (await shape.stored(signal, before + (await load()))) - before;
  const title = (name: string): string => `${signal}, ${shape.name}: ${name}`;
  let sum = 0;
  for (const [i, { name, pid }] of shape.daemons.entries()) {
    const perMillion = ((cpuSeconds(pid) - (cpu[i] ?? 0)) / items) * 1e6;
    sum += perMillion;
    rows.add(title(`CPU-s per M, ${name}`), perMillion);
    rows.add(title(`VmHWM MB, ${name}`), peakMegabytes(pid));
  }
  rows.add(title('CPU-s per M, all'), sum);
}

async function sendSpans(port: number, seed: number): Promise<number> {
  const plan = { port, path: '/api/v2/spans', connections: 32, bodySpans: [1, 5], spansPerSecond: 10_000, seed };
  const report = await runLoad({ ...plan, seconds: seed % 2 === 0 ? warmUpSeconds : seconds });
  return report.spans;
}

function runLoad(plan: object): Promise<LoadReport> {
  return runChild<LoadReport>('../zipkin/load.ts', plan);
}

async function spans(start: Start, rows: Rows): Promise<void> {
  await inShape(start, { inputs: '', outputs: '' }, async (shape) => {
    let seed = 0;
    await measure(shape, 'traces', () => sendSpans(shape.daemons[0]?.port ?? 0, seed++), rows);
  });
}

async function samples(start: Start, rows: Rows): Promise<void> {
  const pages = await servePages(targets.count, targets.series);
  const urls = pages.urls.map((url) => JSON.stringify(url)).join(', ');
  const inputs = `[[inputs.prom]]\n  urls = [${urls}]\n  source = "bench"\n  interval = "1s"\n`;
  try {
    await inShape(start, { inputs, outputs: '' }, async (shape) => {
      let window = warmUpSeconds;
      const load = async (): Promise<number> => {
        await delay(window * 1000);
        window = seconds;
        return 1;
      };
      await measure(shape, 'metrics', load, rows);
    });
  } finally {
    await pages.close();
  }
}

async function arrival(start: Start, rows: Rows): Promise<void> {
  const arrivals = await awaitArrivals();
  const outputs = `[[outputs.zipkin]]\n  url = "${arrivals.url}"\n  batch_wait = "1ms"\n`;
  try {
    await inShape(start, { inputs: '', outputs }, async (shape) => {
      const url = `http://127.0.0.1:${shape.daemons[0]?.port}/api/v2/spans`;
      const posts = seconds * 50;
      for (let i = 1; i <= posts; i += 1) {
        const id = i.toString(16).padStart(16, '0');
        const body = JSON.stringify([{ traceId: id, id, timestamp: Date.now() * 1000 }]);
        arrivals.sent(id);
        await fetch(url, { method: 'POST', body });
        await delay(20);
      }
      const endMs = performance.now() + 10_000;
      while (arrivals.delaysMs.length < posts && performance.now() < endMs) {
        await delay(20);
      }
    });
  } finally {
    await arrivals.close();
  }
  const name = start === allInOne ? 'all-in-one' : 'agent and hub';
  rows.add(`delay, ${name}: p50 ms`, quantile([...arrivals.delaysMs], 0.5));
  rows.add(`delay, ${name}: p99 ms`, quantile([...arrivals.delaysMs], 0.99));
}

const parts = { spans, samples, delay: arrival };

async function main(): Promise<void> {
  const rows = new Rows();
  const chosen = values.what.split(',').map((name) => {
    if (!Object.hasOwn(parts, name)) {
      throw new Error(`there is no ${name}; there are ${Object.keys(parts).join(', ')}`);
    }
    return parts[name as keyof typeof parts];
  });
  for (let round = 1; round <= Number(values.rounds); round += 1) {
    for (const part of chosen) {
      for (const start of [allInOne, agentAndHub]) {
        await part(start, rows);
        console.log(`round ${round}: ${part.name}, ${start.name}`);
      }
    }
  }
  console.log('\n| what | median | runs |\n|---|---|---|');
  rows.print();
  for (const signal of ['traces', 'metrics']) {
    const [one, two] = ['all-in-one', 'agent and hub'].map((name) => rows.get(`${signal}, ${name}: CPU-s per M, all`));
    if (one !== undefined && two !== undefined && one > 0) {
      console.log(`${signal}: an agent and a hub take ${(two / one).toFixed(2)} × the CPU of one process`);
    }
  }
  if (values.json !== undefined) {
    writeFileSync(values.json, `${JSON.stringify(rows.json(), null, 2)}\n`);
  }
}

await main();
