import { type ChildProcess, fork } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { extname, join, resolve } from 'node:path';
import type { Logger } from '../contract/runtime.ts';
import { envoyProgram } from './mesh/envoy-environment.ts';
import { eachLine } from './mesh/lines.ts';
import type { MeshFacts, PodFacts } from './mesh/mesh.ts';
import type { MeshMessage } from './mesh-process.ts';

const stopWithinMs = 12_000;

export interface DemoOptions {
  /** Everything of the demo lives in `demo/` under it, the installed Envoy too. */
  readonly dataDir: string;
  /** Where spans go: an IP address (not a name) and the port of a listener that answers `POST /api/v2/spans`. */
  readonly zipkin: { readonly host: string; readonly port: number };
  readonly log: Logger;
}

export interface Demo {
  /** Inputs to run beside the configured ones: a scrape of each pod's agent, and the container logs of all pods. */
  readonly configToml: string;
  /** One line each, for the banner and the page: what runs, and what has ended. */
  describe(): string[];
  /** Ends the load, the Envoys and the services, in this order. May be called more than once. */
  stop(): Promise<void>;
}

/**
 * Starts Bookinfo in a mesh of real Envoys, set up as Istio's, with a little load.
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
  await mkdir(folder, { recursive: true });
  const demo = new RunningDemo(options.log);
  try {
    await demo.start([folder, found.program, options.zipkin.host, String(options.zipkin.port)], signal);
    return demo;
  } catch (error) {
    await demo.stop();
    return { unavailable: `the mesh did not start (${error instanceof Error ? error.message : String(error)})` };
  }
}

/** The mesh, in a process of its own. */
class RunningDemo implements Demo {
  readonly #log: Logger;
  #child: ChildProcess | undefined;
  #exited: Promise<string> = Promise.resolve('');
  #facts: MeshFacts | undefined;
  readonly #ended = new Map<string, string>();
  #stopping: Promise<void> | undefined;

  constructor(log: Logger) {
    this.#log = log;
  }

  async start(args: readonly string[], signal: AbortSignal): Promise<void> {
    const child = fork(join(import.meta.dirname, `mesh-process${extname(import.meta.filename)}`), args, {
      execArgv: ['--max-old-space-size=96', '--max-semi-space-size=2'],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      // Ctrl-C is for the daemon, which then ends the mesh in its own order.
      detached: true,
    });
    this.#child = child;
    this.#exited = exitOf(child);
    const { promise, resolve: settle, reject } = Promise.withResolvers<MeshFacts>();
    child.on('message', (message: MeshMessage) => {
      if (message.kind === 'ready') {
        settle(message.facts);
      } else if (message.kind === 'failed') {
        reject(new Error(message.reason));
      } else {
        this.#note(message.workload, message.how);
      }
    });
    void this.#exited.then((how) => {
      reject(new Error(how));
      this.#noteAll(how);
    });
    signal.addEventListener('abort', () => reject(new Error('it was asked to stop')), { once: true });
    if (signal.aborted) {
      reject(new Error('it was asked to stop'));
    }
    this.#facts = await promise;
  }

  get configToml(): string {
    const scrapes = (this.#facts?.pods ?? []).flatMap(scrapeOf);
    const logs = ['[[inputs.container]]', `  root = ${JSON.stringify(this.#facts?.logRoot)}`, ''];
    return [...scrapes, ...logs].join('\n');
  }

  describe(): string[] {
    const ended = [...this.#ended].map(
      ([name, how]) => `the Envoy of ${name} ended (${how}); restart with --demo to have it again`,
    );
    const { gateway = '', logRoot = '', pods = [] } = this.#facts ?? {};
    return [
      `Bookinfo behind ${pods.length} real Envoys, at ${gateway}/productpage, with a little load`,
      `its pods' logs are in ${logRoot}; an example of their metrics: ${pods[1]?.metrics}`,
      ...ended,
    ];
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    const child = this.#child;
    if (child === undefined) {
      return;
    }
    if (child.connected) {
      child.disconnect();
    }
    const hard = setTimeout(() => child.kill('SIGKILL'), stopWithinMs);
    await this.#exited;
    clearTimeout(hard);
  }

  #note(workload: string, how: string): void {
    this.#ended.set(workload, how);
    this.#log.error({ workload, how }, 'An Envoy of the demo has ended; its spans, metrics and log lines stop here.');
  }

  #noteAll(how: string): void {
    if (this.#stopping === undefined && this.#facts !== undefined) {
      this.#log.error({ how }, 'The mesh of the demo has ended.');
      for (const { pod } of this.#facts.pods) {
        this.#ended.set(pod, how);
      }
    }
  }
}

/** `exit 1: last words`, once it is gone. */
async function exitOf(child: ChildProcess): Promise<string> {
  const { promise, resolve: settle } = Promise.withResolvers<string>();
  let lastWords = '';
  if (child.stderr !== null) {
    eachLine(child.stderr, (line) => {
      lastWords = line === '' ? lastWords : line;
    });
  }
  child.on('error', (error) => settle(error.message));
  child.on('exit', (code, signal) => settle(signal ?? `exit ${code}`));
  const how = await promise;
  return lastWords === '' ? how : `${how}: ${lastWords}`;
}

function scrapeOf({ namespace, pod, app, version, metrics }: PodFacts): string[] {
  return [
    '[[inputs.prom]]',
    `  url = ${JSON.stringify(metrics)}`,
    `  source = ${JSON.stringify(app)}`,
    '  interval = "5s"',
    '  measurement_name = "istio_prom"',
    '  [inputs.prom.tags]',
    ...Object.entries({ namespace, pod, app, version }).map(
      ([name, value]) => `    ${name} = ${JSON.stringify(value)}`,
    ),
  ];
}
