/** Two listeners of one real Envoy: one calls the other, which answers by itself. Both report their spans. */
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../../fakes/free-port.ts';
import { until } from '../../fakes/until.ts';

export interface EnvoyPair {
  /** Asks it once; each request leaves a span of either side. */
  request(): Promise<number>;
  /** Its counters `tracing.zipkin.*`, by the name's last part. */
  counters(): Promise<Readonly<Record<string, number>>>;
  stop(): Promise<void>;
}

export interface EnvoyPairOptions {
  /** The virtual environment with Envoy in it. */
  readonly environment: string;
  readonly dir: string;
  readonly zipkinPort: number;
  readonly collectorVersion: 'HTTP_JSON' | 'HTTP_PROTO';
}

const at = (port: number): object => ({ socket_address: { address: '127.0.0.1', port_value: port } });

function cluster(name: string, port: number): object {
  const endpoints = [{ lb_endpoints: [{ endpoint: { address: at(port) } }] }];
  return { name, type: 'STATIC', connect_timeout: '5s', load_assignment: { cluster_name: name, endpoints } };
}

function listener(name: string, port: number, route: object, { collectorVersion }: EnvoyPairOptions): object {
  const zipkin = {
    '@type': 'type.googleapis.com/envoy.config.trace.v3.ZipkinConfig',
    collector_cluster: 'zipkin',
    collector_endpoint: '/api/v2/spans',
    collector_endpoint_version: collectorVersion,
    trace_id_128bit: true,
    shared_span_context: false,
  };
  const manager = {
    '@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    stat_prefix: name,
    route_config: { virtual_hosts: [{ name, domains: ['*'], routes: [{ match: { prefix: '/' }, ...route }] }] },
    http_filters: [
      {
        name: 'envoy.filters.http.router',
        typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
      },
    ],
    tracing: { provider: { name: 'envoy.tracers.zipkin', typed_config: zipkin } },
  };
  const direction = name === 'outbound' ? 'OUTBOUND' : 'INBOUND';
  const filters = [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }];
  return { name, traffic_direction: direction, address: at(port), filter_chains: [{ filters }] };
}

export async function startEnvoyPair(options: EnvoyPairOptions): Promise<EnvoyPair> {
  const [outbound, inbound, admin] = [await freePort(), await freePort(), await freePort()];
  const config = {
    node: { id: 'pair', cluster: 'envoy-pair' },
    admin: { address: at(admin) },
    layered_runtime: { layers: [{ name: 'test', static_layer: { 'tracing.zipkin.flush_interval_ms': 200 } }] },
    stats_flush_on_admin: true,
    static_resources: {
      listeners: [
        listener('outbound', outbound, { route: { cluster: 'inbound' } }, options),
        listener('inbound', inbound, { direct_response: { status: 200 } }, options),
      ],
      clusters: [cluster('inbound', inbound), cluster('zipkin', options.zipkinPort)],
    },
  };
  const file = join(options.dir, `envoy-${outbound}.json`);
  await writeFile(file, JSON.stringify(config));
  const args = ['-c', file, '--use-dynamic-base-id', '--concurrency', '1', '--log-level', 'warn'];
  const child = spawn(join(options.environment, 'bin', 'envoy'), args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const pair = {
    request: async () => (await fetch(`http://127.0.0.1:${outbound}/cart`)).status,
    counters: () => countersAt(admin),
    stop: ending(child),
  };
  await ready(child, admin);
  return pair;
}

async function countersAt(admin: number): Promise<Readonly<Record<string, number>>> {
  const answer = await fetch(`http://127.0.0.1:${admin}/stats?filter=^tracing.zipkin`);
  const lines = (await answer.text()).trim().split('\n');
  return Object.fromEntries(
    lines.map((line) => {
      const [name = '', value] = line.split(': ');
      return [name.split('.').at(-1), Number(value)];
    }),
  );
}

function ending(child: ChildProcess): () => Promise<void> {
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return async () => {
    child.kill('SIGKILL');
    await exited;
  };
}

async function ready(child: ChildProcess, admin: number): Promise<void> {
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-10_000);
  });
  await until(
    async () => {
      if (child.exitCode !== null) {
        throw new Error(`Envoy ended with ${child.exitCode}: ${said}`);
      }
      const answer = await fetch(`http://127.0.0.1:${admin}/ready`).catch(() => undefined);
      return answer?.status === 200;
    },
    { withinMs: 60_000, what: 'Envoy is ready' },
  );
}
