import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { PeerProcess } from '../peers/peer-process.ts';
import { cpuSeconds, peakMegabytes } from '../zipkin/process-cost.ts';
import type { Lot, LotPlan, Served, ToGenerator } from './generator.ts';
import type { Helper } from './helper.ts';
import type { PagePlan } from './pages.ts';
import type { PeerKind } from './peers.ts';
import type { Received, ToSink } from './sink.ts';

export interface Workload extends PagePlan {
  readonly title: string;
  readonly targets: number;
  readonly intervalMs: number;
  /** At least so long nothing is measured: programs that warm up cost more. */
  readonly warmUpMs: number;
  /** Length of a round: a multiple of the interval. */
  readonly windowMs: number;
  readonly how: 'together' | 'in turns';
  /** meshbridge a second time, with pages of which one line comes or goes every so many scrapes. 0: not. */
  readonly changeEvery: number;
}

export interface Measured {
  readonly samplesPerSecond: number;
  readonly cpuPerMillion: number;
  readonly cores: number;
}

export interface Row {
  readonly peer: string;
  readonly runs: Measured[];
  peakMegabytes: number;
  sent: number;
  lost: number;
  checked: number;
  wrong: number;
  examples: readonly string[];
  /** On the wire to the sink, in all. */
  bytes: number;
}

/** Targets that wait for their peer. */
export interface Place {
  readonly kind: PeerKind;
  readonly row: Row;
  readonly lot: number;
  readonly sinkName: string;
  readonly addresses: readonly string[];
}

/** One peer at targets of its own. */
export interface Entrant {
  readonly row: Row;
  readonly lot: number;
  readonly sinkName: string;
  readonly folder: string;
  readonly process: PeerProcess;
}

export interface CourseOptions {
  readonly workload: Workload;
  readonly generator: Helper<ToGenerator>;
  readonly sink: Helper<ToSink>;
  readonly sinkPort: number;
  /** Where peers keep their data. */
  readonly dir: string;
  readonly profiles?: string;
  /** Those that run now, for whoever ends them early. */
  readonly running: Set<PeerProcess>;
  readonly nextLot: () => number;
  readonly say: (text: string) => void;
}

/** So long nothing more may arrive before what is missing counts as lost. */
const settleMs = 20_000;

export function rowOf(peer: string): Row {
  return { peer, runs: [], peakMegabytes: 0, sent: 0, lost: 0, checked: 0, wrong: 0, examples: [], bytes: 0 };
}

/** What is done with the peers of one workload. */
export class Course {
  readonly #options: CourseOptions;

  constructor(options: CourseOptions) {
    this.#options = options;
  }

  /** Targets for one peer. All that run together are made before any of them starts: making pages takes the generator some time. */
  async place(kind: PeerKind, row: Row, changeEvery: number): Promise<Place> {
    const { workload, generator, sink, nextLot } = this.#options;
    const { targets, series, ownSeries, lineBytes } = workload;
    const lot = nextLot();
    const sinkName = `lot-${lot}`;
    const plan: LotPlan = { lot, targets, series, ownSeries, lineBytes, changeEvery };
    const { addresses } = await generator.ask<Lot>({ ask: 'lot', plan });
    await sink.ask({ ask: 'peer', name: sinkName, plan, targets });
    return { kind, row, lot, sinkName, addresses };
  }

  async enter({ kind, row, lot, sinkName, addresses }: Place): Promise<Entrant> {
    const { workload, sinkPort, dir, profiles } = this.#options;
    const folder = mkdtempSync(join(dir, 'meshbridge-bench-'));
    try {
      const process = await kind.start({
        folder,
        targets: addresses,
        intervalMs: workload.intervalMs,
        sink: `http://127.0.0.1:${sinkPort}/${sinkName}`,
        ...(profiles !== undefined && { profiles }),
      });
      this.#options.running.add(process);
      return { row, lot, sinkName, folder, process };
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** Until every target was scraped and sent twice, and some time. */
  async warm(entrants: readonly Entrant[]): Promise<void> {
    const { targets, series, intervalMs, warmUpMs } = this.#options.workload;
    const leastMs = performance.now() + warmUpMs;
    const endMs = performance.now() + 4 * intervalMs + settleMs;
    for (const { sinkName, row } of entrants) {
      while ((await this.#received(sinkName)).samples < 2 * targets * series) {
        if (performance.now() > endMs) {
          this.#options.say(`${row.peer} does not keep up: it has not sent every page twice yet`);
          return;
        }
        await delay(250);
      }
    }
    await delay(Math.max(0, leastMs - performance.now()));
  }

  async round(entrants: readonly Entrant[]): Promise<void> {
    const before = await Promise.all(entrants.map((entrant) => this.#now(entrant)));
    await delay(this.#options.workload.windowMs);
    const after = await Promise.all(entrants.map((entrant) => this.#now(entrant)));
    entrants.forEach(({ row, process }, i) => {
      const [from, to] = [before[i], after[i]];
      if (from !== undefined && to !== undefined) {
        const run = measured(from, to);
        row.runs.push(run);
        this.#options.say(`  ${row.peer}: ${lineOf(run)}, VmHWM ${peakMegabytes(process.pid).toFixed(0)} MB`);
      }
    });
  }

  /** No more pages; then everything that was served must arrive. */
  async account(entrants: readonly Entrant[]): Promise<void> {
    const { generator } = this.#options;
    await Promise.all(entrants.map(({ lot }) => generator.ask({ ask: 'hold', lot })));
    for (const entrant of entrants) {
      const { row, lot, sinkName } = entrant;
      await this.#settled(entrant);
      const served = await generator.ask<Served>({ ask: 'served', lot });
      const received = await this.#received(sinkName);
      row.peakMegabytes = Math.max(row.peakMegabytes, peakMegabytes(entrant.process.pid));
      row.sent += served.samples;
      row.lost += served.samples - received.samples;
      row.checked += received.checked;
      row.wrong += received.wrong;
      row.examples = [...row.examples, ...received.examples];
      row.bytes += received.bytes;
    }
  }

  async end(entrants: readonly Entrant[]): Promise<void> {
    for (const { process, lot, folder } of entrants) {
      await process.stop();
      this.#options.running.delete(process);
      rmSync(folder, { recursive: true, force: true });
      await this.#options.generator.ask({ ask: 'close', lot });
    }
  }

  async #settled({ lot, sinkName }: Entrant): Promise<void> {
    let last = -1;
    let sinceMs = performance.now();
    while (performance.now() - sinceMs < settleMs) {
      const served = await this.#options.generator.ask<Served>({ ask: 'served', lot });
      const { samples } = await this.#received(sinkName);
      if (samples >= served.samples) {
        return;
      }
      if (samples !== last) {
        last = samples;
        sinceMs = performance.now();
      }
      await delay(100);
    }
  }

  async #now({ process, sinkName }: Entrant): Promise<Moment> {
    const { samples } = await this.#received(sinkName);
    return { ms: performance.now(), cpuSeconds: cpuSeconds(process.pid), samples };
  }

  #received(name: string): Promise<Received> {
    return this.#options.sink.ask<Received>({ ask: 'received', name });
  }
}

interface Moment {
  readonly ms: number;
  readonly cpuSeconds: number;
  readonly samples: number;
}

function measured(from: Moment, to: Moment): Measured {
  const samples = to.samples - from.samples;
  const seconds = (to.ms - from.ms) / 1000;
  const cpu = to.cpuSeconds - from.cpuSeconds;
  return { samplesPerSecond: samples / seconds, cpuPerMillion: (cpu / samples) * 1e6, cores: cpu / seconds };
}

function lineOf({ samplesPerSecond, cpuPerMillion, cores }: Measured): string {
  return `${samplesPerSecond.toFixed(0)} samples/s, ${cpuPerMillion.toFixed(2)} CPU-s per M samples, ${cores.toFixed(4)} cores`;
}
