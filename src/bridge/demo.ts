import { loadFrom } from '../config/load.ts';
import type { Logger } from '../contract/runtime.ts';
import { type Demo, startDemo } from '../demo/demo.ts';
import { inputs as inputDefinitions } from '../inputs/index.ts';
import { HostedInput, type InputHost } from './inputs.ts';

export interface DemoInputsOptions {
  readonly dataDir: string;
  /** `host:port` of a listener that takes spans. */
  readonly address: string;
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly host: InputHost;
}

/** The demo mesh and the inputs that watch it, beside the configured ones. */
export class DemoInputs {
  readonly inputs: readonly HostedInput[];
  readonly lines: readonly string[];
  readonly #demo: Demo | undefined;

  private constructor(inputs: readonly HostedInput[], lines: readonly string[], demo: Demo | undefined) {
    this.inputs = inputs;
    this.lines = lines;
    this.#demo = demo;
  }

  /** Never rejects for what the machine lacks: the daemon runs without the demo then, and `lines` says why. */
  static async start(options: DemoInputsOptions): Promise<DemoInputs> {
    const { dataDir, address, log, signal, host } = options;
    const demo = await startDemo({ dataDir, zipkin: placeOf(address), log }, signal);
    if ('unavailable' in demo) {
      return new DemoInputs([], [`off: ${demo.unavailable}`], undefined);
    }
    const loaded = await loadFrom(
      { sources: [{ file: 'demo', text: demo.configToml }], faults: [] },
      {
        flags: {},
        env: {},
        cwd: dataDir,
        definitions: { inputs: inputDefinitions, outputs: [] },
        where: { inCluster: false, readableDir: () => false },
      },
    );
    const named = loaded.inputs
      .filter((input) => !input.byDefault)
      .map((input) => ({ ...input, id: `demo.${input.id}` }));
    const inputs = named.map((input) => new HostedInput(input, host));
    for (const { input } of inputs) {
      await input.start();
    }
    return new DemoInputs(inputs, demo.describe(), demo);
  }

  async stop(): Promise<void> {
    await this.#demo?.stop();
  }
}

/** What a client on this machine dials to reach a listener. */
function placeOf(address: string): { readonly host: string; readonly port: number } {
  const { hostname, port } = new URL(`http://${address}`);
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  const own = { '0.0.0.0': '127.0.0.1', '::': '::1' }[host] ?? host;
  return { host: own, port: Number(port) };
}
