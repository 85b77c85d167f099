import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { applicationOf } from '../bookinfo/bookinfo.ts';
import { productpage } from '../bookinfo/productpage.ts';
import { type Place, Service, type WriteLine } from '../bookinfo/service.ts';
import type { PodAddress, PodAddresses } from './addresses.ts';
import { Authority } from './certificates.ts';
import { envoyBootstrap } from './envoy-bootstrap.ts';
import { EnvoyProcess } from './envoy-process.ts';
import { Load } from './load.ts';
import { PodAgent } from './pod-agent.ts';
import { PodLog } from './pod-log.ts';
import { gateway, meshId, principal, type Workload, workloads, workloadsOf } from './topology.ts';

const logLimits = { maxBytes: 1_000_000, maxFiles: 4 };

export interface MeshPlan {
  /** Logs, configurations; made where it is missing. */
  readonly folder: string;
  /** Envoy. */
  readonly program: string;
  readonly zipkin: Place;
  /** Finds so many addresses, which are this mesh's until they are released. */
  readonly addresses: (count: number) => Promise<PodAddresses>;
  readonly onEnd: (workload: string, how: string) => void;
}

/** What the daemon needs to know of a mesh that runs. */
export interface MeshFacts {
  /** `http://host:port` of the gateway. */
  readonly gateway: string;
  readonly logRoot: string;
  readonly pods: readonly PodFacts[];
}

export interface PodFacts {
  readonly namespace: string;
  readonly pod: string;
  readonly app: string;
  readonly version: string;
  /** URL of the agent's page of metrics. */
  readonly metrics: string;
}

interface Pod {
  readonly workload: Workload;
  readonly address: PodAddress;
  readonly agent: PodAgent;
  readonly proxyLog: PodLog;
  readonly appLog: PodLog | undefined;
  readonly service: Service | undefined;
}

/** Bookinfo in a mesh: pods of a service, a real Envoy and an agent each, a gateway, and a little load. */
export class Mesh {
  readonly #plan: MeshPlan;
  readonly #authority = new Authority(meshId, Date.now());
  #addresses: PodAddresses | undefined;
  #pods: readonly Pod[] = [];
  #envoys: EnvoyProcess[] = [];
  #load: Load | undefined;
  #isStopping = false;

  constructor(plan: MeshPlan) {
    this.#plan = plan;
  }

  /** Resolves when all of it answers. Rejects where a part does not start; `stop` then ends the others. */
  async start(signal: AbortSignal): Promise<MeshFacts> {
    await mkdir(join(this.#plan.folder, 'envoy'), { recursive: true });
    const addresses = await this.#plan.addresses(workloads.length);
    this.#addresses = addresses;
    this.#pods = workloads.map((workload, n) => this.#pod(workload, addressAt(addresses, n)));
    for (const { address, agent, service } of this.#pods) {
      await agent.start();
      await service?.start({ host: address.ip, port: address.app });
    }
    await this.#startEnvoys(signal);
    const { ip: host, ingress: port } = this.#addressOf(gateway);
    this.#load = new Load({ host, port });
    this.#load.start();
    return { gateway: `http://${host}:${port}`, logRoot: this.#logRoot, pods: this.#pods.map(factsOf) };
  }

  /** May be called at any time, once. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#load?.stop();
    await Promise.all(this.#envoys.map((envoy) => envoy.stop()));
    for (const { agent, service, proxyLog, appLog } of this.#pods) {
      await agent.stop();
      await service?.stop();
      proxyLog.close();
      appLog?.close();
    }
    this.#addresses?.release();
  }

  get #logRoot(): string {
    return join(this.#plan.folder, 'pods');
  }

  #pod(workload: Workload, address: PodAddress): Pod {
    const { namespace, pod, uid, app, role } = workload;
    const folder = join(this.#logRoot, `${namespace}_${pod}_${uid}`);
    const agent = new PodAgent({ workload, address, workloadAt: (at) => this.#workloadAt(at) });
    const proxyLog = new PodLog(join(folder, 'istio-proxy'), logLimits);
    if (role === 'router') {
      return { workload, address, agent, proxyLog, appLog: undefined, service: undefined };
    }
    const appLog = new PodLog(join(folder, app), logLimits);
    const write: WriteLine = (stream, line) => appLog.write(stream, line, nowMs());
    const make = applicationOf(app) ?? productpage;
    const service = new Service(make(workload, write), { host: address.ip, port: address.outbound });
    return { workload, address, agent, proxyLog, appLog, service };
  }

  /** The first that fails takes back the others, and its error is the one that counts. */
  async #startEnvoys(signal: AbortSignal): Promise<void> {
    const failed = new AbortController();
    const either = AbortSignal.any([signal, failed.signal]);
    const starting = this.#pods.map((pod) => this.#startEnvoy(pod, either).catch((error) => failed.abort(error)));
    await Promise.all(starting);
    either.throwIfAborted();
  }

  async #startEnvoy({ workload, address, agent, proxyLog }: Pod, signal: AbortSignal): Promise<void> {
    const { folder, program, zipkin, onEnd } = this.#plan;
    const called = workload.calls.map((service) => [service, workloadsOf(service).map((one) => this.#addressOf(one))]);
    const envoy = await EnvoyProcess.start(
      {
        program,
        configFile: join(folder, 'envoy', `${workload.name}.json`),
        bootstrap: envoyBootstrap({
          workload,
          address,
          endpoints: Object.fromEntries(called),
          identity: this.#authority.issue(principal(workload)),
          authority: this.#authority.certificate,
          zipkin,
        }),
        admin: { host: address.ip, port: address.admin },
        onLine: (stream, line) => proxyLog.write(stream, line, nowMs()),
        onReport: (report) => agent.count(report),
      },
      signal,
    );
    this.#envoys.push(envoy);
    void envoy.ended.then((how) => {
      if (!this.#isStopping) {
        onEnd(workload.name, how);
      }
    });
  }

  #addressOf(workload: Workload): PodAddress {
    const pod = this.#pods.find((one) => one.workload === workload);
    if (pod === undefined) {
      throw new Error(`${workload.name} is not of this mesh`);
    }
    return pod.address;
  }

  #workloadAt(at: string): Workload | undefined {
    return this.#pods.find(({ address }) => at === `${address.ip}:${address.inbound}`)?.workload;
  }
}

function addressAt({ pods }: PodAddresses, n: number): PodAddress {
  const address = pods[n];
  if (address === undefined) {
    throw new Error(`there is no address for pod ${n}`);
  }
  return address;
}

function factsOf({ workload, address }: Pod): PodFacts {
  const { namespace, pod, app, version } = workload;
  return { namespace, pod, app, version, metrics: `http://${address.ip}:${address.agent}/stats/prometheus` };
}

/** ms since 1970 with a fraction: lines of one ms keep their order. */
function nowMs(): number {
  return performance.timeOrigin + performance.now();
}
