import type { Asked } from './api-paths.ts';
import { hasLabels } from './selectors.ts';

export type Json = Readonly<Record<string, unknown>>;

export interface Change {
  readonly version: number;
  readonly resource: string;
  /** `namespace/name`; `/name` where it is of no namespace. */
  readonly key: string;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: Json;
}

/** How many changes a watch may be behind before it has to list anew. */
const keptChanges = 4096;

/** The objects of a cluster with their versions, and what became of them, in order. */
export class ObjectStore {
  /** By resource, namespace and name. */
  readonly #objects = new Map<string, Change>();
  readonly #listeners = new Set<(change: Change) => void>();
  #changes: Change[] = [];
  #version = 1000;
  #oldest = 1000;

  /** The resourceVersion of a list that is made now. */
  get version(): number {
    return this.#version;
  }

  /** Adds the object, or puts it in the place of the one of its name. Returns its resourceVersion. */
  put(resource: string, object: Json): string {
    const key = keyOf(object);
    const version = ++this.#version;
    const type = this.#objects.has(`${resource} ${key}`) ? 'MODIFIED' : 'ADDED';
    this.#note({ version, resource, key, type, object: stamped(object, version) });
    return String(version);
  }

  /** Returns whether it was there. */
  remove(resource: string, key: string): boolean {
    const before = this.#objects.get(`${resource} ${key}`);
    if (before === undefined) {
      return false;
    }
    const version = ++this.#version;
    this.#note({ ...before, version, type: 'DELETED', object: stamped(before.object, version) });
    return true;
  }

  object(resource: string, key: string): Json | undefined {
    return this.#objects.get(`${resource} ${key}`)?.object;
  }

  list(asked: Asked, query: URLSearchParams): Json[] {
    return [...this.#objects.values()].filter((one) => concerns(asked, query, one)).map(({ object }) => object);
  }

  /** What happened behind that version; undefined where it is too long ago. */
  since(version: number): readonly Change[] | undefined {
    return version < this.#oldest ? undefined : this.#changes.filter((change) => change.version > version);
  }

  /** Returns how to end it. */
  subscribe(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Everything before now is forgotten. */
  compact(): void {
    this.#oldest = ++this.#version;
    this.#changes = [];
  }

  #note(change: Change): void {
    const key = `${change.resource} ${change.key}`;
    if (change.type === 'DELETED') {
      this.#objects.delete(key);
    } else {
      this.#objects.set(key, change);
    }
    this.#changes.push(change);
    if (this.#changes.length > keptChanges) {
      const gone = this.#changes.splice(0, keptChanges / 2);
      this.#oldest = gone.at(-1)?.version ?? this.#oldest;
    }
    for (const listener of this.#listeners) {
      listener(change);
    }
  }
}

export function metadataOf(object: Json): Json {
  const { metadata } = object;
  return typeof metadata === 'object' && metadata !== null ? (metadata as Json) : {};
}

export function keyOf(object: Json): string {
  const { name, namespace = '' } = metadataOf(object);
  return `${namespace}/${name}`;
}

function stamped(object: Json, version: number): Json {
  return { ...object, metadata: { ...metadataOf(object), resourceVersion: String(version) } };
}

/** Whether a list or watch asks for that object. */
export function concerns(
  { resource, namespace }: Asked,
  query: URLSearchParams,
  { resource: of, key, object }: Change,
): boolean {
  if (resource !== of || (namespace !== undefined && !key.startsWith(`${namespace}/`))) {
    return false;
  }
  const labels = metadataOf(object)['labels'] ?? {};
  return (
    hasLabels(query.get('fieldSelector') ?? '', (path) => at(object, path)) &&
    hasLabels(query.get('labelSelector') ?? '', (name) => at(labels, name, name))
  );
}

/** `metadata.name` of an object; a label's name has dots of its own. */
function at(object: unknown, path: string, whole?: string): unknown {
  const names = whole === undefined ? path.split('.') : [whole];
  return names.reduce<unknown>((part, name) => (part as Json | undefined)?.[name], object);
}
