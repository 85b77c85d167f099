import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { systemClock } from '../../lib/clock.ts';
import { discoveryOf } from './api-discovery.ts';
import { type Asked, askedOf, collections } from './api-paths.ts';
import { ApiWrites, type Refusal, refusal, type WritePlan } from './api-writes.ts';
import { type Change, concerns, type Json, metadataOf, type ObjectStore } from './object-store.ts';
import { podTable } from './pod-table.ts';

const usualWatchMs = 30 * 60_000;
const bookmarkEveryMs = 30_000;

export interface ApiServerPlan {
  readonly store: ObjectStore;
  /** PEM texts. */
  readonly tls: { readonly certificate: string; readonly key: string };
  /** Who has it may read everything. */
  readonly token: string;
  readonly writes: WritePlan['admit'];
}

/** A small API server of Kubernetes over HTTPS: get, list, watch, and writes where they are admitted. */
export class ApiServer {
  readonly #plan: ApiServerPlan;
  readonly #server: Server;
  readonly #writes: ApiWrites;
  readonly #watches = new Set<ServerResponse>();

  constructor(plan: ApiServerPlan) {
    this.#plan = plan;
    this.#writes = new ApiWrites({ store: plan.store, admit: plan.writes });
    const { certificate: cert, key } = plan.tls;
    this.#server = createServer({ cert, key }, (request, response) => {
      this.#handle(request, response).catch(() => response.destroy());
    });
  }

  /** Resolves with its URL. */
  async start(host: string): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once('error', reject);
    this.#server.listen(0, host, resolve);
    await promise;
    const { port } = this.#server.address() as AddressInfo;
    return `https://${host}:${port}`;
  }

  async stop(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    for (const watch of this.#watches) {
      watch.end();
    }
    this.#server.closeAllConnections();
    await promise;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'https://api');
    const asked = askedOf(pathname);
    if (request.headers.authorization !== `Bearer ${this.#plan.token}`) {
      refuse(response, refusal(401, 'Unauthorized'));
    } else if (asked === undefined) {
      this.#discover(pathname, response);
    } else if (request.method !== 'GET') {
      await this.#write(request, response, asked);
    } else if (asked.name !== undefined) {
      this.#get(asked, shapeOf(asked, request), response);
    } else if (['1', 'true'].includes(searchParams.get('watch') ?? '')) {
      this.#watch(asked, searchParams, { shape: shapeOf(asked, request), response });
    } else {
      this.#list(asked, searchParams, { shape: shapeOf(asked, request), response });
    }
  }

  #discover(path: string, response: ServerResponse): void {
    const found = discoveryOf(path);
    if (found === undefined) {
      refuse(response, refusal(404, 'the server could not find the requested resource'));
    } else {
      answer(response, 200, found);
    }
  }

  #get(asked: Asked, shape: Shape, response: ServerResponse): void {
    const { store } = this.#plan;
    const { resource, namespace = '', name } = asked;
    const object = store.object(resource, `${namespace}/${name}`);
    if (object === undefined) {
      refuse(response, refusal(404, `${resource} "${name}" not found`));
    } else {
      answer(response, 200, shown(object, asked, shape));
    }
  }

  #list(asked: Asked, query: URLSearchParams, { shape, response }: Reader): void {
    const { store } = this.#plan;
    const version = String(store.version);
    const found = store.list(asked, query);
    if (shape === 'table') {
      answer(response, 200, podTable(found, version, systemClock.now()));
      return;
    }
    const { kind = '' } = collections[asked.resource] ?? {};
    const { apiVersion } = asked;
    answer(response, 200, {
      kind: `${kind}List`,
      apiVersion,
      metadata: { resourceVersion: version },
      items: found.map((object) => ({ ...object, apiVersion })),
    });
  }

  async #write(request: IncomingMessage, response: ServerResponse, asked: Asked): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) {
      chunks.push(chunk);
    }
    const { method = '' } = request;
    const done = await this.#writes.write(asked, method, Buffer.concat(chunks).toString());
    if ('refused' in done) {
      refuse(response, done);
    } else {
      answer(response, done.status, { ...done.object, apiVersion: versionOf(done.object, asked) });
    }
  }

  #watch(asked: Asked, query: URLSearchParams, { shape, response }: Reader): void {
    const { store } = this.#plan;
    const from = query.get('resourceVersion') ?? '';
    const missed = from === '' || from === '0' ? allOf(store, asked, query) : store.since(Number(from));
    if (missed === undefined) {
      refuse(response, refusal(410, 'too old resource version'));
      return;
    }
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    const send = (change: Change): void => {
      if (concerns(asked, query, change)) {
        response.write(`${JSON.stringify({ type: change.type, object: shown(change.object, asked, shape) })}\n`);
      }
    };
    missed.forEach(send);
    const unsubscribe = store.subscribe(send);
    const bookmarks = setInterval(() => bookmark(response, asked, store.version), bookmarkEveryMs);
    const seconds = Number(query.get('timeoutSeconds') ?? '');
    const end = setTimeout(() => response.end(), seconds > 0 ? seconds * 1000 : usualWatchMs);
    this.#watches.add(response);
    response.once('close', () => {
      unsubscribe();
      clearInterval(bookmarks);
      clearTimeout(end);
      this.#watches.delete(response);
    });
  }
}

/** `kubectl get` asks for what it prints, and takes objects where there is no table. */
type Shape = 'object' | 'table';

interface Reader {
  readonly shape: Shape;
  readonly response: ServerResponse;
}

function shapeOf({ resource }: Asked, { headers }: IncomingMessage): Shape {
  return resource === 'pods' && headers.accept?.includes('as=Table') === true ? 'table' : 'object';
}

function shown(object: Json, { apiVersion }: Asked, shape: Shape): Json {
  const version = String(metadataOf(object)['resourceVersion']);
  return shape === 'table' ? podTable([object], version, systemClock.now()) : { ...object, apiVersion };
}

/** A Status is of the core, whatever it is about. */
function versionOf({ kind }: Json, { apiVersion }: Asked): string {
  return kind === 'Status' ? 'v1' : apiVersion;
}

/** What a watch without a version begins with. */
function allOf(store: ObjectStore, asked: Asked, query: URLSearchParams): Change[] {
  const { version } = store;
  return store
    .list(asked, query)
    .map((object) => ({ version, resource: asked.resource, key: `${asked.namespace ?? ''}/`, type: 'ADDED', object }));
}

function bookmark(response: ServerResponse, { resource }: Asked, version: number): void {
  const { kind } = collections[resource] ?? {};
  const object = { kind, metadata: { resourceVersion: String(version) } };
  response.write(`${JSON.stringify({ type: 'BOOKMARK', object })}\n`);
}

function answer(response: ServerResponse, status: number, body: Json): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function refuse(response: ServerResponse, { status, refused: message }: Refusal): void {
  answer(response, status, { kind: 'Status', apiVersion: 'v1', status: 'Failure', message, code: status });
}
