import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { type Asked, askedOf, collections } from '../../src/demo/cluster/api-paths.ts';
import { type Change, concerns, ObjectStore } from '../../src/demo/cluster/object-store.ts';
import {
  endpointsJson,
  type FakePod,
  type FakeService,
  type FakeSlice,
  type Json,
  podJson,
  serviceJson,
  sliceJson,
} from './api-objects.ts';
import { freePort } from './free-port.ts';

export type { FakePod, FakeService, FakeSlice } from './api-objects.ts';

export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly token: string | undefined;
}

/** How requests are answered in place of the truth. */
export type Trouble =
  | { readonly status: 401 | 403 | 404 | 409 | 410 | 429 | 500 | 503; readonly retryAfterSeconds?: number }
  /** Never answered. */
  | 'hang'
  /** 200, with an ERROR event of code 410 (watches only). */
  | 'expired event'
  /** Half an event, then the end of the connection (watches only). */
  | 'half a line';

export interface FakeApiServer {
  readonly url: string;
  readonly port: number;
  readonly requests: readonly ApiRequest[];
  /** Watches that are open now. */
  readonly watches: number;
  /** Adds the pod, or changes it where it is there. Returns its resourceVersion. */
  put(pod: FakePod): string;
  remove(name: string, namespace?: string): void;
  putService(service: FakeService): void;
  putSlice(slice: FakeSlice): void;
  /** The same as an Endpoints object, which has the name of the Service. */
  putEndpoints(slice: FakeSlice): void;
  removeSlice(name: string, namespace?: string): void;
  /** `spec` of a Lease as it stands, `undefined` where there is none. */
  lease(name: string, namespace: string): Json | undefined;
  /** Writes a Lease as another agent would. */
  putLease(name: string, namespace: string, spec: Json): void;
  removeLease(name: string, namespace: string): void;
  /** What all requests for that resource (`pods`, `leases`, ...) get, until it is undefined again. */
  of(resource: string, trouble: Trouble | undefined, methods?: readonly string[]): void;
  /** Open watches of that resource. */
  watchesOf(resource: string): number;
  bookmark(): void;
  /** Everything before now is forgotten: watches from there get 410. */
  compact(): void;
  /** Ends all watches in good order, as the server does now and then. */
  endWatches(): void;
  /** Watches stay open and bring nothing more. */
  silence(): void;
  /** What the next requests for pods get, one each. */
  once(kind: 'list' | 'watch', ...troubles: readonly Trouble[]): void;
  /** What all requests get, until it is undefined again. */
  always(trouble: Trouble | undefined): void;
  /** Only these tokens are let in. Undefined: everyone. */
  tokens(allowed: readonly string[] | undefined): void;
  /** Cuts all connections and listens no more; `restart` listens on the same port again. */
  stop(): Promise<void>;
  restart(): Promise<void>;
}

export interface FakeApiServerOptions {
  readonly tls?: { readonly cert: string; readonly key: string };
  readonly port?: number;
}

/** What agents may use; everything else is forbidden. */
const resources = ['pods', 'services', 'endpoints', 'endpointslices', 'leases'];

interface OpenWatch {
  readonly asked: Asked;
  readonly query: URLSearchParams;
  readonly response: ServerResponse;
  silent: boolean;
}

/** A small Kubernetes API server: pods, Services, EndpointSlices and Leases, with the troubles that real ones have. */
export async function fakeApiServer(options: FakeApiServerOptions = {}): Promise<FakeApiServer> {
  const state = new ClusterState();
  let server = await listening(
    options,
    (request, response) => state.handle(request, response),
    options.port ?? (await freePort()),
  );
  const { port } = server.address() as AddressInfo;
  return {
    url: `${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    port,
    requests: state.requests,
    get watches() {
      return state.watches.size;
    },
    put: (pod) => state.put('pods', podJson(pod)),
    remove: (name, namespace = 'default') => state.remove('pods', `${namespace}/${name}`),
    putService: (service) => void state.put('services', serviceJson(service)),
    putSlice: (slice) => void state.put('endpointslices', sliceJson(slice)),
    putEndpoints: (slice) => void state.put('endpoints', endpointsJson(slice)),
    removeSlice: (name, namespace = 'default') => state.remove('endpointslices', `${namespace}/${name}`),
    lease: (name, namespace) => state.object('leases', `${namespace}/${name}`)?.['spec'] as Json | undefined,
    putLease: (name, namespace, spec) => void state.put('leases', { metadata: { name, namespace }, spec }),
    removeLease: (name, namespace) => state.remove('leases', `${namespace}/${name}`),
    of: (resource, trouble, methods) => state.troubles.set(resource, { trouble, methods }),
    watchesOf: (resource) => [...state.watches].filter(({ asked }) => asked.resource === resource).length,
    bookmark: () => state.bookmark(),
    compact: () => state.compact(),
    endWatches: () => state.endWatches(),
    silence: () => state.silence(),
    once: (kind, ...troubles) => state.next[kind].push(...troubles),
    always: (trouble) => {
      state.trouble = trouble;
    },
    tokens: (allowed) => {
      state.tokens = allowed;
    },
    stop: () => closed(server),
    restart: async () => {
      server = await listening(options, (request, response) => state.handle(request, response), port);
    },
  };
}

const sockets = new WeakMap<Server, Set<Socket>>();

async function listening({ tls }: FakeApiServerOptions, answer: RequestListener, port: number): Promise<Server> {
  const server = tls === undefined ? createServer(answer) : (createTlsServer(tls, answer) as unknown as Server);
  const open = new Set<Socket>();
  sockets.set(server, open);
  server.on(tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
    open.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => open.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return server;
}

async function closed(server: Server): Promise<void> {
  const ended = new Promise<void>((resolve) => server.close(() => resolve()));
  for (const socket of sockets.get(server) ?? []) {
    socket.destroy();
  }
  await ended;
}

class ClusterState {
  readonly requests: ApiRequest[] = [];
  readonly watches = new Set<OpenWatch>();
  readonly next: Record<'list' | 'watch', Trouble[]> = { list: [], watch: [] };
  readonly troubles = new Map<string, { trouble: Trouble | undefined; methods: readonly string[] | undefined }>();
  trouble: Trouble | undefined;
  tokens: readonly string[] | undefined;
  readonly store = new ObjectStore();

  constructor() {
    this.store.subscribe((change) => {
      for (const watch of this.watches) {
        if (!watch.silent) {
          send(watch, change);
        }
      }
    });
  }

  put(resource: string, object: Json): string {
    return this.store.put(resource, object);
  }

  remove(resource: string, key: string): void {
    if (!this.store.remove(resource, key)) {
      throw new Error(`there is no ${key} among the ${resource}`);
    }
  }

  object(resource: string, key: string): Json | undefined {
    return this.store.object(resource, key);
  }

  bookmark(): void {
    const object = { kind: 'Pod', apiVersion: 'v1', metadata: { resourceVersion: String(this.store.version) } };
    for (const watch of this.watches) {
      if (!watch.silent) {
        watch.response.write(`${JSON.stringify({ type: 'BOOKMARK', object })}\n`);
      }
    }
  }

  compact(): void {
    this.store.compact();
  }

  endWatches(): void {
    for (const { response } of this.watches) {
      response.end();
    }
  }

  silence(): void {
    for (const watch of this.watches) {
      watch.silent = true;
    }
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', 'http://x');
    const method = request.method ?? 'GET';
    const token = /^Bearer (.*)$/.exec(request.headers.authorization ?? '')?.[1];
    this.requests.push({ method, path: url.pathname, query: url.searchParams, token });
    const known = askedOf(url.pathname);
    const asked = known !== undefined && resources.includes(known.resource) ? known : undefined;
    const kind = url.searchParams.get('watch') === '1' ? 'watch' : 'list';
    const trouble = this.#troubleOf(asked, method, kind);
    if (this.tokens !== undefined && !this.tokens.includes(token ?? '')) {
      refuse(response, { status: 401 });
    } else if (trouble !== undefined) {
      suffer(response, trouble, asked);
    } else if (asked === undefined) {
      refuse(response, { status: 403 });
    } else if (method !== 'GET') {
      void this.#write(request, response, asked);
    } else if (asked.name !== undefined) {
      this.#get(asked, response);
    } else if (kind === 'watch') {
      this.#watch(asked, url.searchParams, response);
    } else {
      this.#list(asked, url.searchParams, response);
    }
  }

  #troubleOf(asked: Asked | undefined, method: string, kind: 'list' | 'watch'): Trouble | undefined {
    const single = asked?.resource === 'pods' && asked.name === undefined ? this.next[kind].shift() : undefined;
    const ofResource = this.troubles.get(asked?.resource ?? '');
    const concerns = ofResource?.methods === undefined || ofResource.methods.includes(method);
    return single ?? (concerns ? ofResource?.trouble : undefined) ?? this.trouble;
  }

  #get({ resource, namespace, name }: Asked, response: ServerResponse): void {
    const object = this.object(resource, `${namespace}/${name}`);
    if (object === undefined) {
      refuse(response, { status: 404 });
    } else {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(object));
    }
  }

  #list(asked: Asked, query: URLSearchParams, response: ServerResponse): void {
    const items = this.store.list(asked, query);
    const body = { kind: 'List', apiVersion: 'v1', metadata: { resourceVersion: String(this.store.version) }, items };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  }

  /** POST makes an object that is not there; PUT takes the place of the version that it names. */
  async #write(request: IncomingMessage, response: ServerResponse, asked: Asked): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) {
      chunks.push(chunk as Buffer);
    }
    const object = JSON.parse(Buffer.concat(chunks).toString()) as Json;
    const metadata = object['metadata'] as Readonly<Record<string, string>>;
    const key = `${asked.namespace}/${metadata['name']}`;
    const before = this.object(asked.resource, key)?.['metadata'] as Readonly<Record<string, string>> | undefined;
    if (
      request.method === 'POST' ? before !== undefined : before?.['resourceVersion'] !== metadata['resourceVersion']
    ) {
      refuse(response, { status: before === undefined ? 404 : 409 });
      return;
    }
    this.put(asked.resource, { ...object, metadata: { ...metadata, namespace: asked.namespace } });
    response
      .writeHead(request.method === 'POST' ? 201 : 200, { 'content-type': 'application/json' })
      .end(JSON.stringify(this.object(asked.resource, key)));
  }

  #watch(asked: Asked, query: URLSearchParams, response: ServerResponse): void {
    const missed = this.store.since(Number(query.get('resourceVersion')));
    if (missed === undefined) {
      refuse(response, { status: 410 });
      return;
    }
    const watch: OpenWatch = { asked, query, response, silent: false };
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    for (const change of missed) {
      send(watch, change);
    }
    this.watches.add(watch);
    response.once('close', () => this.watches.delete(watch));
  }
}

function send({ asked, query, response }: OpenWatch, change: Change): void {
  if (concerns(asked, query, change)) {
    response.write(`${JSON.stringify({ type: change.type, object: change.object })}\n`);
  }
}

function suffer(response: ServerResponse, trouble: Trouble, asked?: Asked): void {
  if (trouble === 'hang') {
    return;
  }
  if (trouble === 'expired event') {
    const object = { kind: 'Status', status: 'Failure', reason: 'Expired', code: 410, message: 'too old' };
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(`${JSON.stringify({ type: 'ERROR', object })}\n`);
  } else if (trouble === 'half a line') {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.write('{"type":"ADDED","object":{"kind":"Po', () => response.destroy());
  } else {
    refuse(response, trouble, asked);
  }
}

const reasons = new Map([
  [401, 'Unauthorized'],
  [404, 'not found'],
  [409, 'the object has been modified; please apply your changes to the latest version'],
  [410, 'too old resource version'],
  [429, 'the server has received too many requests'],
]);

function refuse(response: ServerResponse, trouble: Exclude<Trouble, string>, asked?: Asked): void {
  const { status, retryAfterSeconds } = trouble;
  const message = status === 403 ? forbidden(asked) : (reasons.get(status) ?? 'an error on the server');
  response
    .writeHead(status, {
      'content-type': 'application/json',
      ...(retryAfterSeconds !== undefined && { 'retry-after': String(retryAfterSeconds) }),
    })
    .end(JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure', message, code: status }));
}

function forbidden(asked: Asked | undefined): string {
  const resource = asked?.resource ?? 'pods';
  const group = collections[resource]?.group ?? '';
  const verb = asked?.name === undefined ? 'list' : 'get';
  return `${resource} is forbidden: User "system:serviceaccount:mesh:agent" cannot ${verb} resource "${resource}" in API group "${group}"`;
}
