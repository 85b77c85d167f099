import { RecordDecoders } from '../../codec/record-decoder.ts';
import { formatFault, type LoadedConfig } from '../../config/load.ts';
import type { Runtime } from '../../contract/runtime.ts';
import type { BridgeStatus, InputStatus, ReloadStatus } from '../../contract/status.ts';
import type { Lane } from '../../lane/lane.ts';
import { systemClock } from '../../lib/clock.ts';
import type { Signal } from '../../model/batch.ts';
import type { HeaderStep } from '../../pipeline/header-steps.ts';
import type { RootLogger } from '../../telemetry/log.ts';
import type { BridgeOptions } from '../options.ts';
import { Reloading } from '../reload/reloading.ts';
import { lastingDiscovery, type PlannedInput, withDiscovery } from './discovery.ts';
import type { InputHost } from './inputs.ts';
import { type RouteTable, RunningInputs } from './running-inputs.ts';
import { RunningOutputs } from './running-outputs.ts';
import { headerSteps } from './steps.ts';

export interface FlowOptions {
  /** The one of the start. */
  readonly config: LoadedConfig;
  readonly options: Pick<BridgeOptions, 'configSource' | 'env' | 'mountInfoPath'>;
  readonly lanes: Readonly<Record<Signal, Lane>>;
  readonly node: string;
  readonly routes: RouteTable;
  readonly runtime: (id: string) => Runtime;
  readonly log: RootLogger;
  /** Cursors of others than outputs, such as the store's. */
  readonly otherCursors: readonly string[];
}

/** What the configuration says of the way of data, from inputs to outputs: it can change while the process runs. */
export class Flow {
  readonly inputs: RunningInputs;
  readonly outputs: RunningOutputs;
  /** What inputs are made with. */
  readonly inputHost: InputHost;
  readonly #options: FlowOptions;
  readonly #reloading: Reloading;
  readonly #discovery = lastingDiscovery();
  #steps: HeaderStep;

  constructor(options: FlowOptions) {
    const { config, lanes, node, routes, runtime, log, otherCursors } = options;
    this.#options = options;
    this.#steps = headerSteps(config, node);
    this.inputHost = { runtime, lanes, steps: (batch) => this.#steps(batch) };
    this.inputs = new RunningInputs({ host: this.inputHost, routes, log: log.component('reload') });
    const host = { runtime, lanes, node, decode: new RecordDecoders() };
    this.outputs = new RunningOutputs({ host, log: log.component('outputs'), otherCursors });
    this.#reloading = this.#makeReloading();
  }

  /** The configuration that runs. */
  get config(): LoadedConfig {
    return this.#reloading.config;
  }

  /** Before the listeners open: what comes in is for all outputs. */
  async start(): Promise<void> {
    await this.outputs.start(this.config.outputs);
    await this.inputs.start(await this.#inputsOf(this.config));
  }

  /** Once everything runs. */
  startReloading(): Promise<void> {
    return this.#reloading.start();
  }

  /** Nothing new comes in. */
  async stopInputs(): Promise<void> {
    await this.#reloading.stop();
    await this.inputs.stop();
  }

  status(): Pick<BridgeStatus, 'configFiles' | 'warnings' | 'outputs' | 'reload'> & { readonly inputs: InputStatus[] } {
    const reload = this.reload();
    return {
      configFiles: this.config.files,
      warnings: [...this.config.warnings.map(formatFault), ...this.inputs.warnings()],
      inputs: this.inputs.status(),
      outputs: this.outputs.all.map((output) => output.status()),
      ...(reload && { reload }),
    };
  }

  /** Undefined where the configuration stays as it is. */
  reload(): ReloadStatus | undefined {
    return this.#reloading.status();
  }

  /** What whoever asks whether it is ready should know. */
  notes(): readonly string[] {
    return this.#reloading.notes();
  }

  #inputsOf(config: LoadedConfig): Promise<readonly PlannedInput[]> {
    const { options, node, log } = this.#options;
    const lasting = this.#discovery;
    return withDiscovery({ config, env: options.env, node, log: log.component('kubernetes'), lasting });
  }

  #makeReloading(): Reloading {
    const { config, options, log } = this.#options;
    const { configSource: source, mountInfoPath } = options;
    return new Reloading({
      ...{ config, inputs: this.inputs, outputs: this.outputs, now: systemClock.now, log: log.component('reload') },
      ...(source && { source }),
      ...(mountInfoPath !== undefined && { mountInfoPath }),
      inputsOf: (other) => this.#inputsOf(other),
      settle: (other) => {
        log.setLevel(other.log.level);
        this.#steps = headerSteps(other, this.#options.node);
      },
    });
  }
}
