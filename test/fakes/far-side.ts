import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { freePort } from './free-port.ts';

/** A request as it came over the wire. */
export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** What the far side does with a request. */
export type Answer =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string | Buffer }
  /** Reads the request and never answers. */
  | 'hang'
  /** Reads the request and closes the connection without an answer. */
  | 'drop'
  /** Sends the head of an answer and half of its body, then closes. */
  | 'drop half-way';

export interface FakeFarSide {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  readonly port: number;
  readonly requests: readonly Received[];
  /** Connections that are open now. */
  readonly connections: number;
  /** How every request is answered that `once` has no answer for. Default 200. */
  answer(answer: Answer | ((request: Received) => Answer)): void;
  /** Answers for the next requests, one each. */
  once(...answers: readonly Answer[]): void;
  forget(): void;
  close(): Promise<void>;
}

/** A real HTTP server on a free loopback port that does as it is told and remembers what it got. */
export async function fakeFarSide(): Promise<FakeFarSide> {
  const requests: Received[] = [];
  const sockets = new Set<Socket>();
  const next: Answer[] = [];
  let always: Answer | ((request: Received) => Answer) = { status: 200 };

  const server = createServer((request, response) => {
    read(request).then(
      (received) => {
        requests.push(received);
        const chosen = next.shift() ?? (typeof always === 'function' ? always(received) : always);
        reply(chosen, response);
      },
      () => response.destroy(),
    );
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    for (const socket of sockets) {
      socket.destroy();
    }
    await new Promise<void>((resolve) => server.close(() => resolve()));
  };
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    requests,
    get connections() {
      return sockets.size;
    },
    answer: (answer) => {
      always = answer;
    },
    once: (...answers) => next.push(...answers),
    forget: () => requests.splice(0),
    close,
  };
}

/** Runs with a far side, and closes it whatever happens. */
export async function withFakeFarSide<T>(run: (far: FakeFarSide) => Promise<T>): Promise<T> {
  const far = await fakeFarSide();
  try {
    return await run(far);
  } finally {
    await far.close();
  }
}

/** The URL of a loopback port that nobody listens on. */
export async function refusedUrl(): Promise<string> {
  return `http://127.0.0.1:${await freePort()}`;
}

async function read(request: IncomingMessage): Promise<Received> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) {
    chunks.push(chunk);
  }
  return {
    method: request.method ?? '',
    path: request.url ?? '',
    headers: request.headers,
    body: Buffer.concat(chunks),
  };
}

function reply(answer: Answer, response: ServerResponse): void {
  if (answer === 'hang') {
    return;
  }
  if (answer === 'drop') {
    response.socket?.destroy();
    return;
  }
  if (answer === 'drop half-way') {
    response.writeHead(200, { 'content-length': '100' });
    response.write('x'.repeat(50), () => response.socket?.destroy());
    return;
  }
  response.writeHead(answer.status, { ...answer.headers });
  response.end(answer.body);
}
