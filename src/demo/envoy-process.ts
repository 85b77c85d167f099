import { type ChildProcess, spawn } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { systemClock } from '../lib/clock.ts';
import { eachLine } from './lines.ts';

/** Envoy ends when fd 3 closes: also when this process is killed and can do nothing about it. */
const lifeline = '(cat <&3 >/dev/null; kill -TERM $$ 2>/dev/null) & exec 3<&-; exec "$@"';
const startWithinMs = 30_000;
const stopWithinMs = 5000;

export interface EnvoyPlan {
  readonly program: string;
  readonly folder: string;
  readonly bootstrap: object;
  readonly onLine: (stream: 'stdout' | 'stderr', line: string) => void;
}

/** One running Envoy. */
export class EnvoyProcess {
  readonly #child: ChildProcess;
  readonly #plan: EnvoyPlan;
  #lastWords = '';

  /** `exit 1` or `SIGSEGV`, with its last words, once it is gone. */
  readonly ended: Promise<string>;

  private constructor(plan: EnvoyPlan, child: ChildProcess) {
    this.#plan = plan;
    this.#child = child;
    this.ended = this.#end();
    if (child.stdout !== null) {
      eachLine(child.stdout, (line) => plan.onLine('stdout', line));
    }
    if (child.stderr !== null) {
      eachLine(child.stderr, (line) => {
        this.#lastWords = line;
        plan.onLine('stderr', line);
      });
    }
  }

  /** Resolves when it takes requests. Rejects with its last words if it ends before, or after 30 s. */
  static async start(plan: EnvoyPlan, signal: AbortSignal): Promise<EnvoyProcess> {
    const config = join(plan.folder, 'envoy.json');
    const admin = join(plan.folder, 'admin-address');
    await rm(admin, { force: true });
    await writeFile(config, JSON.stringify(plan.bootstrap, undefined, 2));
    const args = ['-c', config, '--admin-address-path', admin, '--disable-hot-restart', '--concurrency', '1'];
    const quiet = ['--log-level', 'warning', '--file-flush-interval-msec', '1000'];
    const child = spawn('/bin/sh', ['-c', lifeline, 'sh', plan.program, ...args, ...quiet], {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      env: { PATH: '/usr/bin:/bin' },
      // Ctrl-C is for the daemon, which then ends Envoy in its own order.
      detached: true,
    });
    const envoy = new EnvoyProcess(plan, child);
    const decided = new AbortController();
    try {
      const live = envoy.#live(AbortSignal.any([signal, decided.signal]));
      await Promise.race([live, envoy.ended.then((how) => Promise.reject(new Error(how)))]);
      return envoy;
    } catch (error) {
      await envoy.stop();
      throw error;
    } finally {
      decided.abort();
    }
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** `host:port` where it answers questions about itself. */
  async adminAddress(): Promise<string> {
    return (await readFile(join(this.#plan.folder, 'admin-address'), 'utf8')).trim();
  }

  /** The port that a listener got. */
  async portOf(listener: string): Promise<number> {
    const answer = await fetch(`http://${await this.adminAddress()}/listeners?format=json`);
    const text = await answer.text();
    const status: {
      listener_statuses?: { name: string; local_address: { socket_address: { port_value: number } } }[];
    } = JSON.parse(text);
    const found = status.listener_statuses?.find(({ name }) => name === listener);
    if (found === undefined) {
      throw new Error(`Envoy has no listener ${listener}`);
    }
    return found.local_address.socket_address.port_value;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill('SIGTERM');
      const hard = setTimeout(() => this.#child.kill('SIGKILL'), stopWithinMs);
      await this.ended;
      clearTimeout(hard);
    }
  }

  async #end(): Promise<string> {
    const { promise, resolve } = Promise.withResolvers<string>();
    this.#child.on('error', (error) => resolve(error.message));
    this.#child.on('exit', (code, signal) => resolve(signal ?? `exit ${code}`));
    const how = await promise;
    const line = this.#child.stdio[3] as Writable | null;
    line?.destroy();
    return this.#lastWords === '' ? how : `${how}: ${this.#lastWords}`;
  }

  async #live(signal: AbortSignal): Promise<void> {
    for (const deadline = systemClock.now() + startWithinMs; systemClock.now() < deadline; ) {
      if (await this.#answersReady()) {
        return;
      }
      await systemClock.sleep(50, signal);
    }
    throw new Error(`not ready after ${startWithinMs / 1000} s`);
  }

  async #answersReady(): Promise<boolean> {
    try {
      return (await fetch(`http://${await this.adminAddress()}/ready`)).ok;
    } catch {
      return false;
    }
  }
}
