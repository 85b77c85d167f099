import { crc32 } from 'node:zlib';
import { checkOpenMetrics } from '../codec/openmetrics/openmetrics.ts';
import {
  PageParser,
  type PageSeries,
  type ParsedPage,
  TooManySamples,
} from '../codec/prometheus-text/prometheus-text.ts';
import { BridgeError, hasCode } from '../contract/errors.ts';
import type { InputRuntime } from '../contract/input.ts';
import type { Origin } from '../model/batch.ts';
import type { Series } from '../model/metric.ts';
import { type SampleLines, sampleLines, withoutSeries } from './as-logging.ts';
import { isPath, type PromConfig } from './config.ts';
import { type Explained, explainPage } from './explain.ts';
import type { NameFilter } from './name-filter.ts';
import { Naming, type Pair } from './naming.ts';
import { NewExemplars } from './new-exemplars.ts';
import type { PageBuffers } from './page-buffers.ts';
import { type Fetched, PageFetcher } from './page-fetcher.ts';
import { type Counted, type EncodedScrape, type OwnTimes, type ScrapeReport, TargetFrames } from './target-frames.ts';
import { filteredOf, identityOf, type TargetIdentity, type TargetStatus } from './target-status.ts';
import { TimeOrder } from './time-order.ts';
import { tracedScrape } from './traced-scrape.ts';

/** The pod behind a target. */
export interface TargetPod {
  readonly origin: Origin;
  readonly labels: readonly Pair[];
  /** Its addresses, as URLs write them: redirects may lead nowhere else. */
  readonly hosts: ReadonlySet<string>;
  readonly rule: string;
  /** Istio's proxy stands before its ports. */
  readonly injected: boolean;
}

export interface TargetOptions {
  readonly url: string;
  readonly config: PromConfig;
  readonly runtime: InputRuntime;
  readonly buffers: PageBuffers;
  readonly wantedName: NameFilter;
  /** Whether a series is wanted, by all that the page says of it. Default: every one. */
  readonly wantedSeries?: (series: PageSeries) => boolean;
  /** Default: untracked, as in Prometheus. */
  readonly ownTimes?: OwnTimes;
  /** What a failure means for this kind of target. */
  readonly explain?: (failure: Explained) => Explained;
  readonly pod?: TargetPod;
  /** Default: asks the URL. */
  readonly fetcher?: Pick<PageFetcher, 'fetch' | 'close'>;
  /** Told after each scrape. */
  readonly onChange: () => void;
}

type Outcome = (
  | { readonly ok: true; readonly page: ParsedPage }
  // What was counted on a page that could be read and has too many samples.
  | ({ readonly ok: false; readonly counted?: Counted } & Explained)
) & { readonly bytes: number };

/** The report of a scrape and its series; or lines in place of the series. */
type EncodedOutcome = EncodedScrape & { readonly lines?: SampleLines };

/** Timers of a busy process wake late; what is off the grid by less than this counts as on it. */
const mostLateMs = 100;
const keptScrapes = 20;

/** One page, scraped at its own times (prometheus/prometheus, scrape/target.go: a stable offset spreads the targets). */
export class Target {
  readonly #options: TargetOptions;
  readonly #fetcher: Pick<PageFetcher, 'fetch' | 'close'>;
  readonly #frames: TargetFrames;
  readonly #timeOrder = new TimeOrder();
  readonly #newExemplars = new NewExemplars();
  readonly #naming: Naming;
  readonly #offsetMs: number;
  readonly #identity: TargetIdentity;
  #parser: { readonly dialect: string; readonly parser: PageParser } | undefined;
  #status: TargetStatus;
  #overloaded = false;

  constructor(options: TargetOptions) {
    const { url, config, runtime, buffers, wantedName, wantedSeries, pod } = options;
    this.#options = options;
    const timeoutMs = Math.min(config.timeout, config.interval);
    const { userAgent } = runtime;
    const fetching = { url, config, timeoutMs, userAgent, buffers, ...(pod && { hosts: pod.hosts }) };
    this.#fetcher = options.fetcher ?? new PageFetcher(fetching);
    const discovered = pod?.labels ?? [];
    const wanted = { wantedName, ...(wantedSeries && { wantedSeries }) };
    this.#naming = new Naming({ config, instance: instanceOf(url), discovered, ...wanted });
    this.#frames = new TargetFrames(
      this.#naming.report,
      config.track_timestamps_staleness ? 'tracked' : options.ownTimes,
    );
    this.#offsetMs = crc32(`${config.source} ${url}`) % config.interval;
    this.#identity = identityOf(options);
    this.#status = { ...this.#identity, state: 'waiting', intervalMs: config.interval };
  }

  status(): TargetStatus {
    return this.#status;
  }

  /** Scrapes until the signal is aborted; resolves once nothing is under way. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options.runtime;
    let dueMs = this.#after(clock.now());
    while (!signal.aborted) {
      this.#status = { ...this.#status, nextMs: dueMs };
      await clock.sleep(dueMs - clock.now(), signal).catch(() => undefined);
      if (!signal.aborted) {
        await this.#scrapeOrLog(this.#snapped(clock.now(), dueMs), signal);
      }
      const endMs = clock.now();
      // A timer may wake a little early: that tick is done. A clock that was set is followed.
      dueMs = this.#after(Math.abs(endMs - dueMs) < this.#options.config.interval ? Math.max(endMs, dueMs) : endMs);
    }
    await this.#fetcher.close();
  }

  /** Marks all series as ended: the target is not to be scraped any more. */
  async retire(): Promise<void> {
    const encoded = this.#frames.ended(this.#options.runtime.clock.now());
    if (encoded !== undefined) {
      await this.#emit(encoded);
    }
  }

  #after(ms: number): number {
    const { interval } = this.#options.config;
    return (Math.floor((ms - this.#offsetMs) / interval) + 1) * interval + this.#offsetMs;
  }

  #snapped(nowMs: number, dueMs: number): number {
    const toleranceMs = Math.min(mostLateMs, this.#options.config.interval / 100);
    return Math.abs(nowMs - dueMs) <= toleranceMs ? dueMs : nowMs;
  }

  /** Neither a target nor the disk can end the scraping; only the signal does. */
  async #scrapeOrLog(timestampMs: number, signal: AbortSignal): Promise<void> {
    try {
      const scrape = () => this.#scrape(timestampMs, signal);
      await tracedScrape(this.#options.runtime, () => this.#status, scrape);
    } catch (error) {
      if (!signal.aborted) {
        this.#options.runtime.log.error({ url: this.#status.url, error }, 'A scrape was lost.');
      }
    }
  }

  async #scrape(timestampMs: number, signal: AbortSignal): Promise<void> {
    const from = performance.now();
    await this.#fetcher.fetch((fetched) => {
      signal.throwIfAborted();
      const outcome = this.#read(fetched);
      const durationMs = performance.now() - from;
      const emitted = this.#emit(this.#encoded(outcome, { timestampMs, durationSeconds: durationMs / 1000 }));
      this.#note(outcome, timestampMs, durationMs);
      return emitted;
    }, signal);
  }

  #read(fetched: Fetched): Outcome {
    if (!fetched.ok) {
      return { ...fetched, bytes: 0 };
    }
    const { body, dialect } = fetched;
    try {
      if (dialect === 'openmetrics' && this.#options.config.openmetrics === 'strict') {
        checkOpenMetrics(body);
      }
      return { ok: true, page: this.#parserFor(dialect).parse(body), bytes: body.length };
    } catch (error) {
      if (error instanceof TooManySamples) {
        const { sample_limit: limit } = this.#options.config;
        const why = `${error.message}, more than sample_limit = ${limit}`;
        return { ok: false, error: why, counted: error.counted, bytes: body.length };
      }
      if (!hasCode(error, 'BRIDGE_DECODE')) {
        throw error;
      }
      return { ok: false, ...explainPage(body, error.message), bytes: body.length };
    }
  }

  #parserFor(dialect: 'text' | 'openmetrics'): PageParser {
    if (this.#parser?.dialect !== dialect) {
      const timestamps = this.#options.config.honor_timestamps ? 'honor' : 'ignore';
      const place = (series: PageSeries): Series | undefined => this.#naming.place(series);
      const maxSamples = this.#options.config.sample_limit || Number.POSITIVE_INFINITY;
      const parser = new PageParser({ place, behind: this.#naming.report, maxSamples, dialect, timestamps });
      this.#parser = { dialect, parser };
    }
    return this.#parser.parser;
  }

  #encoded(outcome: Outcome, report: ScrapeReport): EncodedOutcome {
    if (!outcome.ok) {
      return this.#frames.failed(report, outcome.counted);
    }
    const { unwanted, duplicates } = outcome.page;
    const { runtime } = this.#options;
    const { page, refused = [] } = this.#timeOrder.ordered(this.#newExemplars.of(outcome.page), report.timestampMs);
    for (const [reason, items] of refused) {
      runtime.dropped('metrics', items, reason);
    }
    if (unwanted > 0) {
      runtime.dropped('metrics', unwanted, 'filtered');
    }
    if (duplicates > 0) {
      runtime.dropped('metrics', duplicates, 'duplicate');
    }
    const { as_logging: asLogging } = this.#options.config;
    if (asLogging?.enable !== true) {
      return this.#frames.scraped(page, report, outcome.page.list);
    }
    const lines = sampleLines(page, report.timestampMs, asLogging.service);
    return { ...this.#frames.scraped(withoutSeries(page), report), ...(lines && { lines }) };
  }

  /** Encoded by the lane before it returns. A scrape that finds the queue full is gone; the next one tries again. */
  async #emit({ payload, dictionary, items, taken, lines }: EncodedOutcome): Promise<void> {
    const { runtime, config, pod } = this.#options;
    const origin = { ...pod?.origin, source: config.source };
    try {
      const metrics = runtime.emit({ signal: 'metrics', format: 'metric-frame', payload, items, origin, dictionary });
      await (lines === undefined ? metrics : Promise.all([metrics, this.#emitLines(lines, origin)]));
      taken();
      this.#overloaded = false;
    } catch (error) {
      if (!(error instanceof BridgeError) || error.code !== 'BRIDGE_OVERLOADED') {
        throw error;
      }
      if (!this.#overloaded) {
        runtime.log.error({ url: this.#status.url, samples: items }, 'Scrapes are lost because the queue is full.');
      }
      this.#overloaded = true;
    }
  }

  #emitLines({ payload, items }: SampleLines, origin: Origin): Promise<void> {
    const { runtime, config } = this.#options;
    const source = config.as_logging?.service ?? config.source;
    return runtime.emit({ signal: 'logs', format: 'log-block', payload, items, origin: { ...origin, source } });
  }

  #note(outcome: Outcome, timestampMs: number, durationMs: number): void {
    const { runtime, config, onChange } = this.#options;
    const { url, state, intervalMs, history = [] } = this.#status;
    const tookMs = Math.max(1, Math.round(durationMs));
    const seen = {
      ...this.#identity,
      intervalMs,
      history: [...history, outcome.ok ? tookMs : -tookMs].slice(-keptScrapes),
      lastMs: timestampMs,
      durationMs: Math.round(durationMs * 1000) / 1000,
    };
    if (outcome.ok) {
      if (state === 'down') {
        runtime.log.info({ url }, 'A target can be scraped again.');
      }
      const { samples, unwanted } = outcome.page;
      const filtered = filteredOf(this.#identity, this.#naming.leftOut.counts(), unwanted);
      this.#status = { ...seen, ...filtered, state: 'up', samples, bytes: outcome.bytes };
    } else {
      const { error, hint } = this.#options.explain?.(outcome) ?? withProxyHint(outcome, this.#options);
      const why = { error, ...(hint !== undefined && { hint }) };
      if (state !== 'down' && !config.ignore_req_err) {
        runtime.log.warn({ url, ...why }, 'A target cannot be scraped.');
      }
      this.#status = { ...seen, state: 'down', samples: 0, bytes: outcome.bytes, ...why };
    }
    onChange();
  }
}

/** Under strict mTLS the proxy cuts plain requests from outside the mesh. */
function withProxyHint(outcome: Explained, { url, pod }: TargetOptions): Explained {
  const cut = outcome.error.includes('ECONNRESET') || /closed the connection|^HTTP 503/.test(outcome.error);
  if (pod?.injected !== true || !cut) {
    return outcome;
  }
  return ['15020', '15021', '15090'].includes(new URL(url).port)
    ? outcome
    : {
        error: outcome.error,
        hint: 'istio-proxy may have cut it: scrape 15020, or exclude the port (traffic.sidecar.istio.io/excludeInboundPorts)',
      };
}

/** Host and port, as Prometheus writes them. A file has none. */
function instanceOf(address: string): string {
  if (isPath(address)) {
    return '';
  }
  const url = new URL(address);
  return url.port === '' ? `${url.hostname}:${url.protocol === 'https:' ? 443 : 80}` : url.host;
}
