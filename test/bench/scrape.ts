/**
 * npm run bench -- scrape [--rounds 3] [--workloads paced,node,fast] [--peers meshbridge,vmagent,prometheus-agent,otel-collector]
 *   [--smoke] [--json FILE] [--profile DIR] [--dir DIR]
 *
 * Pages of Envoys with Istio's labels, scraped and sent by remote-write to a sink that counts the samples and compares values:
 * meshbridge (store off; each scrape is durable in its queue before it is sent) beside vmagent, Prometheus in agent mode and an
 * OpenTelemetry Collector. In `paced` and `node` all of them scrape at the same time, each its own targets, and each round is
 * the same window for all; in `fast` they come in turns. Medians over the rounds; about eleven minutes, and 4 GB of memory.
 * --smoke: small and short, to see that it works. --profile writes CPU profiles of meshbridge to DIR (and slows it down).
 */
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import type { PeerProcess } from './peers/peer-process.ts';
import { Course, type Entrant, type Place, type Row, rowOf, type Workload } from './scrape/course.ts';
import type { ToGenerator } from './scrape/generator.ts';
import { Helper } from './scrape/helper.ts';
import { meshbridge, type PeerKind, peerKinds } from './scrape/peers.ts';
import { changing, type Result, report } from './scrape/report.ts';
import type { ToSink } from './scrape/sink.ts';

const istioPage = { series: 1500, ownSeries: 0, lineBytes: 828 };
const workloads: Readonly<Record<string, Workload>> = {
  paced: {
    ...istioPage,
    title: '200 targets × 1,500 series (1.24 MB), every 15 s',
    targets: 200,
    intervalMs: 15_000,
    warmUpMs: 45_000,
    windowMs: 60_000,
    how: 'together',
    changeEvery: 4,
  },
  node: {
    title: '60 targets × 440 series (314 KB), every 15 s',
    series: 440,
    ownSeries: 75,
    lineBytes: 828,
    targets: 60,
    intervalMs: 15_000,
    warmUpMs: 75_000,
    windowMs: 30_000,
    how: 'together',
    changeEvery: 0,
  },
  fast: {
    ...istioPage,
    title: '200 targets × 1,500 series (1.24 MB), every second: as fast as it goes',
    targets: 200,
    intervalMs: 1_000,
    warmUpMs: 0,
    windowMs: 8_000,
    how: 'in turns',
    changeEvery: 0,
  },
};
const smoke = { targets: 10, intervalMs: 1_000, warmUpMs: 0, windowMs: 3_000 };

const { values } = parseArgs({
  options: {
    rounds: { type: 'string' },
    workloads: { type: 'string', default: Object.keys(workloads).join(',') },
    peers: { type: 'string', default: peerKinds.map(({ name }) => name).join(',') },
    dir: { type: 'string', default: tmpdir() },
    smoke: { type: 'boolean', default: false },
    json: { type: 'string' },
    profile: { type: 'string' },
  },
});
const rounds = Number(values.rounds ?? (values.smoke ? 1 : 3));

function say(text: string): void {
  console.log(`${new Date().toISOString().slice(11, 19)} ${text}`);
}

async function together(
  kinds: readonly PeerKind[],
  course: Course,
  { changeEvery }: Workload,
): Promise<readonly Row[]> {
  const places: Place[] = [];
  const entrants: Entrant[] = [];
  for (const kind of kinds) {
    places.push(await course.place(kind, rowOf(kind.name), 0));
    if (kind === meshbridge && changeEvery > 0) {
      places.push(await course.place(kind, rowOf(changing), changeEvery));
    }
  }
  try {
    for (const place of places) {
      entrants.push(await course.enter(place));
    }
    await course.warm(entrants);
    for (let round = 1; round <= rounds; round++) {
      say(`  round ${round} of ${rounds}`);
      await course.round(entrants);
    }
    await course.account(entrants);
    return entrants.map(({ row }) => row);
  } finally {
    await course.end(entrants);
  }
}

async function inTurns(kinds: readonly PeerKind[], course: Course): Promise<readonly Row[]> {
  const rows = kinds.map(({ name }) => rowOf(name));
  for (let round = 1; round <= rounds; round++) {
    say(`  round ${round} of ${rounds}`);
    for (const [i, kind] of kinds.entries()) {
      const entrant = await course.enter(await course.place(kind, rows[i] ?? rowOf(kind.name), 0));
      try {
        await course.warm([entrant]);
        await course.round([entrant]);
        await course.account([entrant]);
      } finally {
        await course.end([entrant]);
      }
    }
  }
  return rows;
}

function chosenWorkloads(): readonly Workload[] {
  return values.workloads.split(',').map((name) => {
    const workload = workloads[name];
    if (workload === undefined) {
      throw new Error(`there is no workload ${name}; there are ${Object.keys(workloads).join(', ')}`);
    }
    return values.smoke ? { ...workload, ...smoke } : workload;
  });
}

function chosenPeers(): readonly PeerKind[] {
  return values.peers.split(',').map((name) => {
    const kind = peerKinds.find((one) => one.name === name);
    if (kind === undefined) {
      throw new Error(`there is no peer ${name}; there are ${peerKinds.map((one) => one.name).join(', ')}`);
    }
    return kind;
  });
}

async function main(): Promise<void> {
  const kinds = chosenPeers();
  const generator = new Helper<ToGenerator>('generator.ts');
  const sink = new Helper<ToSink>('sink.ts');
  const running = new Set<PeerProcess>();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      void Promise.all([...running].map((peer) => peer.stop())).then(() => process.exit(1));
    });
  }
  let lots = 0;
  const results: Result[] = [];
  try {
    const { port: sinkPort } = await sink.ask<{ port: number }>({ ask: 'open' });
    for (const workload of chosenWorkloads()) {
      say(workload.title);
      const course = new Course({
        workload,
        generator,
        sink,
        sinkPort,
        dir: values.dir,
        ...(values.profile !== undefined && { profiles: values.profile }),
        running,
        nextLot: () => ++lots,
        say,
      });
      const rows = await (workload.how === 'together' ? together(kinds, course, workload) : inTurns(kinds, course));
      results.push({ workload, rows });
    }
  } finally {
    generator.end();
    sink.end();
  }
  console.log(report(results).join('\n'));
  if (values.json !== undefined) {
    writeFileSync(values.json, `${JSON.stringify({ node: process.version, results }, undefined, 2)}\n`);
  }
}

await main();
