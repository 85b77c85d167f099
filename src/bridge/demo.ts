import { loadFrom } from '../config/load.ts';
import type { DemoDesk, DemoRequest } from '../contract/demo.ts';
import type { Logger } from '../contract/runtime.ts';
import { type Demo, startDemo } from '../demo/demo.ts';
import { inputs as inputDefinitions } from '../inputs/index.ts';
import { withDiscovery } from './running/discovery.ts';
import { HostedInput, type InputHost } from './running/inputs.ts';

export interface DemoInputsOptions {
  readonly dataDir: string;
  /** `host:port` of a listener that takes spans. */
  readonly address: string;
  /** `host:port` of a listener that takes what browsers send over plain HTTP. */
  readonly rumAddress?: string;
  /** Of Bookinfo. */
  readonly namespace?: string | undefined;
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly host: InputHost;
}

/**
 * The demo mesh, and the inputs that a daemon on a node of its cluster would have: they find its pods by the API server, and
 * have nothing to do with the configured ones, which run beside them.
 */
export class DemoInputs implements DemoDesk {
  readonly inputs: readonly HostedInput[];
  readonly lines: readonly string[];
  readonly #demo: Demo | undefined;
  readonly #off: string;

  private constructor(inputs: readonly HostedInput[], demo: Demo | { readonly unavailable: string }) {
    this.inputs = inputs;
    this.#demo = 'unavailable' in demo ? undefined : demo;
    this.#off = 'unavailable' in demo ? demo.unavailable : '';
    this.lines = this.#demo?.describe() ?? [`off: ${this.#off}`];
  }

  /** Never rejects for what the machine lacks: the daemon runs without the demo then, and `lines` says why. */
  static async start(options: DemoInputsOptions): Promise<DemoInputs> {
    const { dataDir, address, rumAddress, namespace, log, signal, host } = options;
    const rum = rumAddress === undefined ? {} : { rum: urlOf(rumAddress) };
    const demo = await startDemo({ dataDir, zipkin: placeOf(address), ...rum, namespace, log }, signal);
    if ('unavailable' in demo) {
      return new DemoInputs([], demo);
    }
    const inputs = (await clusterInputs(demo.configToml, options)).map((input) => new HostedInput(input, host));
    for (const { input } of inputs) {
      await input.start();
    }
    return new DemoInputs(inputs, demo);
  }

  ask(request: DemoRequest): ReturnType<DemoDesk['ask']> {
    return this.#demo?.ask(request) ?? Promise.resolve({ unavailable: this.#off });
  }

  async stop(): Promise<void> {
    await this.#demo?.stop();
  }
}

/** The demo, once it is there. */
export function demoDesk(demo: () => DemoInputs | undefined): DemoDesk {
  return { ask: async (request) => demo()?.ask(request) ?? { unavailable: 'the demo is still starting' } };
}

/** Those of the demo's own configuration, and what discovery makes of them. */
async function clusterInputs(text: string, { dataDir, log }: DemoInputsOptions): ReturnType<typeof withDiscovery> {
  const loaded = await loadFrom(
    { sources: [{ file: 'demo', text }], faults: [] },
    {
      flags: {},
      env: {},
      cwd: dataDir,
      definitions: { inputs: inputDefinitions, outputs: [] },
      where: { inCluster: false, readableDir: () => false },
    },
  );
  const config = { ...loaded, inputs: loaded.inputs.filter((input) => !input.byDefault) };
  const node = config.kubernetes.node_name ?? '';
  const inputs = await withDiscovery({ config, env: {}, node, log });
  return inputs.map((input) => ({ ...input, id: `demo.${input.id}` }));
}

function urlOf(address: string): string {
  const { host, port } = placeOf(address);
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** What a client on this machine dials to reach a listener. */
function placeOf(address: string): { readonly host: string; readonly port: number } {
  const { hostname, port } = new URL(`http://${address}`);
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  const own = { '0.0.0.0': '127.0.0.1', '::': '::1' }[host] ?? host;
  return { host: own, port: Number(port) };
}
