import { parse } from 'yaml';
import type { Asked } from './api-paths.ts';
import { collections } from './api-paths.ts';
import { type Json, keyOf, metadataOf, type ObjectStore } from './object-store.ts';

export interface Refusal {
  readonly status: number;
  readonly refused: string;
}

export interface Write {
  readonly resource: string;
  readonly verb: 'put' | 'delete';
  readonly object: Json;
}

export interface WritePlan {
  readonly store: ObjectStore;
  /** Carries a write out before it is kept. Resolves with why it cannot be. */
  readonly admit: (write: Write) => Promise<string | undefined>;
}

/** POST, PUT, PATCH and DELETE of single objects. */
export class ApiWrites {
  readonly #plan: WritePlan;

  constructor(plan: WritePlan) {
    this.#plan = plan;
  }

  async write(
    asked: Asked,
    method: string,
    body: string,
  ): Promise<Refusal | { readonly status: number; readonly object: Json }> {
    const before = this.#before(asked);
    if (method === 'DELETE') {
      return this.#remove(asked, before);
    }
    const sent = objectIn(body);
    if (sent === undefined) {
      return refusal(400, 'the body is no object');
    }
    const merged = method === 'PATCH' && before !== undefined ? mergePatch(before, sent) : sent;
    const object = this.#completed(asked, merged, before);
    const wrong = this.#wrong(asked, method, object, before);
    if (wrong !== undefined) {
      return wrong;
    }
    const why = await this.#plan.admit({ resource: asked.resource, verb: 'put', object });
    if (why !== undefined) {
      return refusal(422, why);
    }
    this.#plan.store.put(asked.resource, object);
    const kept = this.#plan.store.object(asked.resource, keyOf(object)) ?? object;
    return { status: before === undefined ? 201 : 200, object: kept };
  }

  #before({ resource, namespace = '', name = '' }: Asked): Json | undefined {
    return this.#plan.store.object(resource, `${namespace}/${name}`);
  }

  async #remove({ resource, name }: Asked, object: Json | undefined): ReturnType<ApiWrites['write']> {
    if (object === undefined) {
      return refusal(404, `${resource} "${name}" not found`);
    }
    const why = await this.#plan.admit({ resource, verb: 'delete', object });
    if (why !== undefined) {
      return refusal(422, why);
    }
    this.#plan.store.remove(resource, keyOf(object));
    return { status: 200, object: { kind: 'Status', apiVersion: 'v1', status: 'Success' } };
  }

  /** With what the server knows better. */
  #completed({ resource, namespace }: Asked, object: Json, before: Json | undefined): Json {
    const { kind } = collections[resource] ?? {};
    const { uid = `${kind}-${namespace}-${metadataOf(object)['name']}`, creationTimestamp = new Date().toISOString() } =
      metadataOf(before ?? {});
    return { kind, ...object, metadata: { ...metadataOf(object), namespace, uid, creationTimestamp } };
  }

  #wrong({ resource, name }: Asked, method: string, object: Json, before: Json | undefined): Refusal | undefined {
    const { name: own, resourceVersion: version } = metadataOf(object);
    const known = before === undefined ? undefined : metadataOf(before)['resourceVersion'];
    if (typeof own !== 'string' || (name !== undefined && own !== name)) {
      return refusal(400, 'the name of the object is not the one of the path');
    }
    if (method === 'POST' && this.#plan.store.object(resource, keyOf(object)) !== undefined) {
      return refusal(409, `${resource} "${own}" already exists`);
    }
    if (method === 'PUT' && before === undefined) {
      return refusal(404, `${resource} "${own}" not found`);
    }
    const isOld = method === 'PUT' && version !== undefined && version !== known;
    return isOld
      ? refusal(409, 'the object has been modified; please apply your changes to the latest version')
      : undefined;
  }
}

export function refusal(status: number, refused: string): Refusal {
  return { status, refused };
}

/** JSON, or the YAML of a server-side apply. */
function objectIn(body: string): Json | undefined {
  try {
    const value: unknown = parse(body);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
  } catch {
    return undefined;
  }
}

/** RFC 7396. */
export function mergePatch(target: unknown, patch: unknown): Json {
  const base = isTable(target) ? target : {};
  const changes = isTable(patch) ? Object.entries(patch) : [];
  const merged: Record<string, unknown> = { ...base };
  for (const [name, value] of changes) {
    if (value === null) {
      delete merged[name];
    } else {
      merged[name] = isTable(value) ? mergePatch(merged[name], value) : value;
    }
  }
  return merged;
}

function isTable(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
