import { systemClock } from '../../lib/clock.ts';
import type { AppContainer } from './app-container.ts';
import type { PodLog } from './pod-log.ts';

const usualLifeMs = 3000;
/** As the kubelet: longer each time. */
const firstPauseMs = 10_000;
const longestPauseMs = 300_000;
const exitCode = 1;
const lastWords = ['FATAL the catalogue cannot be read: unexpected end of file', 'exit status 1'];

/** What became of the application's container of a pod. */
export interface ContainerEvent {
  readonly workload: string;
  readonly pod: string;
  readonly container: string;
  /** `waiting`: it ended, and is started again after a pause. */
  readonly state: 'running' | 'waiting';
  /** How often it was started again: the number in the name of its log. */
  readonly restarts: number;
  /** Of its last end. */
  readonly exitCode: number | undefined;
}

export interface ContainerPlan {
  readonly make: () => Pick<AppContainer, 'start' | 'stop'>;
  readonly log: PodLog;
  /** Called when it runs or not. */
  readonly onChange: (state: ContainerEvent['state'], restarts: number, exitCode: number | undefined) => void;
  /** Where they are not the kubelet's: how long it lives, and how long the first pause is. */
  readonly livesMs?: number;
  readonly pauseMs?: number;
}

/** Runs the application of a pod, or lets it end again and again. */
export class ContainerLife {
  readonly #plan: ContainerPlan;
  #container: Pick<AppContainer, 'start' | 'stop'> | undefined;
  #crashing: AbortController | undefined;
  #loop: Promise<void> = Promise.resolve();

  constructor(plan: ContainerPlan) {
    this.#plan = plan;
  }

  async start(): Promise<void> {
    const container = this.#plan.make();
    this.#container = container;
    await container.start();
    this.#plan.onChange('running', this.#plan.log.restarts, undefined);
  }

  /** Resolves at once where it is to crash, and when it runs again where it is not. */
  async crash(mode: 'again and again' | 'no more'): Promise<void> {
    if (mode === 'no more') {
      this.#crashing?.abort();
      this.#crashing = undefined;
      await this.#loop;
    } else if (this.#crashing === undefined) {
      const crashing = new AbortController();
      this.#crashing = crashing;
      this.#loop = this.#crashUntil(crashing.signal);
    }
  }

  /** Ends it for good. */
  async stop(): Promise<void> {
    await this.crash('no more');
    await this.#container?.stop();
    this.#plan.log.close();
  }

  async #crashUntil(signal: AbortSignal): Promise<void> {
    const { log, onChange, livesMs = usualLifeMs, pauseMs = firstPauseMs } = this.#plan;
    for (let pause = pauseMs; !signal.aborted; pause = Math.min(pause * 2, longestPauseMs)) {
      await sleep(livesMs, signal);
      if (signal.aborted) {
        return;
      }
      for (const line of lastWords) {
        log.write('stderr', line, nowMs());
      }
      await this.#container?.stop();
      this.#container = undefined;
      onChange('waiting', log.restarts, exitCode);
      await sleep(pause, signal);
      await this.#begin();
    }
  }

  /** Where it cannot begin, its log says why, and it stays down until the next time. */
  async #begin(): Promise<void> {
    const { log, make, onChange } = this.#plan;
    log.restart();
    const container = make();
    try {
      await container.start();
    } catch (error) {
      log.write('stderr', `FATAL ${error instanceof Error ? error.message : String(error)}`, nowMs());
      await container.stop();
      return;
    }
    this.#container = container;
    onChange('running', log.restarts, exitCode);
  }
}

async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  await systemClock.sleep(ms, signal).catch(() => {});
}

/** ms since 1970 with a fraction: lines of one ms keep their order. */
export function nowMs(): number {
  return performance.timeOrigin + performance.now();
}
