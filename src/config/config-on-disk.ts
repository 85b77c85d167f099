import type { Clock } from '../contract/runtime.ts';
import type { LoadedConfig } from './load.ts';
import type { ConfigWatch } from './watch.ts';

export interface ConfigOnDiskOptions {
  readonly load: () => Promise<LoadedConfig>;
  /** Calls back at every SIGHUP. */
  readonly onHangUp: (listener: () => void) => void;
  readonly watch: Pick<ConfigWatch, 'note' | 'start' | 'stop'>;
  readonly clock: Pick<Clock, 'sleep'>;
}

/** What is read while the process runs has stood still for this long. */
const stillMs = 100;
/** Files that go on changing are read as they are in the end; the next change is noticed as any other. */
const mostLooks = 100;

/** The configuration files, and who says that they are to be read again: SIGHUP, and the files themselves. */
export class ConfigOnDisk {
  readonly #options: ConfigOnDiskOptions;
  readonly #stopped = new AbortController();
  #onWanted: ((why: string) => void) | undefined;
  #early: string | undefined;

  constructor(options: ConfigOnDiskOptions) {
    this.#options = options;
    options.onHangUp(() => this.#want('SIGHUP'));
  }

  /**
   * What changes from now on is noticed, be it before `listen`. While the process runs, files that are being written are waited
   * for: who writes a file cuts it to nothing first, and a configuration of nothing would take everything out.
   */
  async load(): Promise<LoadedConfig> {
    const { watch, load } = this.#options;
    let known = await watch.note();
    if (this.#onWanted === undefined) {
      return load();
    }
    for (let looks = 0; looks < mostLooks && !this.#stopped.signal.aborted; looks += 1) {
      await this.#moment();
      const config = await load();
      const now = await watch.note();
      if (now === known) {
        return config;
      }
      known = now;
    }
    return load();
  }

  listen(onWanted: (why: string) => void): void {
    this.#onWanted = onWanted;
    this.#options.watch.start(() => this.#want('the files have changed'));
    if (this.#early !== undefined) {
      onWanted(this.#early);
    }
  }

  async stop(): Promise<void> {
    this.#onWanted = () => undefined;
    this.#stopped.abort();
    await this.#options.watch.stop();
  }

  async #moment(): Promise<void> {
    await this.#options.clock.sleep(stillMs, this.#stopped.signal).catch(() => undefined);
  }

  #want(why: string): void {
    if (this.#onWanted === undefined) {
      this.#early = why;
    } else {
      this.#onWanted(why);
    }
  }
}
