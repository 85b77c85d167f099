import { createServer, type Server } from 'node:http';
import { systemClock } from '../../lib/clock.ts';
import type { DemoState } from '../state/demo-state.ts';
import { Histogram } from './histogram.ts';
import { close, listen } from './listening.ts';
import type { Place } from './place.ts';
import { processMetrics } from './process-metrics.ts';

/** Of istiod: seconds. */
const convergenceBounds = [0.1, 0.5, 1, 3, 5, 10, 20, 30];
const pushBounds = [0.01, 0.1, 1, 3, 5, 10, 20, 30];
/** How long the mesh's authority is good for. */
const rootSeconds = 365 * 24 * 3600;

/** Istio's names of what a proxy is told. */
export type PushType = 'cds' | 'eds' | 'lds' | 'rds';
const pushTypes: readonly PushType[] = ['cds', 'eds', 'lds', 'rds'];

/** What one replica has done since it started. */
class Replica {
  readonly server: Server;
  readonly pushes: Record<PushType, number> = { cds: 0, eds: 0, lds: 0, rds: 0 };
  readonly rejects: Record<PushType, number> = { cds: 0, eds: 0, lds: 0, rds: 0 };
  readonly convergence = new Histogram(convergenceBounds);
  readonly pushTime = new Histogram(pushBounds);
  readonly startedMs = systemClock.now();
  triggers = 0;
  issued = 0;
  isUp = false;

  constructor(answer: () => string) {
    this.server = createServer((request, response) => {
      const isPage = request.url?.split('?')[0] === '/metrics';
      response.writeHead(isPage ? 200 : 404, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
      response.end(isPage ? answer() : 'not found\n');
    });
  }
}

/** What there is to tell proxies of. */
export interface MeshSize {
  readonly proxies: number;
  readonly services: number;
}

/** The numbers of two istiods, which have really been counted: what the proxies of this mesh were told, and how fast they took it. */
export class ControlPlane {
  readonly #size: MeshSize;
  readonly #places: readonly Place[];
  readonly #replicas: readonly Replica[];
  #state: DemoState | undefined;
  #configEvents = 0;

  /** Two places. */
  constructor(places: readonly Place[], size: MeshSize) {
    this.#places = places;
    this.#size = size;
    this.#replicas = places.map((_, n) => new Replica(() => this.#page(n)));
  }

  /** All replicas that are to be up answer. */
  async apply(state: DemoState): Promise<void> {
    const before = this.#state;
    this.#configEvents += before === undefined ? 0 : changes(before, state);
    this.#state = state;
    for (const [n, replica] of this.#replicas.entries()) {
      const isWanted = n < this.#replicas.length - state.istiodDown;
      const { host, port } = this.#places[n] ?? { host: '127.0.0.1', port: 0 };
      if (isWanted && !replica.isUp) {
        await listen(replica.server, host, port);
      } else if (!isWanted && replica.isUp) {
        await close(replica.server);
      }
      replica.isUp = isWanted;
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.#replicas.map(({ server }) => close(server)));
  }

  /** A proxy was told this, and acts on it after so many ms. */
  pushed(proxy: number, types: readonly PushType[], tookMs: number): void {
    const replica = this.#replicaOf(proxy);
    replica?.convergence.observe(tookMs / 1000);
    for (const type of types) {
      if (replica !== undefined) {
        replica.pushes[type] += 1;
        replica.pushTime.observe(tookMs / 1000);
      }
    }
  }

  rejected(proxy: number, type: PushType): void {
    const replica = this.#replicaOf(proxy);
    if (replica !== undefined) {
      replica.rejects[type] += 1;
    }
  }

  /** Something changed that proxies have to be told. */
  triggered(): void {
    for (const replica of this.#replicas.filter(({ isUp }) => isUp)) {
      replica.triggers += 1;
    }
  }

  /** A proxy was given its certificate. */
  issued(proxy: number): void {
    const replica = this.#replicaOf(proxy);
    if (replica !== undefined) {
      replica.issued += 1;
    }
  }

  /** Proxies are shared evenly by the replicas that are up. */
  #replicaOf(proxy: number): Replica | undefined {
    const up = this.#replicas.filter(({ isUp }) => isUp);
    return up[proxy % Math.max(1, up.length)];
  }

  #page(n: number): string {
    const replica = this.#replicas[n];
    if (replica === undefined) {
      return '';
    }
    const { proxies, services } = this.#size;
    const own = Array.from({ length: proxies }, (_, proxy) => this.#replicaOf(proxy)).filter((one) => one === replica);
    const page = new Page();
    page.gauge('pilot_info', [['version="demo"', 1]]);
    page.gauge('istio_build', [['component="pilot",tag="demo"', 1]]);
    page.gauge('istiod_uptime_seconds', [['', (systemClock.now() - replica.startedMs) / 1000]]);
    page.gauge('istiod_managed_clusters', [['cluster_type="local"', 1]]);
    page.gauge('pilot_xds', [['version="demo"', own.length]]);
    page.gauge('pilot_services', [['', services]]);
    page.gauge('pilot_virt_services', [['', this.#state?.virtualServices.length ?? 0]]);
    page.counter('pilot_k8s_cfg_events', [['event="update",type="VirtualService"', this.#configEvents]]);
    page.counter('pilot_push_triggers', [['type="config"', replica.triggers]]);
    page.counter(
      'pilot_xds_pushes',
      pushTypes.map((type) => [`type="${type}"`, replica.pushes[type]]),
    );
    const rejects = pushTypes.map((type) => replica.rejects[type]);
    page.counter('pilot_total_xds_rejects', [['', rejects.reduce((sum, one) => sum + one, 0)]]);
    for (const type of pushTypes) {
      page.counter(`pilot_xds_${type}_reject`, [['', replica.rejects[type]]]);
    }
    page.counter('pilot_total_xds_internal_errors', [['', 0]]);
    page.counter('pilot_xds_write_timeout', [['', 0]]);
    page.gauge('pilot_endpoint_not_ready', [['', this.#state?.crashLoop === undefined ? 0 : 1]]);
    page.gauge('pilot_no_ip', [['', 0]]);
    for (const kind of ['inbound_listener', 'outbound_listener_tcp_over_current_tcp']) {
      page.gauge(`pilot_conflict_${kind}`, [['', 0]]);
    }
    page.histogram('pilot_proxy_convergence_time', replica.convergence);
    page.histogram('pilot_xds_push_time', replica.pushTime);
    page.counter('citadel_server_csr_count', [['', replica.issued]]);
    page.counter('citadel_server_success_cert_issuance_count', [['', replica.issued]]);
    const expiry = Math.round(replica.startedMs / 1000) + rootSeconds;
    page.gauge('citadel_server_root_cert_expiry_timestamp', [['', expiry]]);
    page.counter('galley_validation_passed', [['group="networking.istio.io"', this.#configEvents]]);
    page.counter('sidecar_injection_requests_total', [['', own.length]]);
    page.counter('sidecar_injection_success_total', [['', own.length]]);
    return page.text() + processMetrics();
  }
}

/** How many rules are new, gone or others. */
function changes(before: DemoState, after: DemoState): number {
  const texts = ({ virtualServices, destinationRules }: DemoState) =>
    new Set([...virtualServices, ...destinationRules].map((rule) => JSON.stringify(rule)));
  const [was, is] = [texts(before), texts(after)];
  return [...was, ...is].filter((text) => was.has(text) !== is.has(text)).length;
}

/** A page of Prometheus' text format. */
class Page {
  readonly #lines: string[] = [];

  gauge(name: string, samples: readonly (readonly [string, number])[]): void {
    this.#family(name, 'gauge', samples);
  }

  counter(name: string, samples: readonly (readonly [string, number])[]): void {
    this.#family(name, 'counter', samples);
  }

  histogram(name: string, histogram: Histogram): void {
    this.#lines.push(`# TYPE ${name} histogram`);
    histogram.render(this.#lines, name, '');
  }

  text(): string {
    return `${this.#lines.join('\n')}\n`;
  }

  #family(name: string, type: string, samples: readonly (readonly [string, number])[]): void {
    this.#lines.push(`# TYPE ${name} ${type}`);
    for (const [labels, value] of samples) {
      this.#lines.push(`${name}${labels === '' ? '' : `{${labels}}`} ${value}`);
    }
  }
}
