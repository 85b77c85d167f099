import type { Pod } from './pod.ts';

/** What is known now of the pods of this node, for those who only ask. */
export interface PodView {
  /**
   * By the uid, or of a static pod by the hash of its configuration, since that stands in the name of its log directory. The
   * same object until something of it changes. Undefined where the API server said nothing of it yet.
   */
  find(uidOrHash: string): Pod | undefined;
  /** Those that are there now. */
  all(): Iterable<Pod>;
  /** Grows with every change. */
  readonly revision: number;
}

/** What is left of a pod that is gone is read for some time. */
const keptAfterwards = 512;

/** The pods of this node, as whoever watches them hands them over. */
export class NodePods implements PodView {
  revision = 0;
  readonly #pods = new Map<string, Pod>();
  readonly #byHash = new Map<string, string>();
  readonly #gone = new Map<string, Pod>();

  find(uidOrHash: string): Pod | undefined {
    const uid = this.#byHash.get(uidOrHash) ?? uidOrHash;
    return this.#pods.get(uid) ?? this.#gone.get(uid);
  }

  all(): Iterable<Pod> {
    return this.#pods.values();
  }

  put(pod: Pod): void {
    const hash = hashOf(pod);
    this.revision += 1;
    this.#gone.delete(pod.uid);
    this.#pods.set(pod.uid, pod);
    if (hash !== undefined) {
      this.#byHash.set(hash, pod.uid);
    }
  }

  remove(uid: string): void {
    const pod = this.#pods.get(uid);
    if (pod === undefined) {
      return;
    }
    this.revision += 1;
    this.#pods.delete(uid);
    this.#gone.set(uid, pod);
    for (const [old, { uid: oldUid }] of [...this.#gone].slice(0, Math.max(0, this.#gone.size - keptAfterwards))) {
      this.#gone.delete(old);
      this.#forgetHash(oldUid);
    }
  }

  #forgetHash(uid: string): void {
    for (const [hash, known] of this.#byHash) {
      if (known === uid) {
        this.#byHash.delete(hash);
      }
    }
  }
}

/** A static pod is known to the API server by a mirror, which has a uid of its own. */
function hashOf({ annotations }: Pod): string | undefined {
  return annotations['kubernetes.io/config.hash'];
}
