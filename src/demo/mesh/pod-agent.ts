import { Agent, createServer, type Server, type ServerResponse } from 'node:http';
import { systemClock } from '../../lib/clock.ts';
import type { PageQuirk } from '../state/demo-state.ts';
import type { PodAddress } from './addresses.ts';
import { get } from './http-get.ts';
import type { Beholder } from './istio-labels.ts';
import { IstioMetrics } from './istio-metrics.ts';
import { close, listen } from './listening.ts';
import { mergedPage } from './merged-page.ts';
import type { Report } from './reports.ts';

const partWithinMs = 5000;

export interface PodAgentPlan extends Beholder {
  readonly address: PodAddress;
  /** Whether the container beside it has a page of its own, `/metrics` on its port. */
  readonly hasAppMetrics: boolean;
}

/** What Istio's agent is to a pod: one page with its own numbers, its Envoy's, the standard metrics, and the application's. */
export class PodAgent {
  /** Faults of the page, which take effect with the next scrape. */
  quirks: readonly PageQuirk[] = [];
  readonly #plan: PodAgentPlan;
  readonly #metrics: IstioMetrics;
  readonly #toParts = new Agent({ keepAlive: true, maxSockets: 2 });
  readonly #server: Server;
  readonly #startedMs = systemClock.now();
  readonly #failures = { envoy: 0, application: 0 };
  #scrapes = 0;

  constructor(plan: PodAgentPlan) {
    this.#plan = plan;
    this.#metrics = new IstioMetrics(plan);
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

  /** What the Envoy has taken in and sent out, since it started. */
  get traffic(): { readonly receivedBytes: number; readonly sentBytes: number } {
    return this.#metrics.traffic;
  }

  count(report: Report): void {
    this.#metrics.count(report);
  }

  async stop(): Promise<void> {
    this.#toParts.destroy();
    await close(this.#server);
  }

  /** Without the part of Envoy or of the application it is still a 200, as the agent of Istio has it. */
  async #answer(search: string, response: ServerResponse): Promise<void> {
    this.#scrapes += 1;
    const { stats, app: appPort } = this.#plan.address;
    const [envoy, app] = await Promise.all([
      this.#part(stats, `/stats/prometheus${search}`),
      this.#plan.hasAppMetrics ? this.#appPart(appPort) : '',
    ]);
    this.#failures.envoy += envoy === undefined ? 1 : 0;
    this.#failures.application += app === undefined ? 1 : 0;
    const text = mergedPage({ agent: this.#own(), envoy, standard: this.#metrics.render(), app }, this.quirks);
    const isTyped = !this.quirks.includes('no content type');
    response.writeHead(200, isTyped ? { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' } : {});
    response.end(text);
  }

  async #appPart(port: number): Promise<string | undefined> {
    return this.quirks.includes('failing app') ? undefined : this.#part(port, '/metrics');
  }

  async #part(port: number, path: string): Promise<string | undefined> {
    const { ip: host } = this.#plan.address;
    const answer = await get({ host, port, path, agent: this.#toParts, timeoutMs: partWithinMs });
    return answer?.status === 200 ? answer.body.toString() : undefined;
  }

  #own(): string {
    const { envoy, application } = this.#failures;
    const lines = [
      ['scrapes_total', 'counter', 'The total number of scrapes.', `${this.#scrapes}`],
      ['uptime_seconds', 'gauge', 'How long the agent runs.', `${(systemClock.now() - this.#startedMs) / 1000}`],
    ].flatMap(([name, type, help, value]) => [
      `# HELP istio_agent_${name} ${help}`,
      `# TYPE istio_agent_${name} ${type}`,
      `istio_agent_${name} ${value}`,
    ]);
    return [
      ...lines,
      '# HELP istio_agent_scrape_failures_total The total number of failed scrapes.',
      '# TYPE istio_agent_scrape_failures_total counter',
      `istio_agent_scrape_failures_total{type="envoy"} ${envoy}`,
      `istio_agent_scrape_failures_total{type="application"} ${application}`,
      '',
    ].join('\n');
  }
}
