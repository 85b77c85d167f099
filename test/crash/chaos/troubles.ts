import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Daemon, startDaemon } from '../../e2e/daemon.ts';
import type { Choices } from '../../e2e/zipkin/choices.ts';
import type { Fault, FaultProxy } from '../../fakes/fault-proxy.ts';
import type { SmallDisk } from './small-disk.ts';

/** Something that goes wrong again and again. Its choices are the same for the same seed; what they meet is not. */
export type Track = (untilMs: number) => Promise<void>;

const fullAtMostMs = 60_000;

/** Waits, but not past the end. */
async function pause(ms: number, untilMs: number): Promise<void> {
  await delay(Math.max(0, Math.min(ms, untilMs - performance.now())));
}

export interface KeeperOptions {
  readonly dir: string;
  readonly port: number;
  readonly through: readonly string[];
  /** TOML by file name, for the n-th configuration. */
  readonly config: (version: number) => Readonly<Record<string, string>>;
  readonly say: (what: string) => void;
}

/** Keeps the daemon running, as Kubernetes does, and ends it now and then. */
export class Keeper {
  readonly #options: KeeperOptions;
  #daemon: Daemon | undefined;
  #version = 0;
  kills = 0;
  stops = 0;
  reloads = 0;
  badReloads = 0;
  readonly #fallen: { readonly how: string; readonly daemon: Daemon }[] = [];
  #isEnding = false;

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  /** Ends that nobody asked for, each with its last words, which may be read a little after its end. */
  get falls(): readonly string[] {
    return this.#fallen.map(({ how, daemon }) => `${how}: ${daemon.output().slice(-4_000)}`);
  }

  get daemon(): Daemon {
    if (this.#daemon === undefined) {
      throw new Error('it was not started');
    }
    return this.#daemon;
  }

  async start(): Promise<void> {
    const daemon = await this.#started();
    this.#daemon = daemon;
    void daemon.exited.then((how) => {
      if (this.#daemon === daemon && !this.#isEnding) {
        this.#fallen.push({ how: String(how), daemon });
      }
    });
  }

  /** On a full disk it says so and ends; it is started again then, as Kubernetes does, until there is room. */
  async #started(): Promise<Daemon> {
    const { dir, port, through, config, say } = this.#options;
    for (const endMs = performance.now() + fullAtMostMs; ; ) {
      try {
        return await startDaemon({ dir, port, through, readyMs: 120_000, config: config(this.#version) });
      } catch (error) {
        const isFull = /the daemon ended with 1:.* cannot be opened: .*ENOSPC/s.test(String(error));
        if (!isFull || performance.now() > endMs) {
          throw error;
        }
      }
      say('it does not start, since the disk is full');
    }
  }

  async end(signal: NodeJS.Signals): Promise<number | string> {
    this.#isEnding = true;
    const how = await this.daemon.end(signal);
    return how;
  }

  track(choices: Choices): Track {
    return async (untilMs) => {
      for (;;) {
        await pause(1_500 + choices.below(4_000), untilMs);
        if (performance.now() >= untilMs) {
          return;
        }
        await this.#trouble(choices);
      }
    };
  }

  async #trouble(choices: Choices): Promise<void> {
    const what = choices.of(['kill', 'kill', 'kill', 'reload', 'reload', 'bad reload', 'stop'] as const);
    this.#options.say(what);
    if (what === 'reload') {
      await this.#reload();
    } else if (what === 'bad reload') {
      await this.#badReload();
    } else {
      const signal = what === 'kill' ? 'SIGKILL' : 'SIGTERM';
      const how = await this.end(signal);
      if (what === 'stop' && how !== 0) {
        this.#fallen.push({ how: `${how} when it was told to stop`, daemon: this.daemon });
      }
      this.kills += what === 'kill' ? 1 : 0;
      this.stops += what === 'stop' ? 1 : 0;
      await this.start();
      this.#isEnding = false;
      this.#options.say('is back');
    }
  }

  async #reload(): Promise<void> {
    this.#version += 1;
    this.reloads += 1;
    await this.#write(this.#options.config(this.#version));
    process.kill(this.daemon.pid, 'SIGHUP');
  }

  /** The last good configuration is to go on. */
  async #badReload(): Promise<void> {
    this.badReloads += 1;
    await this.#write({ 'bad.conf': '[[outputs.file]]\n  pth = "nowhere"\n' });
    process.kill(this.daemon.pid, 'SIGHUP');
    await delay(500);
    await this.#write({ 'bad.conf': '' });
    process.kill(this.daemon.pid, 'SIGHUP');
  }

  async #write(files: Readonly<Record<string, string>>): Promise<void> {
    for (const [name, toml] of Object.entries(files)) {
      await writeFile(join(this.#options.dir, 'conf.d', name), toml);
    }
  }
}

const faults: readonly Fault[] = [
  { kind: 'refuse' },
  { kind: 'hang' },
  { kind: 'slow' },
  { kind: 'cut request' },
  { kind: 'cut answer' },
  { kind: 'answer', status: 500 },
  { kind: 'answer', status: 503 },
  { kind: 'answer', status: 429, headers: { 'retry-after': '1' } },
];

/** The backend's bad day. */
export function farTrack(proxy: FaultProxy, choices: Choices, say: (what: string) => void): Track {
  return async (untilMs) => {
    while (performance.now() < untilMs) {
      await pause(500 + choices.below(4_000), untilMs);
      const fault = choices.of(faults);
      say(`the backend: ${fault.kind}${fault.kind === 'answer' ? ` ${fault.status}` : ''}`);
      await proxy.set(fault);
      await pause(300 + choices.below(4_000), untilMs);
      await proxy.set({ kind: 'pass' });
    }
  };
}

/** A disk that is full now and then: nearly, so that the daemon refuses, or to the last byte. */
export function diskTrack(disk: SmallDisk, choices: Choices, say: (what: string) => void): Track {
  return async (untilMs) => {
    while (performance.now() < untilMs) {
      await pause(3_000 + choices.below(7_000), untilMs);
      const leaveBytes = choices.of([0, 0, 4 * 1024 * 1024]);
      say(`the disk: ${leaveBytes} bytes free`);
      await disk.fill(leaveBytes);
      await pause(500 + choices.below(3_500), untilMs);
      await disk.empty();
      say('the disk: free again');
    }
  };
}
