import { type ChildProcess, fork } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { extname, join, resolve } from 'node:path';
import type { DemoDesk, DemoRequest } from '../contract/demo.ts';
import type { Logger } from '../contract/runtime.ts';
import { demoConfig } from './demo-config.ts';
import { envoyProgram } from './mesh/envoy-environment.ts';
import { eachLine } from './mesh/lines.ts';
import type { DemoFacts, MeshMessage, MeshQuestion } from './mesh-messages.ts';

const stopWithinMs = 12_000;

export interface DemoOptions {
  /** Everything of the demo lives in `demo/` under it, the installed Envoy too. */
  readonly dataDir: string;
  /** Where spans go: an IP address (not a name) and the port of a listener that answers `POST /api/v2/spans`. */
  readonly zipkin: { readonly host: string; readonly port: number };
  /** Of Bookinfo. Default: `default`. */
  readonly namespace?: string | undefined;
  /** URL of a listener that takes what browsers send. Without it there are no visits. */
  readonly rum?: string;
  readonly log: Logger;
}

export interface Demo extends DemoDesk {
  /** The configuration of a daemon on a node of the demo's cluster: where the API server, the logs and istiod are. */
  readonly configToml: string;
  /** The pages of metrics of all pods. */
  readonly pages: DemoFacts['pages'];
  /** One line each, for the banner and the page: what runs, and what has ended. */
  describe(): string[];
  /** Ends the load, the Envoys and the services, in this order. May be called more than once. */
  stop(): Promise<void>;
}

/**
 * Starts Bookinfo in a mesh of real Envoys, set up as Istio's, with a little load, and a cluster's API server around it.
 * What stands in the way comes back as `unavailable`, one sentence without a full stop; nothing is left running then.
 */
export async function startDemo(
  options: DemoOptions,
  signal: AbortSignal,
): Promise<Demo | { readonly unavailable: string }> {
  const { dataDir, zipkin, namespace = 'default', rum = '', log } = options;
  const folder = resolve(dataDir, 'demo');
  const found = await envoyProgram(folder, log, signal);
  if ('unavailable' in found) {
    return found;
  }
  await mkdir(folder, { recursive: true });
  const demo = new RunningDemo(log);
  try {
    await demo.start([folder, found.program, zipkin.host, String(zipkin.port), namespace, rum], signal);
    return demo;
  } catch (error) {
    await demo.stop();
    return { unavailable: `the mesh did not start (${error instanceof Error ? error.message : String(error)})` };
  }
}

type Answer = Awaited<ReturnType<DemoDesk['ask']>>;

/** The mesh, in a process of its own. */
class RunningDemo implements Demo {
  readonly #log: Logger;
  readonly #ended = new Map<string, string>();
  readonly #asked = new Map<number, (answer: Answer) => void>();
  #child: ChildProcess | undefined;
  #exited: Promise<string> = Promise.resolve('');
  #facts: DemoFacts | undefined;
  /** How the process of the mesh ended. */
  #over: string | undefined;
  #stopping: Promise<void> | undefined;
  #nextId = 1;

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
    const { promise, resolve: settle, reject } = Promise.withResolvers<DemoFacts>();
    child.on('message', (message: MeshMessage) => {
      if (message.kind === 'ready') {
        settle(message.facts);
      } else if (message.kind === 'failed') {
        reject(new Error(message.reason));
      } else {
        this.#heard(message);
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
    return this.#facts === undefined ? '' : demoConfig(this.#facts);
  }

  get pages(): DemoFacts['pages'] {
    return this.#facts?.pages ?? [];
  }

  describe(): string[] {
    const ended = [...this.#ended].map(
      ([name, how]) => `the Envoy of ${name} ended (${how}); restart with --demo to have it again`,
    );
    const { productpage = '', logRoot = '', kubeconfig = '', pages = [] } = this.#facts ?? {};
    return [
      `Bookinfo behind ${pages.length} real Envoys, at ${productpage}, with a little load`,
      `its pods' logs are in ${logRoot}; an example of their metrics: ${pages[1]?.url}`,
      `its cluster answers kubectl --kubeconfig ${kubeconfig}; "meshbridge demo list" has the switches`,
      ...(this.#over === undefined ? [] : [`the mesh has ended (${this.#over}); restart with --demo to have it again`]),
      ...ended,
    ];
  }

  async ask(request: DemoRequest): Promise<Answer> {
    const child = this.#child;
    if (this.#over !== undefined || child?.connected !== true) {
      return { unavailable: `the mesh has ended (${this.#over ?? 'it is stopping'})` };
    }
    const question: MeshQuestion = { id: this.#nextId++, request };
    const { promise, resolve: settle } = Promise.withResolvers<Answer>();
    this.#asked.set(question.id, settle);
    child.send(question, (error) => {
      if (error !== null) {
        settle({ unavailable: `the mesh has ended (${error.message})` });
      }
    });
    const answer = await promise;
    this.#asked.delete(question.id);
    return answer;
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

  #heard(message: Exclude<MeshMessage, { readonly kind: 'ready' | 'failed' }>): void {
    if (message.kind === 'answer') {
      this.#asked.get(message.id)?.(message.answer);
      return;
    }
    const { workload, how } = message;
    this.#ended.set(workload, how);
    this.#log.error({ workload, how }, 'An Envoy of the demo has ended; its spans, metrics and log lines stop here.');
  }

  #noteAll(how: string): void {
    this.#over = how;
    for (const settle of this.#asked.values()) {
      settle({ unavailable: `the mesh has ended (${how})` });
    }
    if (this.#stopping === undefined && this.#facts !== undefined) {
      this.#log.error({ how }, 'The mesh of the demo has ended.');
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
