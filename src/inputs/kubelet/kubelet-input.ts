import type { Input, InputRuntime } from '../../contract/input.ts';
import type { Explained } from '../../scrape/explain.ts';
import { type NameFilter, nameFilter } from '../../scrape/name-filter.ts';
import { PageBuffers } from '../../scrape/page-buffers.ts';
import { type Fetched, PageFetcher } from '../../scrape/page-fetcher.ts';
import { Target } from '../../scrape/target.ts';
import { gaugeTargets } from '../../scrape/target-gauge.ts';
import type { KubeletConfig } from './kubelet.ts';
import { type KubeletPage, pagesOf, targetConfig, urlOf } from './pages.ts';
import { explainedBy, isCertificateFault, isRefusal, type KubeletPlace, type Way, waysOf } from './ways.ts';

/** A way that did not lead to a page. */
interface Failure extends Explained {
  readonly way: Way;
}

interface Look {
  /** Undefined: none leads there. */
  readonly way: Way | undefined;
  readonly failures: readonly Failure[];
  readonly atMs: number;
}

/** How soon to look again for a way that leads there. */
const lookAgainMs = 60_000;
/** How soon to look again for a better one while another is good: the API server is not to carry it for ever. */
const looksForBetter = 10;

/**
 * Scrapes the kubelet of one node. First it looks for a way in: directly with the certificate verified, directly without,
 * through the API server. Where none is open it says what is missing, and looks again every minute; while a kubelet that
 * once answered is away, `up` is 0.
 */
export class KubeletInput implements Input {
  readonly #config: KubeletConfig;
  readonly #runtime: InputRuntime;
  readonly #node: string | undefined;
  readonly #ways: readonly Way[];
  readonly #pages: readonly KubeletPage[];
  readonly #buffers = new PageBuffers();
  readonly #wantedName: NameFilter;
  readonly #stop = new AbortController();
  #targets: readonly Target[] = [];
  #last: Look | undefined;
  #running: Promise<void> = Promise.resolve();

  /** Throws BRIDGE_CONFIG. */
  constructor(config: KubeletConfig, runtime: InputRuntime, place: KubeletPlace | undefined) {
    this.#config = config;
    this.#runtime = runtime;
    this.#node = place?.node;
    this.#ways = waysOf(config, place);
    this.#pages = pagesOf(config);
    this.#wantedName = nameFilter(config);
  }

  async start(): Promise<void> {
    if (this.#ways.length === 0) {
      const hint = 'write its url, or run in a cluster';
      this.#runtime.log.warn({ hint }, 'Where the kubelet is, is not known; it is not scraped.');
    } else if (this.#pages.length > 0) {
      gaugeTargets(this.#runtime, []);
      this.#running = this.#run(this.#stop.signal);
    }
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async retire(): Promise<void> {
    await this.stop();
    await this.#retireTargets();
  }

  status(): object {
    const { way, failures = [] } = this.#last ?? {};
    return {
      ...(this.#node !== undefined && { node: this.#node }),
      ...(way && { way: { name: way.name, url: way.base, verified: way.verified } }),
      ...(failures.length > 0 && { closed: failures.map(shown) }),
      targets: way === undefined ? this.#closedTargets() : this.#targets.map((target) => target.status()),
    };
  }

  warnings(): readonly string[] {
    const { way, failures = [] } = this.#last ?? {};
    const closed = failures.map(shown).map(({ url, error, hint }) => [`${url}: ${error}`, hint ?? ''].filter(Boolean));
    return way === undefined && closed.length > 0
      ? [`the kubelet of this node cannot be scraped: ${closed.map((parts) => parts.join('; ')).join(' · ')}`]
      : [];
  }

  /** The pages as targets that are down, while nothing leads to them. */
  #closedTargets(): readonly object[] {
    const { failures = [], atMs = 0 } = this.#last ?? {};
    const first = failures[0];
    if (first === undefined) {
      return [];
    }
    const { error, hint } = shown(first);
    const times = { intervalMs: lookAgainMs, lastMs: atMs, nextMs: atMs + lookAgainMs };
    const why = { error, ...(hint !== undefined && { hint }) };
    return this.#pages.map((page) => ({
      url: urlOf(first.way, page),
      source: 'kubelet',
      state: 'down',
      ...times,
      ...why,
    }));
  }

  /** Until the signal is aborted. Never rejects. */
  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const { way } = await this.#look(signal);
      if (way === undefined) {
        await this.#pause(signal);
      } else {
        await this.#scrapeBy(way, signal);
      }
    }
  }

  #pause(signal: AbortSignal): Promise<void> {
    return this.#runtime.clock.sleep(lookAgainMs, signal).catch(() => undefined);
  }

  async #look(signal: AbortSignal): Promise<Look> {
    /** By address: of several tries at one only the last is of interest. */
    const failures = new Map<string, Failure>();
    let open: Way | undefined;
    for (const way of this.#ways) {
      const before = failures.get(way.base);
      if (open !== undefined || signal.aborted || (before !== undefined && !isCertificateFault(before))) {
        continue;
      }
      const failure = await this.#probe(way, signal);
      if (failure === undefined) {
        open = way;
        failures.delete(way.base);
      } else {
        failures.set(way.base, { way, ...explainedBy(way, failure) });
      }
    }
    return this.#looked({ way: open, failures: [...failures.values()], atMs: this.#runtime.clock.now() });
  }

  /** Undefined where one of the pages is there. */
  async #probe(way: Way, signal: AbortSignal): Promise<Explained | undefined> {
    const { userAgent } = this.#runtime;
    let first: Explained | undefined;
    for (const page of this.#pages) {
      const config = targetConfig(this.#config, way, page);
      const url = urlOf(way, page);
      const timeoutMs = Math.min(config.timeout, config.interval);
      const fetcher = new PageFetcher({ url, config, timeoutMs, userAgent, buffers: this.#buffers });
      try {
        const fetched = await fetcher.fetch((found) => found, signal).catch(stopped);
        if (fetched.ok) {
          return undefined;
        }
        first ??= fetched;
      } finally {
        await fetcher.close();
      }
    }
    return first;
  }

  #looked(look: Look): Look {
    if (!this.#stop.signal.aborted && saying(look) !== saying(this.#last)) {
      this.#say(look);
    }
    this.#last = look;
    return look;
  }

  #say({ way, failures }: Look): void {
    const { log } = this.#runtime;
    const closed = failures.map(shown);
    if (way === undefined) {
      log.warn({ closed }, 'The kubelet of this node cannot be scraped; it is tried again every minute.');
      return;
    }
    const { base: url, verified, name } = way;
    const hint = verified
      ? undefined
      : 'its certificate is not of a known authority and is taken all the same; verify = "always" forbids that';
    log.info({ url, via: name, closed, ...(hint !== undefined && { hint }) }, 'The kubelet of this node is scraped.');
  }

  /** Until the signal is aborted, or the way is closed, or another is open while this one leads nowhere or is not the best. */
  async #scrapeBy(way: Way, signal: AbortSignal): Promise<void> {
    const leave = new AbortController();
    const either = AbortSignal.any([signal, leave.signal]);
    this.#targets = this.#pages.map((page) => this.#target(way, page));
    gaugeTargets(this.#runtime, this.#targets);
    const running = Promise.all(this.#targets.map((target) => target.run(either)));
    for (let pauses = 1; !signal.aborted; pauses++) {
      await this.#pause(signal);
      const isDown = this.#targets.every((target) => target.status().state === 'down');
      const isSecond = way.base !== this.#ways[0]?.base && pauses % looksForBetter === 0;
      if ((isDown || isSecond) && (await this.#isClosed(way, signal))) {
        break;
      }
    }
    leave.abort();
    await running;
    if (!signal.aborted) {
      await this.#retireTargets();
    }
  }

  async #isClosed(current: Way, signal: AbortSignal): Promise<boolean> {
    const { way, failures } = await this.#look(signal);
    if (way === undefined) {
      const own = failures.find((failure) => failure.way.base === current.base);
      const closed = own !== undefined && isRefusal(own);
      // A kubelet that is away for a while is still scraped, so that `up` says so.
      this.#last = closed ? this.#last : { way: current, failures, atMs: this.#runtime.clock.now() };
      return closed;
    }
    return way !== current;
  }

  #target(way: Way, page: KubeletPage): Target {
    return new Target({
      url: urlOf(way, page),
      config: targetConfig(this.#config, way, page),
      runtime: this.#runtime,
      buffers: this.#buffers,
      wantedName: this.#wantedName,
      wantedSeries: page.wantedSeries,
      ownTimes: 'tracked',
      explain: (failure) => explainedBy(way, failure),
      onChange: () => gaugeTargets(this.#runtime, this.#targets),
    });
  }

  async #retireTargets(): Promise<void> {
    const gone = this.#targets;
    this.#targets = [];
    gaugeTargets(this.#runtime, []);
    await Promise.all(gone.map((target) => target.retire().catch((error: unknown) => this.#lost(target, error))));
  }

  #lost(target: Target, error: unknown): void {
    this.#runtime.log.error({ url: target.status().url, error }, 'The end of a target was lost.');
  }
}

function stopped(): Fetched {
  return { ok: false, error: 'it was stopped' };
}

function shown({ way, error, hint }: Failure) {
  return { url: way.base, error, ...(hint !== undefined && { hint }) };
}

function saying(look: Look | undefined): string {
  return JSON.stringify([look?.way?.base, look?.way?.verified, look?.way === undefined && look?.failures.map(shown)]);
}
