import { appendFileSync, closeSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { decodeLogBlock } from '../../src/codec/log-block/log-block.ts';
import { type CollectorOptions, LogCollector } from '../../src/inputs/container/log-collector.ts';
import { LogDescriber } from '../../src/inputs/container/log-description.ts';
import { LogTree } from '../../src/inputs/container/log-tree.ts';
import { logFlags } from '../../src/model/log.ts';
import type { HeldClock } from './clock.ts';
import { type Emission, type FakeInputRuntime, fakeInputRuntime } from './input-runtime.ts';

/** A record as it was emitted. */
export interface TailedLine {
  readonly text: string;
  readonly bytes: Buffer;
  readonly stream: 'stdout' | 'stderr';
  readonly truncated: boolean;
  readonly time: string;
  readonly container: string | undefined;
  readonly gap: boolean;
}

export function linesOf(emission: Emission): readonly TailedLine[] {
  if (emission.items === 0) {
    return [];
  }
  const block = decodeLogBlock(emission.payload);
  return Array.from({ length: block.count }, (_, i) => {
    const bytes = Buffer.from(block.bytes.subarray(block.offsets[i], block.offsets[i + 1]));
    return {
      text: bytes.toString(),
      bytes,
      stream: (block.flags[i]! & logFlags.stderr) === 0 ? 'stdout' : 'stderr',
      truncated: (block.flags[i]! & logFlags.truncated) !== 0,
      time: `${block.seconds[i]}.${String(block.nanos[i]).padStart(9, '0')}`,
      container: emission.origin.container,
      gap: (block.flags[i]! & logFlags.gap) !== 0,
    };
  });
}

/** One container's log directory, written as a runtime and a kubelet do. */
export class PodLogs {
  readonly root: string;
  readonly directory: string;
  #nanos = 0;
  #rotations = 0;

  constructor(root: string, path = 'default_web-1_0b7c/app') {
    this.root = root;
    this.directory = join(root, path);
    mkdirSync(this.directory, { recursive: true });
  }

  path(name = '0.log'): string {
    return join(this.directory, name);
  }

  /** A CRI line with a time of its own. */
  line(text: string, tag = 'F', stream = 'stdout'): string {
    this.#nanos += 1_000;
    const fraction = String(this.#nanos).padStart(9, '0').replace(/0+$/, '');
    return `2026-11-21T09:39:00.${fraction}Z ${stream} ${tag} ${text}\n`;
  }

  write(...texts: readonly string[]): void {
    this.append(texts.map((text) => this.line(text)).join(''));
  }

  append(bytes: string | Buffer, name = '0.log'): void {
    appendFileSync(this.path(name), bytes);
  }

  /** What the kubelet does first: the runtime goes on writing to the renamed file until it is told to open anew. */
  rename(name = '0.log'): string {
    this.#rotations += 1;
    const rotated = `${name}.20261121-${String(this.#rotations).padStart(6, '0')}`;
    renameSync(this.path(name), this.path(rotated));
    return rotated;
  }

  create(name = '0.log'): void {
    closeSync(openSync(this.path(name), 'a'));
  }

  rotate(): string {
    const rotated = this.rename();
    this.create();
    return rotated;
  }

  truncate(name = '0.log'): void {
    writeFileSync(this.path(name), '');
  }

  remove(name = '0.log'): void {
    rmSync(this.path(name));
  }

  removePod(): void {
    rmSync(dirname(this.directory), { recursive: true });
  }
}

/** A collector whose looks, polls and time are in the hand of a test. */
export class CollectorRig {
  readonly runtime: FakeInputRuntime;
  readonly collector: LogCollector;
  readonly #tree: LogTree;
  readonly #root: string;
  readonly #options: Partial<CollectorOptions>;

  constructor(root: string, options: Partial<CollectorOptions> = {}, runtime = fakeInputRuntime()) {
    this.runtime = runtime;
    this.#root = root;
    this.#options = options;
    this.#tree = new LogTree({ root, accepts: () => true });
    const defaults = {
      maxLineBytes: 1_048_576,
      flushAfterMs: 5_000,
      pinned: { ms: 3_600_000, bytes: 1e9 },
      from: 'beginning' as const,
      times: 'runtime' as const,
      describer: new LogDescriber(),
    };
    this.collector = new LogCollector({ keyPrefix: 'container:test:', ...defaults, ...options }, runtime);
    this.collector.resume();
  }

  get clock(): HeldClock {
    return this.runtime.clock;
  }

  /** Records that are durable, in the order of their emission. */
  get lines(): readonly TailedLine[] {
    return this.runtime.emitted.flatMap(linesOf);
  }

  get texts(): readonly string[] {
    return this.lines.map((line) => line.text);
  }

  /** Without those that stand for a gap. */
  get records(): readonly string[] {
    return this.lines.filter((line) => !line.gap).map((line) => line.text);
  }

  get gaps(): readonly string[] {
    return this.lines.filter((line) => line.gap).map((line) => line.text);
  }

  async look(): Promise<void> {
    await this.collector.see((await this.#tree.look())!);
  }

  /** A look and all the reading that follows from it. */
  async turn(): Promise<void> {
    await this.look();
    await this.collector.settled();
  }

  /** Lets time pass, with looks and polls as a running input has them. */
  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 500) {
      await this.clock.advance(Math.min(500, left));
      await this.turn();
    }
  }

  /** Until files that are finished have been let go. */
  async rest(): Promise<void> {
    await this.turn();
    await this.pass(7_000);
  }

  /** The next life, after a kill: it knows what was durable. */
  async crash(): Promise<CollectorRig> {
    const next = new CollectorRig(this.#root, this.#options, this.runtime.restart());
    await Promise.all(this.collector.logs.map((log) => log.close()));
    return next;
  }

  async stop(): Promise<void> {
    this.runtime.release();
    await this.collector.stop();
  }
}
