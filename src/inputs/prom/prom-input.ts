import type { Input, InputRuntime } from '../../contract/input.ts';
import type { PromConfig } from '../../scrape/config.ts';
import type { Target } from '../../scrape/target.ts';

const states = ['waiting', 'up', 'down'] as const;
const leastIntervalMs = 1_000;

/** The targets of one `[[inputs.prom]]`. */
export class PromInput implements Input {
  readonly #config: PromConfig;
  readonly #runtime: InputRuntime;
  readonly #stop = new AbortController();
  #targets: readonly Target[] = [];
  #running: Promise<unknown> = Promise.resolve();

  constructor(config: PromConfig, runtime: InputRuntime) {
    // As DataKit, which takes no shorter one either.
    this.#config = { ...config, interval: Math.max(config.interval, leastIntervalMs) };
    this.#runtime = runtime;
  }

  async start(): Promise<void> {
    const [{ Target }, { PageBuffers }, { nameFilter }] = await Promise.all([
      import('../../scrape/target.ts'),
      import('../../scrape/page-buffers.ts'),
      import('../../scrape/name-filter.ts'),
    ]);
    const config = this.#config;
    const runtime = this.#runtime;
    const shared = { config, runtime, buffers: new PageBuffers(), wantedName: nameFilter(config) };
    const urls = config.urls.length > 0 ? config.urls : config.url === undefined ? [] : [config.url];
    const onChange = (): void => this.#count();
    this.#targets = [...new Set(urls)].map((url) => new Target({ ...shared, url, onChange }));
    this.#count();
    this.#running = Promise.all(this.#targets.map((target) => target.run(this.#stop.signal)));
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /** Series of targets that nobody scrapes any more end here; those of a process that ends do not. */
  async retire(): Promise<void> {
    await this.stop();
    await Promise.all(this.#targets.map((target) => target.retire()));
    this.#targets = [];
    this.#count();
  }

  status(): object {
    return { targets: this.#targets.map((target) => target.status()) };
  }

  #count(): void {
    for (const state of states) {
      const count = this.#targets.filter((target) => target.status().state === state).length;
      this.#runtime.meter
        .gauge('meshbridge_scrape_targets', 'Targets by what their last scrape was.', {
          input: this.#runtime.id,
          state,
        })
        .set(count);
    }
  }
}
