import { mkdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import type { Logger } from '../contract/runtime.ts';
import { Bookinfo } from './bookinfo.ts';
import { demoPod, envoyBootstrap, inboundListener, outboundListener } from './envoy-bootstrap.ts';
import { envoyProgram } from './envoy-environment.ts';
import { EnvoyProcess } from './envoy-process.ts';
import { Load } from './load.ts';
import { PodLog } from './pod-log.ts';

/** Where a sidecar has them; taken if they are free, so that the target keeps its name from start to start. */
const usualPorts = { admin: 15_000, inbound: 15_006, outbound: 15_001 };
const logLimits = { maxBytes: 1_000_000, maxFiles: 4 };

export interface DemoOptions {
  /** Everything of the demo lives in `demo/` under it, the installed Envoy too. */
  readonly dataDir: string;
  /** Where spans go: an IP address (not a name) and the port of a listener that answers `POST /api/v2/spans`. */
  readonly zipkin: { readonly host: string; readonly port: number };
  readonly log: Logger;
}

export interface Demo {
  /** Inputs to run beside the configured ones: a scrape of the Envoy, and the container logs of its pod. */
  readonly configToml: string;
  /** One line each, for the banner and the page: what runs, and what has ended. */
  describe(): string[];
  /** Ends the load, the Envoy and the services, in this order. May be called more than once. */
  stop(): Promise<void>;
}

/**
 * Starts one real Envoy, set up as a sidecar of Istio, before two small services with a little load.
 * What stands in the way comes back as `unavailable`, one sentence without a full stop; nothing is left running then.
 */
export async function startDemo(
  options: DemoOptions,
  signal: AbortSignal,
): Promise<Demo | { readonly unavailable: string }> {
  const folder = resolve(options.dataDir, 'demo');
  const found = await envoyProgram(folder, options.log, signal);
  if ('unavailable' in found) {
    return found;
  }
  const demo = new RunningDemo(folder, options.log);
  try {
    await demo.start(found.program, options.zipkin, signal);
    return demo;
  } catch (error) {
    await demo.stop();
    return { unavailable: `Envoy did not start (${error instanceof Error ? error.message : String(error)})` };
  }
}

class RunningDemo implements Demo {
  readonly #folder: string;
  readonly #log: Logger;
  readonly #sidecarLog: PodLog;
  readonly #appLog: PodLog;
  readonly #bookinfo: Bookinfo;
  #envoy: EnvoyProcess | undefined;
  #load: Load | undefined;
  #admin = '';
  #inboundPort = 0;
  #ended: string | undefined;
  #stopping: Promise<void> | undefined;

  constructor(folder: string, log: Logger) {
    this.#folder = folder;
    this.#log = log;
    const pod = join(folder, 'pods', `${demoPod.namespace}_${demoPod.pod}_${demoPod.uid}`);
    this.#sidecarLog = new PodLog(join(pod, 'istio-proxy'), logLimits);
    this.#appLog = new PodLog(join(pod, demoPod.app), logLimits);
    this.#bookinfo = new Bookinfo((line) => this.#appLog.write('stdout', JSON.stringify(line), nowMs()));
  }

  async start(program: string, zipkin: DemoOptions['zipkin'], signal: AbortSignal): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    const services = await this.#bookinfo.start();
    const bootstrap = envoyBootstrap({
      ...services,
      adminPort: await freePort(usualPorts.admin),
      inboundPort: await freePort(usualPorts.inbound),
      outboundPort: await freePort(usualPorts.outbound),
      zipkin,
    });
    const onLine = (stream: 'stdout' | 'stderr', line: string) => this.#sidecarLog.write(stream, line, nowMs());
    const envoy = await EnvoyProcess.start({ program, folder: this.#folder, bootstrap, onLine }, signal);
    this.#envoy = envoy;
    this.#watch(envoy);
    this.#admin = await envoy.adminAddress();
    this.#inboundPort = await envoy.portOf(inboundListener);
    this.#bookinfo.reachRatingsVia(await envoy.portOf(outboundListener));
    this.#load = new Load(this.#inboundPort);
    this.#load.start();
  }

  get configToml(): string {
    const { namespace, pod, app, version } = demoPod;
    return [
      '[[inputs.prom]]',
      `  url = "http://${this.#admin}/stats/prometheus"`,
      '  source = "demo-envoy"',
      '  interval = "5s"',
      '  [inputs.prom.tags]',
      ...Object.entries({ namespace, pod, app, version }).map(
        ([name, value]) => `    ${name} = ${JSON.stringify(value)}`,
      ),
      '[[inputs.container]]',
      `  root = ${JSON.stringify(join(this.#folder, 'pods'))}`,
      '',
    ].join('\n');
  }

  describe(): string[] {
    if (this.#ended !== undefined) {
      return [`demo: its Envoy ended (${this.#ended}); restart with --demo to have it again`];
    }
    return [
      `demo: a real Envoy answers at http://127.0.0.1:${this.#inboundPort}/reviews/1, its admin page is http://${this.#admin}/`,
      'demo: /reviews/2 has no ratings, /reviews/3 is slow, /reviews/4 fails',
    ];
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    await this.#load?.stop();
    await this.#envoy?.stop();
    await this.#bookinfo.stop();
    this.#sidecarLog.close();
    this.#appLog.close();
  }

  #watch(envoy: EnvoyProcess): void {
    void envoy.ended.then((how) => {
      if (this.#stopping === undefined) {
        this.#ended = how;
        this.#log.error({ how }, 'The Envoy of the demo has ended; its spans, metrics and log lines stop here.');
      }
    });
  }
}

/** That port of 127.0.0.1 if nobody has it, else 0. */
async function freePort(port: number): Promise<number> {
  const { promise, resolve: settle } = Promise.withResolvers<number>();
  const probe = createServer();
  probe.once('error', () => settle(0));
  probe.listen(port, '127.0.0.1', () => probe.close(() => settle(port)));
  return promise;
}

/** ms since 1970 with a fraction: lines of one ms keep their order. */
function nowMs(): number {
  return performance.timeOrigin + performance.now();
}
