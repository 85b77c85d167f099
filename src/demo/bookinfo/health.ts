import { connect, createServer, type Http2Server, type ServerHttp2Session } from 'node:http2';
import type { Place } from '../mesh/place.ts';
import { healthPort } from '../mesh/topology.ts';

/** gRPC's own protocol of health (`grpc.health.v1.Health/Check`): an empty question, and SERVING as the answer. */
const path = '/grpc.health.v1.Health/Check';
const question = Buffer.from([0, 0, 0, 0, 0]);
const serving = Buffer.from([0, 0, 0, 0, 2, 0x08, 1]);
const unimplemented = '12';
const answerWithinMs = 3000;

/** Answers by gRPC that it is well. */
export class HealthServer {
  readonly #server: Http2Server;
  readonly #sessions = new Set<ServerHttp2Session>();

  constructor() {
    this.#server = createServer();
    this.#server.on('session', (session) => {
      this.#sessions.add(session);
      session.on('close', () => this.#sessions.delete(session));
      session.on('error', () => {});
    });
    this.#server.on('stream', (stream, headers) => {
      stream.on('error', () => {});
      stream.resume();
      if (headers[':path'] !== path) {
        stream.respond({ 'content-type': 'application/grpc', 'grpc-status': unimplemented }, { endStream: true });
        return;
      }
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.respond({ 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.end(serving);
    });
  }

  async start({ host, port }: Place): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once('error', reject);
    this.#server.listen(port, host, resolve);
    await promise;
  }

  async stop(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    for (const session of this.#sessions) {
      session.destroy();
    }
    await promise;
  }
}

/** Asks a service by way of a sidecar how it is: gRPC's status, or a word on why there is none. */
export async function askHealth(sidecar: Place, service: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const session = connect(`http://${sidecar.host}:${sidecar.port}`);
  session.on('error', () => resolve('no connection'));
  const stream = session.request({
    ':method': 'POST',
    ':path': path,
    ':authority': `${service}:${healthPort}`,
    'content-type': 'application/grpc',
    te: 'trailers',
    'user-agent': 'grpc-health-probe',
  });
  stream.setTimeout(answerWithinMs, () => resolve('no answer'));
  stream.on('error', () => resolve('no answer'));
  const take = (headers: Record<string, unknown>) => {
    if (typeof headers['grpc-status'] === 'string') {
      resolve(headers['grpc-status']);
    }
  };
  stream.on('response', take);
  stream.on('trailers', take);
  stream.on('close', () => resolve('no answer'));
  stream.resume();
  stream.end(question);
  const status = await promise;
  session.destroy();
  return status;
}
