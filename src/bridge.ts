import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { apiRoutes } from './api/index.ts';
import { banner } from './bridge/banner.ts';
import { DemoInputs, demoDesk } from './bridge/demo.ts';
import { diskStatusOf, fileSystemBytes } from './bridge/disk-space.ts';
import { closeLanes, openLanes } from './bridge/lanes.ts';
import { accessPolicy, listenerSpecs } from './bridge/listeners.ts';
import type { BridgeOptions } from './bridge/options.ts';
import { observeStatus } from './bridge/own-metrics/own-metrics.ts';
import { observeReloads } from './bridge/own-metrics/reload-metrics.ts';
import { observeStore } from './bridge/own-metrics/store-metrics.ts';
import { roleOf } from './bridge/role.ts';
import { Flow } from './bridge/running/flow.ts';
import { type HostedInput, type InputHost, inputsOff } from './bridge/running/inputs.ts';
import { HostedStore, storeCursor } from './bridge/store.ts';
import { Taps } from './bridge/taps.ts';
import { startTokenSecret, type TokenSecret } from './bridge/token-secret.ts';
import { startTracing, type Tracing, tracedRoutes } from './bridge/tracing.ts';
import type { LoadedConfig } from './config/load.ts';
import { BridgeError } from './contract/errors.ts';
import type { Runtime } from './contract/runtime.ts';
import type { BridgeStatus, DiskStatus, LaneStatus, ListenerStatus } from './contract/status.ts';
import { Listeners } from './http/listeners.ts';
import { loginRoutes } from './http/login.ts';
import type { Lane } from './lane/lane.ts';
import { systemClock } from './lib/clock.ts';
import { type DirectoryLock, lockDirectory } from './lib/data-dir-lock.ts';
import { withinMs } from './lib/within.ts';
import type { Signal } from './model/batch.ts';
import { createLogger, type RootLogger } from './telemetry/log.ts';
import { Telemetry } from './telemetry/telemetry.ts';

/**
 * Inputs, and then deliveries, have this long at the end, so that the rest fits into the 30 s that Kubernetes gives a pod. What
 * is not delivered by then stays on disk.
 */
const inputGraceMs = 12_000;
const stopGraceMs = 20_000;
/** The store writes what it holds; it loses nothing where it is cut off. */
const closeGraceMs = 6_000;

/** Builds and starts everything in order, waits for the signal, and stops it in reverse. Resolves with the exit code. */
export async function runBridge(config: LoadedConfig, options: BridgeOptions): Promise<number> {
  await mkdir(options.dataDir, { recursive: true, mode: 0o700 });
  const lock = await lockDirectory(options.dataDir);
  if (lock === undefined) {
    throw new BridgeError(
      'BRIDGE_START',
      `the data directory ${options.dataDir} is in use by another meshbridge; stop it, or give this one another --data-dir`,
    );
  }
  const bridge = new Bridge(config, options, lock);
  try {
    await bridge.start();
    return await bridge.ended();
  } finally {
    await bridge.stop();
  }
}

class Bridge {
  readonly #config: LoadedConfig;
  readonly #options: BridgeOptions;
  readonly #lock: DirectoryLock;
  readonly #log: RootLogger;
  readonly #telemetry = new Telemetry();
  readonly #startedAtMs = systemClock.now();
  readonly #node: string;
  readonly #failed = Promise.withResolvers<number>();
  #lanes: Readonly<Record<Signal, Lane>> | undefined;
  #store: HostedStore | undefined;
  #flow: Flow | undefined;
  #listeners: Listeners | undefined;
  #bound: readonly ListenerStatus[] = [];
  #demo: DemoInputs | undefined;
  #tokenSecret: TokenSecret | undefined;
  #tracing: Tracing | undefined;
  #disk: (() => DiskStatus) | undefined;
  #starting: string | undefined = 'it is starting';

  readonly #instance = randomUUID();
  readonly #taps = new Taps(() => ({ lanes: this.#lanes, node: this.#node, log: this.#log.component('tap') }));

  constructor(config: LoadedConfig, options: BridgeOptions, lock: DirectoryLock) {
    this.#config = config;
    this.#options = options;
    this.#lock = lock;
    this.#log = createLogger(config.log.level);
    this.#node = config.kubernetes.node_name ?? options.nodeName ?? hostname();
  }

  async start(): Promise<void> {
    const { dataDir, where } = this.#options;
    await this.#startTracing();
    const access = await accessPolicy(this.#config.server, dataDir);
    this.#tokenSecret = await startTokenSecret({
      config: this.#config,
      env: this.#options.env,
      dataDir,
      ...access,
      userAgent: this.#userAgent,
      log: this.#log.component('kubernetes'),
    });
    const lanes = await openLanes({
      config: this.#config.queue,
      dataDir,
      log: (signal) => this.#log.component(`queue.${signal}`),
    });
    this.#lanes = lanes;
    this.#disk = diskStatusOf(dataDir, this.#config.queue.min_free, systemClock);
    await this.#startStore(lanes);
    const listeners = new Listeners({ log: this.#log.component('http'), clock: systemClock, access: access.policy });
    this.#listeners = listeners;
    const scheme = this.#config.server.tls === undefined ? 'http' : 'https';
    const routes = tracedRoutes(listeners, this.#tracing?.tracer);
    for (const route of [...this.#apiRoutes(), ...loginRoutes(access.policy, scheme)]) {
      routes.add(route);
    }
    const flow = this.#flowOf(lanes, listeners);
    this.#flow = flow;
    await flow.start();
    this.#bound = await listeners.open(await listenerSpecs(this.#config.server, where.inCluster));
    observeStatus(this.#telemetry, () => this.#counted());
    observeReloads(this.#telemetry, () => flow.reload());
    this.#starting = undefined;
    await this.#startDemo(flow.inputHost);
    this.#announce(flow, access.tokenPath);
    await flow.startReloading();
  }

  #announce({ outputs }: Flow, tokenPath: string): void {
    const { server, store } = this.#config;
    const running = this.#inputs.map(({ type }) => type);
    this.#options.print(
      banner({
        status: this.status(),
        dataDir: this.#options.dataDir,
        tokenPath,
        scheme: server.tls === undefined ? 'http' : 'https',
        inputsOff: inputsOff(running, this.#options.where),
        outputs: outputs.all.map((output) => output.name),
        ...(store.off === undefined ? {} : { storeOff: store.off }),
        extra: this.#demo?.lines ?? [],
      }),
    );
  }

  /** Resolves with the exit code when somebody asked for the end, or something that it cannot live without died. */
  async ended(): Promise<number> {
    const { signal } = this.#options;
    const asked = new Promise<number>((resolve) => {
      signal.addEventListener('abort', () => resolve(0), { once: true });
      if (signal.aborted) {
        resolve(0);
      }
    });
    return Promise.race([asked, this.#failed.promise]);
  }

  /** In reverse: nothing new comes in, what is queued is sent once more, the rest stays on disk. */
  async stop(): Promise<void> {
    this.#starting = 'it is stopping';
    const grace = AbortSignal.timeout(stopGraceMs);
    await withinMs(inputGraceMs, this.#stopInputs());
    await this.#flow?.outputs.drain(grace);
    await withinMs(closeGraceMs, this.#close());
    await this.#lock.release();
  }

  async #stopInputs(): Promise<void> {
    await this.#demo?.stop();
    this.#taps.close();
    await this.#listeners?.close();
    await Promise.all([this.#flow?.stopInputs(), ...(this.#demo?.inputs ?? []).map(({ input }) => input.stop())]);
  }

  async #close(): Promise<void> {
    await this.#tokenSecret?.stop();
    await this.#tracing?.stop();
    await this.#store?.stop();
    await closeLanes(Object.values(this.#lanes ?? {}), (signal) => this.#log.component(`queue.${signal}`));
  }

  status(): BridgeStatus {
    const lanes = Object.values(this.#lanes ?? {}).map((lane) => lane.status());
    const notReady = [...(this.#starting === undefined ? [] : [this.#starting]), ...lanes.flatMap(unwritable)];
    const flow = this.#flow?.status() ?? { configFiles: this.#config.files, warnings: [], inputs: [] };
    const demo = this.#demo?.inputs ?? [];
    return {
      version: this.#options.version,
      startedAtMs: this.#startedAtMs,
      nowMs: systemClock.now(),
      node: this.#node,
      pid: process.pid,
      ...flow,
      warnings: [...flow.warnings, ...demo.flatMap(({ input }) => input.warnings?.() ?? [])],
      listeners: this.#bound,
      inputs: [...flow.inputs, ...demo.flatMap((input) => input.status())],
      lanes,
      ...(this.#store === undefined ? {} : { store: this.#store.status() }),
      ...(this.#disk && { disk: this.#disk() }),
      ...this.#role(),
      ...(this.#options.demo && { demo: true as const }),
      ...(this.#tokenSecret === undefined ? {} : { tokenSecret: this.#tokenSecret.status() }),
      ready: notReady.length === 0,
      notReady,
    };
  }

  /** Counters go on over inputs that were taken out. */
  #counted(): BridgeStatus {
    const now = this.status();
    return { ...now, inputs: [...now.inputs, ...(this.#flow?.inputs.gone() ?? [])] };
  }

  get #inputs(): readonly HostedInput[] {
    return [...(this.#flow?.inputs.all ?? []), ...(this.#demo?.inputs ?? [])];
  }

  #role(): ReturnType<typeof roleOf> {
    const config = this.#flow?.config ?? this.#config;
    const hasAgents = (): boolean => Object.values(this.#lanes ?? {}).some((lane) => lane.positions('hub:').size > 0);
    return roleOf({ config, inCluster: this.#options.where.inCluster, hasAgents });
  }

  async #startTracing(): Promise<void> {
    this.#tracing = await startTracing(this.#config.tracing, {
      node: this.#node,
      version: this.#options.version,
      log: this.#log.component('tracing'),
      meter: this.#telemetry,
    });
  }

  async #startStore(lanes: Readonly<Record<Signal, Lane>>): Promise<void> {
    const { store: config } = this.#config;
    if (!config.enabled) {
      return;
    }
    const { dataDir } = this.#options;
    const log = this.#log.component('store');
    const bytes = fileSystemBytes(dataDir);
    this.#store = await HostedStore.start({ dir: join(dataDir, 'store'), lanes, config, fileSystemBytes: bytes, log });
    const store = this.#store;
    observeStore(this.#telemetry, () => store.status());
    store.onDeath((error) => {
      log.error({ error }, 'The store died, and the process ends with it.');
      this.#failed.resolve(1);
    });
  }

  #flowOf(lanes: Readonly<Record<Signal, Lane>>, routes: Listeners): Flow {
    return new Flow({
      ...{ config: this.#config, options: this.#options, lanes, routes, node: this.#node, log: this.#log },
      runtime: (id) => this.#runtime(id),
      otherCursors: this.#store === undefined ? [] : [storeCursor],
    });
  }

  #apiRoutes() {
    return apiRoutes({
      version: this.#options.version,
      host: this.#node,
      startedAtMs: this.#startedAtMs,
      now: systemClock.now,
      notReady: () => this.status().notReady,
      notes: () => this.#flow?.notes() ?? [],
      status: () => this.status(),
      renderMetrics: () => this.#telemetry.render(),
      ...(this.#options.demo && { demo: demoDesk(() => this.#demo) }),
      pageDir: join(import.meta.dirname, 'ui'),
      tap: (question, signal) => this.#taps.open(question, signal),
      ...(this.#store === undefined ? {} : { store: this.#store.reader }),
    });
  }

  get #userAgent(): string {
    return `meshbridge/${this.#options.version}`;
  }

  #runtime(id: string): Runtime {
    return {
      id,
      log: this.#log.component(id),
      clock: systemClock,
      meter: this.#telemetry,
      dataDir: this.#options.dataDir,
      userAgent: this.#userAgent,
      instance: this.#instance,
      ...(this.#tracing && { tracer: this.#tracing.tracer }),
    };
  }

  async #startDemo(host: InputHost): Promise<void> {
    if (!this.#options.demo) {
      return;
    }
    const addressOf = (name: string) => this.#bound.find((one) => one.name === name)?.address;
    // Envoys speak plain HTTP to us: where the main port has TLS, the Zipkin port takes their spans.
    const plain = this.#config.server.tls === undefined ? undefined : addressOf('zipkin');
    const address = plain ?? addressOf('main') ?? '';
    this.#demo = await DemoInputs.start({
      dataDir: this.#options.dataDir,
      address,
      ...(this.#config.server.tls === undefined && { rumAddress: address }),
      namespace: this.#options.demoNamespace,
      log: this.#log.component('demo'),
      signal: this.#options.signal,
      host,
    });
  }
}

function unwritable({ signal, diskError }: LaneStatus): readonly string[] {
  return diskError === undefined ? [] : [`the queue of ${signal} cannot be written: ${diskError}`];
}
