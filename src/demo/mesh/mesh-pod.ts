import { join } from 'node:path';
import type { Conditions } from '../bookinfo/application.ts';
import type { PodAddress } from './addresses.ts';
import { AppContainer } from './app-container.ts';
import type { PodTraffic, WatchedContainer } from './cadvisor.ts';
import type { Identity } from './certificates.ts';
import { type ContainerEvent, ContainerLife, nowMs } from './container-life.ts';
import { Discovery, type Resources } from './discovery.ts';
import { envoyBootstrap } from './envoy-bootstrap.ts';
import { EnvoyProcess } from './envoy-process.ts';
import type { Place } from './place.ts';
import { PodAgent } from './pod-agent.ts';
import { PodLog } from './pod-log.ts';
import type { ProxyPlan } from './proxy-plan.ts';
import type { Topology, Workload } from './topology.ts';

const logLimits = { maxBytes: 1_000_000, maxFiles: 4 };

export interface MeshPodPlan {
  readonly topology: Topology;
  readonly workload: Workload;
  readonly address: PodAddress;
  /** Of the whole mesh: logs, configurations. */
  readonly folder: string;
  readonly workloadAt: (address: string) => Workload | undefined;
  readonly conditions: () => Conditions;
  readonly onContainer: (event: ContainerEvent) => void;
}

export interface ProxyStart {
  readonly program: string;
  readonly zipkin: Place;
  readonly identity: Identity;
  readonly authority: string;
  readonly resources: (plan: ProxyPlan) => Resources;
}

/** One pod: the application's container where it has one, a real Envoy, and the agent with its page of metrics. */
export class MeshPod {
  readonly workload: Workload;
  readonly address: PodAddress;
  readonly agent: PodAgent;
  readonly discovery: Discovery;
  /** Undefined at a gateway. */
  readonly life: ContainerLife | undefined;
  /** Its application answers. */
  isRunning = true;
  readonly #plan: MeshPodPlan;
  readonly #proxyLog: PodLog;
  #envoy: EnvoyProcess | undefined;
  #proxyPlan: ProxyPlan | undefined;

  constructor(plan: MeshPodPlan) {
    const { workload, address, topology, workloadAt, folder } = plan;
    this.#plan = plan;
    this.workload = workload;
    this.address = address;
    const isSidecar = workload.role === 'sidecar';
    const hasAppMetrics = isSidecar && workload.app !== 'mongodb';
    this.agent = new PodAgent({ topology, self: workload, workloadAt, address, hasAppMetrics });
    this.#proxyLog = new PodLog(join(this.#logFolder, 'istio-proxy'), logLimits);
    this.life = isSidecar ? this.#life() : undefined;
    this.discovery = new Discovery({
      folder: join(folder, 'envoy', workload.name),
      admin: { host: address.ip, port: address.admin },
      complaint: () => this.#envoy?.complaint,
    });
  }

  /** Undefined before it has started. */
  get envoy(): EnvoyProcess | undefined {
    return this.#envoy;
  }

  get proxyPlan(): ProxyPlan | undefined {
    return this.#proxyPlan;
  }

  /** The application and the agent. */
  async start(): Promise<void> {
    await this.agent.start();
    await this.life?.start();
  }

  async startEnvoy(start: ProxyStart, signal: AbortSignal): Promise<EnvoyProcess> {
    const { workload, address } = this;
    const { topology, folder } = this.#plan;
    const { program, resources, ...known } = start;
    const plan = { topology, workload, address, files: this.discovery.files, ...known };
    this.#proxyPlan = plan;
    await this.discovery.prepare(resources(plan));
    this.#envoy = await EnvoyProcess.start(
      {
        program,
        configFile: join(folder, 'envoy', `${workload.name}.json`),
        bootstrap: envoyBootstrap(plan),
        admin: { host: address.ip, port: address.admin },
        onLine: (stream, line) => this.#proxyLog.write(stream, line, nowMs()),
        onReport: (report) => this.agent.count(report),
      },
      signal,
    );
    return this.#envoy;
  }

  /** Its containers, as the kubelet sees them; the applications of all pods are one process. */
  watched(sharers: number): readonly WatchedContainer[] {
    const { namespace, pod, uid, app } = this.workload;
    const of = (container: string) => ({ namespace, pod, uid, container, folder: join(this.#logFolder, container) });
    const proxy = { ...of('istio-proxy'), pid: this.#envoy?.pid, sharers: 1 };
    const own = { ...of(app), pid: this.isRunning ? process.pid : undefined, sharers };
    return this.life === undefined ? [proxy] : [own, proxy];
  }

  traffic(): PodTraffic {
    const { namespace, pod, uid } = this.workload;
    return { namespace, pod, uid, ...this.agent.traffic };
  }

  /** All but the Envoy, which ends before. */
  async stop(): Promise<void> {
    await this.agent.stop();
    await this.life?.stop();
    this.#proxyLog.close();
  }

  get #logFolder(): string {
    const { namespace, pod, uid } = this.#plan.workload;
    return join(this.#plan.folder, 'pods', `${namespace}_${pod}_${uid}`);
  }

  #life(): ContainerLife {
    const { workload, address, conditions, onContainer } = this.#plan;
    const log = new PodLog(join(this.#logFolder, workload.app), logLimits);
    const write = (stream: 'stdout' | 'stderr', line: string) => log.write(stream, line, nowMs());
    return new ContainerLife({
      make: () => new AppContainer({ workload, write, conditions }, address),
      log,
      onChange: (state, restarts, exitCode) => {
        this.isRunning = state === 'running';
        const { name, pod, app } = workload;
        onContainer({ workload: name, pod, container: app, state, restarts, exitCode });
      },
    });
  }
}
