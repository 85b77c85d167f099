import { writeFile } from 'node:fs/promises';
import { systemClock } from '../../lib/clock.ts';
import { type Guarded, spawnGuarded } from './guarded.ts';
import { get } from './http-get.ts';
import { eachLine } from './lines.ts';
import type { Place } from './place.ts';
import { parseReport, type Report } from './reports.ts';

const startWithinMs = 60_000;
const stopWithinMs = 5000;

export interface EnvoyPlan {
  readonly program: string;
  /** The file that its configuration is written to. */
  readonly configFile: string;
  readonly bootstrap: object;
  /** Where it answers questions about itself. */
  readonly admin: Place;
  readonly onReport: (report: Report) => void;
  readonly onLine: (stream: 'stdout' | 'stderr', line: string) => void;
}

/** One running Envoy. */
export class EnvoyProcess {
  readonly #child: Guarded;
  readonly #plan: EnvoyPlan;
  #lastWords = '';
  #complaint: string | undefined;

  /** `exit 1` or `SIGSEGV`, with its last words, once it is gone. */
  readonly ended: Promise<string>;

  private constructor(plan: EnvoyPlan, child: Guarded) {
    this.#plan = plan;
    this.#child = child;
    this.ended = this.#end();
    eachLine(child.stdout, (line) => plan.onLine('stdout', line));
    eachLine(child.stderr, (line) => this.#hear(line));
  }

  /** Resolves when it takes requests. Rejects with its last words if it ends before, or after a minute. */
  static async start(plan: EnvoyPlan, signal: AbortSignal): Promise<EnvoyProcess> {
    // It has a private key in it.
    await writeFile(plan.configFile, JSON.stringify(plan.bootstrap, undefined, 2), { mode: 0o600 });
    const args = ['-c', plan.configFile, '--disable-hot-restart', '--concurrency', '1'];
    const quiet = ['--log-level', 'warning', '--file-flush-interval-msec', '1000'];
    // The agent of Istio has its Envoy write times, levels and scopes this way.
    const format = ['--log-format', '%Y-%m-%dT%T.%fZ\t%l\tenvoy %n %g:%#\t%v\tthread=%t'];
    const child = spawnGuarded(plan.program, [...args, ...quiet, ...format], { env: { PATH: '/usr/bin:/bin' } });
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

  /** What it said last of a configuration that it did not take. */
  get complaint(): string | undefined {
    return this.#complaint;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill('SIGTERM');
      const hard = setTimeout(() => this.#child.kill('SIGKILL'), stopWithinMs);
      await this.ended;
      clearTimeout(hard);
    }
  }

  #hear(line: string): void {
    const report = parseReport(line);
    if (report === undefined) {
      this.#lastWords = line;
      this.#complaint = /rejected: (.*?)(?:\tthread=\d+)?$/.exec(line)?.[1] ?? this.#complaint;
      this.#plan.onLine('stderr', line);
    } else {
      this.#plan.onReport(report);
    }
  }

  async #end(): Promise<string> {
    const { promise, resolve } = Promise.withResolvers<string>();
    this.#child.on('error', (error) => resolve(error.message));
    this.#child.on('exit', (code, signal) => resolve(signal ?? `exit ${code}`));
    const how = await promise;
    return this.#lastWords === '' ? how : `${how}: ${this.#lastWords}`;
  }

  async #live(signal: AbortSignal): Promise<void> {
    for (const deadline = systemClock.now() + startWithinMs; systemClock.now() < deadline; ) {
      if (await this.#answersReady()) {
        return;
      }
      await systemClock.sleep(100, signal);
    }
    throw new Error(`not ready after ${startWithinMs / 1000} s`);
  }

  async #answersReady(): Promise<boolean> {
    const answer = await get({ ...this.#plan.admin, path: '/ready', timeoutMs: 1000 });
    return answer?.status === 200;
  }
}
