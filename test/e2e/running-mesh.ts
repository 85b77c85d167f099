import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { podAddresses } from '../../src/demo/mesh/addresses.ts';
import type { ContainerEvent } from '../../src/demo/mesh/container-life.ts';
import { Mesh, type MeshFacts } from '../../src/demo/mesh/mesh.ts';
import type { DemoState } from '../../src/demo/state/demo-state.ts';
import { presetsOf } from '../../src/demo/switches/presets.ts';
import { usualState } from '../../src/demo/switches/usual-state.ts';
import { type TempDir, tempDir } from '../fakes/temp-dir.ts';

export interface MeshSpan {
  readonly traceId: string;
  readonly id: string;
  readonly parentId?: string;
  readonly kind: string;
  readonly name: string;
  /** µs. */
  readonly duration: number;
  readonly localEndpoint: { readonly serviceName: string };
  readonly tags: Readonly<Record<string, string>>;
}

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Page {
  readonly status: number;
  readonly text: string;
  readonly tookMs: number;
}

const never = new AbortController().signal;

/** Nobody asks for pages but the test. */
export const quiet: DemoState = { ...usualState('default'), pagesPerSecond: 0 };

/** The state after these switches were put on, one after the other. */
export function withSwitches(...names: readonly string[]): DemoState {
  const presets = presetsOf('default');
  return names.reduce((state, name) => {
    const preset = presets.find((one) => one.name === name);
    if (preset === undefined) {
      throw new Error(`there is no switch ${name}`);
    }
    return preset.on(state);
  }, quiet);
}

/** The demo's mesh in this process, with real Envoys, which sends its spans to the test. */
export class RunningMesh {
  readonly spans: MeshSpan[] = [];
  readonly events: ContainerEvent[] = [];
  readonly ended: string[] = [];
  readonly facts: MeshFacts;
  readonly #mesh: Mesh;
  readonly #sink: Server;
  readonly #dir: TempDir;

  private constructor(mesh: Mesh, facts: MeshFacts, { sink, dir }: { sink: Server; dir: TempDir }) {
    this.#mesh = mesh;
    this.facts = facts;
    this.#sink = sink;
    this.#dir = dir;
  }

  /** `environment` is the Python environment that Envoy is in. */
  static async start(environment: string): Promise<RunningMesh> {
    const dir = await tempDir('meshbridge-mesh-');
    let running: RunningMesh | undefined;
    const sink = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk) => chunks.push(chunk));
      request.on('end', () => {
        running?.spans.push(...JSON.parse(Buffer.concat(chunks).toString()));
        response.writeHead(202).end();
      });
    });
    await new Promise<void>((resolve) => sink.listen(0, '127.0.0.1', resolve));
    const mesh = new Mesh({
      folder: dir.path,
      program: join(environment, 'bin', 'envoy'),
      zipkin: { host: '127.0.0.1', port: (sink.address() as AddressInfo).port },
      addresses: (count) => podAddresses(count),
      onEnd: (workload, how) => running?.ended.push(`${workload} ${how}`),
      onContainer: (event) => running?.events.push(event),
    });
    try {
      const facts = await mesh.start(never);
      running = new RunningMesh(mesh, facts, { sink, dir });
      await mesh.apply(quiet, never);
      return running;
    } catch (error) {
      await mesh.stop();
      sink.close();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.#mesh.stop();
    this.#sink.closeAllConnections();
    this.#sink.close();
    await this.#dir.remove();
  }

  apply(state: DemoState): Promise<void> {
    return this.#mesh.apply(state, never);
  }

  /** Value of `cookie` after signing in at the page. */
  async signIn(name: string): Promise<string> {
    const answer = await fetch(`${this.facts.gateway}/login`, {
      method: 'POST',
      body: new URLSearchParams({ username: name, passwd: '' }),
      redirect: 'manual',
    });
    return answer.headers.getSetCookie()[0]?.split(';')[0] ?? '';
  }

  async page(cookie?: string): Promise<Page> {
    const startedMs = performance.now();
    const headers = cookie === undefined ? {} : { cookie };
    const answer = await fetch(`${this.facts.gateway}/productpage`, { headers });
    const text = await answer.text();
    return { status: answer.status, text, tookMs: performance.now() - startedMs };
  }

  /** So many pages, a few at a time. */
  async pages(count: number): Promise<void> {
    for (let left = count; left > 0; left -= 5) {
      await Promise.all(Array.from({ length: Math.min(5, left) }, () => this.page()));
    }
  }

  /** The agent's page of the pod of a workload, such as `reviews-v2`. */
  async metricsPage(workload: string): Promise<Response> {
    const pod = this.facts.pods.find((one) => one.pod.startsWith(`${workload}-`));
    return fetch(pod?.metrics ?? '');
  }

  /** Samples of a family that have all these labels. */
  async samples(workload: string, name: string, wanted: Readonly<Record<string, string>> = {}): Promise<Sample[]> {
    const text = await (await this.metricsPage(workload)).text();
    return samplesIn(text, name).filter(({ labels }) =>
      Object.entries(wanted).every(([label, value]) => labels[label] === value),
    );
  }

  /** Lines of a container's log, without what the runtime writes before them. */
  log(workload: string, container: string, file = '0.log'): string[] {
    const root = this.facts.logRoot;
    const folder = readdirSync(root).find((name) => name.includes(`_${workload}-`)) ?? '';
    return readFileSync(join(root, folder, container, file), 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((line) => line.replace(/^\S+ std(?:out|err) F /, ''));
  }

  /** Lines of the access log of a workload's Envoy. */
  accessLog(workload: string): Record<string, unknown>[] {
    return this.log(workload, 'istio-proxy')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line));
  }

  traces(): MeshSpan[][] {
    return [...Map.groupBy(this.spans, ({ traceId }) => traceId).values()];
  }
}

export function samplesIn(text: string, name: string): Sample[] {
  return [...text.matchAll(new RegExp(`^${name}\\{(.*)\\} (\\S+)$`, 'gm'))].map(([, labels = '', value]) => ({
    labels: Object.fromEntries([...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, label, text_]) => [label, text_])),
    value: Number(value),
  }));
}

export function sumOf(samples: readonly Sample[]): number {
  return samples.reduce((sum, { value }) => sum + value, 0);
}
