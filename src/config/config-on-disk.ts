import type { LoadedConfig } from './load.ts';
import type { ConfigWatch } from './watch.ts';

export interface ConfigOnDiskOptions {
  readonly load: () => Promise<LoadedConfig>;
  /** Calls back at every SIGHUP. */
  readonly onHangUp: (listener: () => void) => void;
  readonly watch: ConfigWatch;
}

/** The configuration files, and who says that they are to be read again: SIGHUP, and the files themselves. */
export class ConfigOnDisk {
  readonly #options: ConfigOnDiskOptions;
  #onWanted: ((why: string) => void) | undefined;
  #early: string | undefined;

  constructor(options: ConfigOnDiskOptions) {
    this.#options = options;
    options.onHangUp(() => this.#want('SIGHUP'));
  }

  /** What changes from now on is noticed, be it before `listen`. */
  async load(): Promise<LoadedConfig> {
    await this.#options.watch.note();
    return this.#options.load();
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
    await this.#options.watch.stop();
  }

  #want(why: string): void {
    if (this.#onWanted === undefined) {
      this.#early = why;
    } else {
      this.#onWanted(why);
    }
  }
}
