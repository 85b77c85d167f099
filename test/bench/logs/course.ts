import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { run } from '../lane/child.ts';
import { cpuSeconds, peakMegabytes } from '../zipkin/process-cost.ts';
import type { Corpus } from './corpus.ts';
import { delaysOf } from './live-delay.ts';
import type { LivePlan } from './live-writer.ts';
import type { LogPeer, LogPeerKind } from './peers.ts';

const gib = 2 ** 30;

export interface Cold {
  readonly cpuPerGib: number;
  readonly mbPerSecond: number;
  readonly peakMegabytes: number;
  /** Records beyond those of the corpus; negative: missing. */
  readonly surplus: number;
  /** Bytes on disk of the stored logs, per byte of the files. */
  readonly storedShare: number;
}

export interface Live {
  readonly cores: number;
  readonly cpuPerGib: number;
  readonly mbPerSecond: number;
  readonly peakMegabytes: number;
  readonly delayP50Ms: number;
  readonly delayP99Ms: number;
}

export interface CorpusPlace extends Corpus {
  readonly root: string;
}

async function withPeer<T>(
  kind: LogPeerKind,
  dir: string,
  work: (peer: LogPeer, root: string) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(dir, 'run-'));
  const root = join(folder, 'pods');
  mkdirSync(root);
  let peer: LogPeer | undefined;
  try {
    peer = await kind.start(folder, root);
    return await work(peer, root);
  } finally {
    await peer?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function atEnd(peer: LogPeer, records: number): Promise<number> {
  for (let same = 0; ; await delay(200)) {
    const now = await peer.progress();
    same = now.isAtEnd && now.records >= records ? same + 1 : 0;
    if (same === 2) {
      return now.records;
    }
  }
}

/** The files are there before their directories are moved to where the peer looks. */
export function runCold(kind: LogPeerKind, corpus: CorpusPlace, dir: string): Promise<Cold> {
  return withPeer(kind, dir, async (peer, root) => {
    const pods = readdirSync(corpus.root);
    try {
      await delay(1_000);
      const cpu = cpuSeconds(peer.pid);
      const began = performance.now();
      for (const pod of pods) {
        renameSync(join(corpus.root, pod), join(root, pod));
      }
      const records = await atEnd(peer, corpus.records);
      const seconds = (performance.now() - began) / 1_000;
      return {
        cpuPerGib: (cpuSeconds(peer.pid) - cpu) * (gib / corpus.bytes),
        mbPerSecond: corpus.bytes / 1e6 / seconds,
        peakMegabytes: peakMegabytes(peer.pid),
        surplus: records - corpus.records,
        storedShare: bytesBelow(join(peer.store, 'logs')) / corpus.bytes,
      };
    } finally {
      for (const pod of pods) {
        renameSync(join(root, pod), join(corpus.root, pod));
      }
    }
  });
}

export function runLive(kind: LogPeerKind, plan: Omit<LivePlan, 'root'>, dir: string): Promise<Live> {
  return withPeer(kind, dir, async (peer, root) => {
    const stop = new AbortController();
    const delays = kind.hasTail ? delaysOf(peer.url, stop.signal) : Promise.resolve([]);
    const cpu = cpuSeconds(peer.pid);
    const began = performance.now();
    const written = await run<{ bytes: number; records: number }>('../logs/live-writer.ts', { ...plan, root });
    const seconds = (performance.now() - began) / 1_000;
    await atEnd(peer, written.records);
    const used = cpuSeconds(peer.pid) - cpu;
    stop.abort();
    const sorted = (await delays).toSorted((a, b) => a - b);
    const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
    return {
      cores: used / seconds,
      cpuPerGib: used * (gib / written.bytes),
      mbPerSecond: written.bytes / 1e6 / seconds,
      peakMegabytes: peakMegabytes(peer.pid),
      delayP50Ms: at(0.5),
      delayP99Ms: at(0.99),
    };
  });
}

function bytesBelow(folder: string): number {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' }).reduce((sum, name) => {
      const facts = statSync(join(folder, name));
      return sum + (facts.isFile() ? facts.size : 0);
    }, 0);
  } catch {
    return 0;
  }
}
