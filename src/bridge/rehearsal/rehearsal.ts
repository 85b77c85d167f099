import type { TestedConfig, WrittenLog, WrittenPage } from '../../cli/test-file.ts';
import { type Item, itemsOf } from '../../codec/items/items.ts';
import { RecordDecoders } from '../../codec/record-decoder.ts';
import { type LoadedConfig, type LoadedInput, type LoadOptions, loadConfig, loadFrom } from '../../config/load.ts';
import { hasCode } from '../../contract/errors.ts';
import type { HttpRequest, HttpRoute } from '../../contract/http.ts';
import type { Input, InputRuntime } from '../../contract/input.ts';
import type { Clock, Counter, Gauge, Logger } from '../../contract/runtime.ts';
import { statusOf } from '../../http/status.ts';
import type { ContainerConfig } from '../../inputs/container/container.ts';
import { systemClock } from '../../lib/clock.ts';
import type { Batch, QueueRecord } from '../../model/batch.ts';
import type { HeaderStep } from '../../pipeline/header-steps.ts';
import { RecordingReader } from '../../record/recording.ts';
import { headerSteps } from '../running/steps.ts';

export interface RehearsalPost {
  readonly path: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * The inputs of a configuration and its pipeline, without a queue behind them and without a port: they are given what is posted
 * to them, the pages that they would scrape and the logs that they would read.
 */
export class Rehearsal {
  readonly #records: QueueRecord[] = [];
  readonly #routes: HttpRoute[] = [];
  readonly #inputs: readonly Input[];
  readonly #steps: HeaderStep;
  readonly #config: LoadedConfig;
  readonly #dataDir: string;

  constructor(config: LoadedConfig, dataDir: string) {
    this.#config = config;
    this.#dataDir = dataDir;
    this.#steps = headerSteps(config, 'node');
    const posted = config.inputs.filter(({ type }) => takesPosts.has(type));
    this.#inputs = posted.map(({ id, definition, config: own }) => definition.create(own, this.#runtime(id)));
  }

  async start(): Promise<void> {
    await Promise.all(this.#inputs.map((input) => input.start()));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#inputs.map((input) => input.stop()));
  }

  /** The status that the sender gets; 404 where no input of the configuration takes it. */
  async post({ path, body, headers }: RehearsalPost): Promise<number> {
    const url = new URL(path, 'http://localhost');
    const route = this.#routes.find((one) => one.method === 'POST' && one.path === url.pathname);
    const request: HttpRequest = {
      method: 'POST',
      path: url.pathname,
      params: {},
      query: url.searchParams,
      headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])),
      body: Buffer.from(body),
      remoteAddress: '127.0.0.1',
      signal: new AbortController().signal,
    };
    try {
      return route === undefined ? 404 : (await route.handle(request)).status;
    } catch (error) {
      if (hasCode(error, 'BRIDGE_DECODE')) {
        return statusOf(error.code);
      }
      throw error;
    }
  }

  /** One scrape of a page. Resolves with what is wrong with it, or with what is to find it: whole lines. */
  async scrape(page: WrittenPage): Promise<readonly string[]> {
    const { WrittenPages } = await import('./written-pages.ts');
    return new WrittenPages(this.#config, (id) => this.#runtime(id)).scrape(page);
  }

  /** Reads what containers wrote, to its end. Resolves with what is wrong: whole lines. */
  async read(logs: readonly WrittenLog[]): Promise<readonly string[]> {
    const { readWritten } = await import('./written-logs.ts');
    const readers = this.#config.inputs.filter(isContainer);
    const found = await Promise.all(readers.map(({ id, config }) => readWritten(logs, config, this.#runtime(id))));
    return readers.length === 0
      ? ['no [[inputs.container]] reads logs: it is switched off']
      : [...new Set(found.flat())];
  }

  /** Puts the records of a recording into the pipeline. Throws BRIDGE_DECODE. */
  play(recording: Uint8Array): void {
    for (const part of new RecordingReader().add(recording)) {
      for (const record of part.kind === 'records' ? part.records : []) {
        this.#take(record);
      }
    }
  }

  /** What came out of the pipeline. */
  items(): readonly Item[] {
    const decode = new RecordDecoders();
    return this.#records.flatMap((record) => itemsOf(record, decode));
  }

  #take(batch: Batch): void {
    const kept = this.#steps(batch);
    if (kept !== undefined && kept.items > 0) {
      const { payload, position, ...rest } = { position: undefined, ...kept };
      const bytes = payload instanceof Uint8Array ? payload : Buffer.concat(payload);
      const seq = this.#records.length + 1;
      this.#records.push({ ...rest, payload: Buffer.from(bytes), seq, cumItems: 0, receivedAtMs: systemClock.now() });
    }
  }

  #runtime(id: string): InputRuntime {
    return {
      ...{ id, dataDir: this.#dataDir, log: quiet, clock: systemClock satisfies Clock },
      ...{ userAgent: 'meshbridge', instance: 'test' },
      meter: { counter: (): Counter => ({ add: () => {}, value: 0 }), gauge: (): Gauge => ({ set: () => {} }) },
      routes: { add: (route) => this.#routes.push(route) },
      emit: async (batch) => this.#take(batch),
      emitAll: async (emissions) => {
        for (const { batch } of emissions) {
          this.#take(batch);
        }
      },
      position: () => undefined,
      positions: () => new Map(),
      forget: () => {},
      refused: () => {},
      dropped: () => {},
    };
  }
}

const takesPosts: ReadonlySet<string> = new Set(['zipkin', 'opentelemetry', 'rum', 'loki', 'module']);
const quiet: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

function isContainer(input: LoadedInput): input is LoadedInput & { readonly config: ContainerConfig } {
  return input.type === 'container';
}

/** The same on every machine: as on a node, with a directory of logs, and in no cluster. */
const anyNode: LoadOptions['where'] = { inCluster: false, readableDir: () => true };

export function rehearsedConfig(config: TestedConfig, options: Omit<LoadOptions, 'where'>): Promise<LoadedConfig> {
  return 'dir' in config
    ? loadConfig({ ...options, configDir: config.dir, where: anyNode })
    : loadFrom({ sources: [config], faults: [] }, { ...options, where: anyNode });
}
