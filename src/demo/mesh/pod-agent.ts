import { Agent, createServer, type Server, type ServerResponse } from 'node:http';
import type { RequestReport } from './access-log.ts';
import type { PodAddress } from './addresses.ts';
import { get } from './http-get.ts';
import { IstioMetrics } from './istio-metrics.ts';
import { close, listen } from './listening.ts';
import type { Workload } from './topology.ts';

export interface PodAgentPlan {
  readonly workload: Workload;
  readonly address: PodAddress;
  /** Whose sidecar listens at `ip:port`. */
  readonly workloadAt: (address: string) => Workload | undefined;
}

/** What Istio's agent is to a pod: one page with its own numbers, its Envoy's, and the standard metrics. */
export class PodAgent {
  readonly #plan: PodAgentPlan;
  readonly #metrics: IstioMetrics;
  readonly #toEnvoy = new Agent({ keepAlive: true, maxSockets: 2 });
  readonly #server: Server;
  #scrapes = 0;
  #failures = 0;

  constructor(plan: PodAgentPlan) {
    this.#plan = plan;
    this.#metrics = new IstioMetrics(plan.workload, plan.workloadAt);
    this.#server = createServer((request, response) => {
      const { pathname, search } = new URL(request.url ?? '/', 'http://agent');
      if (pathname === '/stats/prometheus') {
        void this.#answer(search, response);
      } else {
        response.writeHead(404).end();
      }
    });
  }

  async start(): Promise<void> {
    await listen(this.#server, this.#plan.address.ip, this.#plan.address.agent);
  }

  count(report: RequestReport): void {
    this.#metrics.count(report);
  }

  async stop(): Promise<void> {
    this.#toEnvoy.destroy();
    await close(this.#server);
  }

  /** Without Envoy's part it is still a 200, as the agent of Istio has it. */
  async #answer(search: string, response: ServerResponse): Promise<void> {
    this.#scrapes += 1;
    const { ip: host, stats: port } = this.#plan.address;
    const envoy = await get({ host, port, path: `/stats/prometheus${search}`, agent: this.#toEnvoy, timeoutMs: 5000 });
    const isGood = envoy?.status === 200;
    this.#failures += isGood ? 0 : 1;
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
    response.write(this.#own());
    if (isGood) {
      response.write(envoy.body);
    }
    response.end(this.#metrics.render());
  }

  #own(): string {
    return [
      '# HELP istio_agent_scrapes_total The total number of scrapes.',
      '# TYPE istio_agent_scrapes_total counter',
      `istio_agent_scrapes_total ${this.#scrapes}`,
      '# HELP istio_agent_scrape_failures_total The total number of failed scrapes.',
      '# TYPE istio_agent_scrape_failures_total counter',
      `istio_agent_scrape_failures_total{type="envoy"} ${this.#failures}`,
      '',
    ].join('\n');
  }
}
