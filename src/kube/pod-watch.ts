import type { Clock, Logger } from '../contract/runtime.ts';
import type { ApiClient } from './api-client.ts';
import { type Pod, podOf } from './pod.ts';
import { type ResourceListener, ResourceWatch, type WatchStatus } from './resource-watch.ts';
import type { MissingRight, Right } from './right.ts';

export type PodListener = ResourceListener<Pod>;

export interface PodWatchOptions {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly log: Logger;
  /** Only pods bound to it are asked for. */
  readonly node: string;
  readonly listener: PodListener;
  /** From 0 to 1, for the jitter. */
  readonly random: () => number;
}

/** What the page shows. Times are ms since 1970. */
export interface PodWatchStatus extends Omit<WatchStatus, 'objects'> {
  readonly node: string;
  readonly pods: number;
}

export const podsRight: Right = {
  group: '',
  resource: 'pods',
  verbs: ['get', 'list', 'watch'],
  without: 'no pod of this node is found',
};

/** Keeps the pods of one node as the API server has them. */
export class PodWatch {
  readonly #node: string;
  readonly #watch: ResourceWatch<Pod>;

  constructor({ node, ...options }: PodWatchOptions) {
    this.#node = node;
    this.#watch = new ResourceWatch({
      ...options,
      path: '/api/v1/pods',
      selector: { fieldSelector: `spec.nodeName=${node}` },
      what: 'pods of this node',
      right: podsRight,
      parse: podOf,
    });
  }

  status(): PodWatchStatus {
    const { objects: pods, ...status } = this.#watch.status();
    return { ...status, node: this.#node, pods };
  }

  missing(): MissingRight | undefined {
    return this.#watch.missing();
  }

  /** Runs until the signal is aborted. Never rejects. */
  run(signal: AbortSignal): Promise<void> {
    return this.#watch.run(signal);
  }
}
