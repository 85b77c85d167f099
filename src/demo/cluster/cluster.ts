import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { DemoRequest } from '../../contract/demo.ts';
import { Authority } from '../mesh/certificates.ts';
import { readRules } from '../rules/read-rules.ts';
import { noteText } from '../rules/rule-notes.ts';
import { destinationRuleObject, virtualServiceObject } from '../rules/rule-objects.ts';
import type { DemoState } from '../state/demo-state.ts';
import { ApiServer } from './api-server.ts';
import type { Write } from './api-writes.ts';
import type { ClusterPlan } from './cluster-plan.ts';
import { datakitConf } from './istiod-conf.ts';
import { kubeconfig } from './kubeconfig.ts';
import { type Json, keyOf, metadataOf, ObjectStore } from './object-store.ts';
import {
  type ContainerState,
  deploymentObjects,
  namespaceObject,
  nodeObject,
  podObject,
  serviceObject,
  sliceObjects,
} from './objects.ts';

/** Address of all that is not a pod. */
const host = '127.0.0.1';

/** Carries out what somebody wrote with the API. Resolves with why it cannot be. */
export type RuleWriter = (request: DemoRequest & { readonly ask: 'apply' | 'delete' }) => Promise<string | undefined>;

/** The cluster around the mesh, as its API server shows it. */
export class DemoCluster {
  readonly #folder: string;
  readonly #started = { at: nowText() };
  readonly #store = new ObjectStore();
  readonly #token = randomBytes(24).toString('base64url');
  readonly #authority = new Authority('demo-cluster', Date.now());
  readonly #server: ApiServer;
  readonly #containers = new Map<string, Readonly<Record<string, ContainerState>>>();
  #plan: ClusterPlan = { namespace: '', pods: [], services: [] };
  #published: DemoState | undefined;
  #write: RuleWriter = async () => 'the demo is still starting';

  /** `folder` takes the kubeconfig. */
  constructor(folder: string) {
    this.#folder = folder;
    this.#server = new ApiServer({
      store: this.#store,
      tls: this.#authority.issueServer(host),
      token: this.#token,
      writes: (write) => this.#admit(write),
    });
  }

  get kubeconfig(): string {
    return join(this.#folder, 'kubeconfig');
  }

  /** Resolves when the API server answers and the kubeconfig is there. */
  async start(plan: ClusterPlan): Promise<void> {
    this.#plan = plan;
    this.#put('nodes', nodeObject('demo-worker', host));
    this.#put('nodes', nodeObject('demo-control-plane', host));
    for (const name of ['default', 'istio-system', 'datakit', 'kube-system', plan.namespace]) {
      this.#put('namespaces', namespaceObject(name));
    }
    this.#put('configmaps', datakitConf);
    for (const pod of plan.pods) {
      this.#put('pods', podObject(pod, this.#started, this.#containers.get(pod.name)));
    }
    for (const deployment of deploymentObjects(plan, this.#started)) {
      this.#put('deployments', deployment);
    }
    for (const service of plan.services) {
      this.#put('services', serviceObject(service));
      for (const slice of sliceObjects(service, plan.pods)) {
        this.#put('endpointslices', slice);
      }
    }
    const url = await this.#server.start(host);
    await mkdir(this.#folder, { recursive: true });
    const text = kubeconfig({
      url,
      authority: this.#authority.certificate,
      token: this.#token,
      namespace: plan.namespace,
    });
    await writeFile(this.kubeconfig, text, { mode: 0o600 });
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }

  /** Who carries out the rules that are written with the API. */
  takesRules(write: RuleWriter): void {
    this.#write = write;
  }

  /** Shows the rules that are in force. Those that are as before stay as they were written. */
  publish(state: DemoState): void {
    const before = this.#published;
    this.#published = state;
    this.#follow('virtualservices', before?.virtualServices ?? [], state.virtualServices, virtualServiceObject);
    this.#follow('destinationrules', before?.destinationRules ?? [], state.destinationRules, destinationRuleObject);
  }

  /** What the containers of a pod do now, where they do not simply run. May be said before the start. */
  containers(pod: string, states: Readonly<Record<string, ContainerState>>): void {
    this.#containers.set(pod, states);
    const found = this.#plan.pods.find(({ name }) => name === pod);
    if (found !== undefined) {
      this.#put('pods', podObject(found, this.#started, states));
    }
  }

  /** It keeps the time at which it was first there. */
  #put(resource: string, object: Json): void {
    const before = this.#store.object(resource, keyOf(object));
    const { creationTimestamp = nowText() } = metadataOf(before ?? {});
    this.#store.put(resource, { ...object, metadata: { creationTimestamp, ...metadataOf(object) } });
  }

  #follow<T extends { readonly name: string; readonly namespace: string }>(
    resource: string,
    before: readonly T[],
    now: readonly T[],
    objectOf: (rule: T) => Json,
  ): void {
    for (const rule of before.filter((one) => !now.some((other) => isSame(one, other)))) {
      this.#store.remove(resource, `${rule.namespace}/${rule.name}`);
    }
    for (const rule of now.filter((one) => !before.some((other) => isDeepStrictEqual(one, other)))) {
      this.#put(resource, objectOf(rule));
    }
  }

  async #admit({ resource, verb, object }: Write): Promise<string | undefined> {
    if (resource === 'leases') {
      return undefined;
    }
    if (resource !== 'virtualservices' && resource !== 'destinationrules') {
      return `the demo takes VirtualServices and DestinationRules; its ${resource} are as they are`;
    }
    const file = keyOf(object);
    const text = JSON.stringify(object);
    const { faults } = readRules({ file, text }, this.#plan.namespace);
    const ask = verb === 'put' ? 'apply' : 'delete';
    return faults.length > 0 ? faults.map(noteText).join('\n') : this.#write({ ask, files: [{ file, text }] });
  }
}

/** RFC 3339 with whole seconds, as Kubernetes writes it. */
function nowText(): string {
  return `${new Date().toISOString().slice(0, 19)}Z`;
}

function isSame(
  a: { readonly name: string; readonly namespace: string },
  b: { readonly name: string; readonly namespace: string },
): boolean {
  return a.name === b.name && a.namespace === b.namespace;
}
