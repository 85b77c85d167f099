import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';

/** What a test says of a pod; the rest is made up. */
export interface FakePod {
  readonly name: string;
  readonly namespace?: string;
  readonly node?: string;
  readonly uid?: string;
  readonly ip?: string;
  readonly phase?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly containers?: readonly { readonly name: string; readonly ports?: readonly number[] }[];
  readonly deleting?: boolean;
}

export interface ApiRequest {
  readonly path: string;
  readonly query: URLSearchParams;
  readonly token: string | undefined;
}

/** How requests are answered in place of the truth. */
export type Trouble =
  | { readonly status: 401 | 403 | 410 | 429 | 500 | 503; readonly retryAfterSeconds?: number }
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
  bookmark(): void;
  /** Everything before now is forgotten: watches from there get 410. */
  compact(): void;
  /** Ends all watches in good order, as the server does now and then. */
  endWatches(): void;
  /** Watches stay open and bring nothing more. */
  silence(): void;
  /** What the next requests get, one each. */
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

type Json = Readonly<Record<string, unknown>>;

interface Change {
  readonly version: number;
  readonly node: string;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: Json;
}

interface OpenWatch {
  readonly node: string | undefined;
  readonly response: ServerResponse;
  silent: boolean;
}

/** A small Kubernetes API server: pods alone, by list and watch, with the troubles that real ones have. */
export async function fakeApiServer(options: FakeApiServerOptions = {}): Promise<FakeApiServer> {
  const state = new ClusterState();
  let server = await listening(options, (request, response) => state.handle(request, response), options.port ?? 0);
  const { port } = server.address() as AddressInfo;
  return {
    url: `${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    port,
    requests: state.requests,
    get watches() {
      return state.watches.size;
    },
    put: (pod) => state.put(pod),
    remove: (name, namespace = 'default') => state.remove(`${namespace}/${name}`),
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
  trouble: Trouble | undefined;
  tokens: readonly string[] | undefined;
  readonly #pods = new Map<string, Change>();
  #changes: Change[] = [];
  #version = 1000;
  #oldest = 1000;

  put(pod: FakePod): string {
    const key = `${pod.namespace ?? 'default'}/${pod.name}`;
    const before = this.#pods.get(key);
    const version = ++this.#version;
    const object = podJson(pod, version);
    this.#note({ version, node: pod.node ?? 'node-1', type: before === undefined ? 'ADDED' : 'MODIFIED', object }, key);
    return String(version);
  }

  remove(key: string): void {
    const before = this.#pods.get(key);
    if (before === undefined) {
      throw new Error(`there is no pod ${key}`);
    }
    this.#note({ ...before, version: ++this.#version, type: 'DELETED' }, key);
  }

  #note(change: Change, key: string): void {
    if (change.type === 'DELETED') {
      this.#pods.delete(key);
    } else {
      this.#pods.set(key, change);
    }
    this.#changes.push(change);
    for (const watch of this.watches) {
      if (!watch.silent) {
        send(watch, change);
      }
    }
  }

  bookmark(): void {
    const object = { kind: 'Pod', apiVersion: 'v1', metadata: { resourceVersion: String(this.#version) } };
    for (const watch of this.watches) {
      if (!watch.silent) {
        watch.response.write(`${JSON.stringify({ type: 'BOOKMARK', object })}\n`);
      }
    }
  }

  compact(): void {
    this.#oldest = ++this.#version;
    this.#changes = [];
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
    const token = /^Bearer (.*)$/.exec(request.headers.authorization ?? '')?.[1];
    this.requests.push({ path: url.pathname, query: url.searchParams, token });
    const kind = url.searchParams.get('watch') === '1' ? 'watch' : 'list';
    const trouble = this.next[kind].shift() ?? this.trouble;
    if (this.tokens !== undefined && !this.tokens.includes(token ?? '')) {
      refuse(response, { status: 401 });
    } else if (url.pathname !== '/api/v1/pods') {
      refuse(response, { status: 403 });
    } else if (trouble !== undefined) {
      suffer(response, trouble);
    } else if (kind === 'watch') {
      this.#watch(url.searchParams, response);
    } else {
      this.#list(url.searchParams, response);
    }
  }

  #list(query: URLSearchParams, response: ServerResponse): void {
    const node = nodeOf(query);
    const items = [...this.#pods.values()].filter((pod) => node === undefined || pod.node === node);
    const metadata = { resourceVersion: String(this.#version) };
    const body = { kind: 'PodList', apiVersion: 'v1', metadata, items: items.map(({ object }) => object) };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  }

  #watch(query: URLSearchParams, response: ServerResponse): void {
    const from = Number(query.get('resourceVersion'));
    if (from < this.#oldest) {
      refuse(response, { status: 410 });
      return;
    }
    const watch: OpenWatch = { node: nodeOf(query), response, silent: false };
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    for (const change of this.#changes.filter(({ version }) => version > from)) {
      send(watch, change);
    }
    this.watches.add(watch);
    response.once('close', () => this.watches.delete(watch));
  }
}

function send({ node, response }: OpenWatch, { type, object, version, node: of }: Change): void {
  if (node === undefined || node === of) {
    const { metadata, ...rest } = object;
    const stamped = { ...rest, metadata: { ...(metadata as Json), resourceVersion: String(version) } };
    response.write(`${JSON.stringify({ type, object: stamped })}\n`);
  }
}

function nodeOf(query: URLSearchParams): string | undefined {
  return /^spec\.nodeName=(.*)$/.exec(query.get('fieldSelector') ?? '')?.[1];
}

function suffer(response: ServerResponse, trouble: Trouble): void {
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
    refuse(response, trouble);
  }
}

const reasons = new Map([
  [401, 'Unauthorized'],
  [403, 'pods is forbidden: User "system:serviceaccount:mesh:agent" cannot list resource "pods" in API group ""'],
  [410, 'too old resource version'],
  [429, 'the server has received too many requests'],
]);

function refuse(response: ServerResponse, trouble: Exclude<Trouble, string>): void {
  const { status, retryAfterSeconds } = trouble;
  const message = reasons.get(status) ?? 'an error on the server';
  response
    .writeHead(status, {
      'content-type': 'application/json',
      ...(retryAfterSeconds !== undefined && { 'retry-after': String(retryAfterSeconds) }),
    })
    .end(JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure', message, code: status }));
}

function podJson(pod: FakePod, version: number): Json {
  const { name, namespace = 'default', node = 'node-1', ip = '127.0.0.1', phase = 'Running' } = pod;
  const containers = pod.containers ?? [{ name: 'app' }];
  return {
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: {
      name,
      namespace,
      uid: pod.uid ?? `uid-${namespace}-${name}`,
      resourceVersion: String(version),
      labels: pod.labels ?? {},
      annotations: pod.annotations ?? {},
      ...(pod.deleting === true && { deletionTimestamp: '2026-11-21T12:00:00Z' }),
    },
    spec: {
      nodeName: node,
      containers: containers.map(({ name: of, ports = [] }) => ({
        name: of,
        ports: ports.map((containerPort) => ({ containerPort })),
      })),
    },
    status: { phase, podIP: ip, podIPs: [{ ip }] },
  };
}
