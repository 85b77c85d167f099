import { type ChildProcess, spawn } from 'node:child_process';
import { freePort } from '../fakes/free-port.ts';
import { until } from '../fakes/until.ts';

export interface ZipkinServer {
  readonly url: string;
  stop(): Promise<void>;
}

export interface ZipkinServerOptions {
  readonly jar: string;
  /** Default: a free one. */
  readonly port?: number;
  /** Tags whose values it offers to those who search. */
  readonly autocompleteKeys?: readonly string[];
  /** `host:port` of a Kafka broker whose topic `zipkin` it reads. */
  readonly kafka?: string;
}

/** A real Zipkin server with its store in memory, on a free loopback port. */
export async function startZipkinServer({
  jar,
  port: wanted,
  autocompleteKeys = [],
  kafka,
}: ZipkinServerOptions): Promise<ZipkinServer> {
  const port = wanted ?? (await freePort());
  const child = spawn(
    'java',
    [
      ...['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xshare:auto', '-Xmx300m', '-jar', jar],
      ...['--armeria.ports[0].ip=127.0.0.1', `--armeria.ports[0].port=${port}`, '--armeria.ports[0].protocols[0]=http'],
      `--zipkin.storage.autocomplete-keys=${autocompleteKeys.join(',')}`,
      ...(kafka === undefined ? [] : [`--zipkin.collector.kafka.bootstrap-servers=${kafka}`]),
      // Otherwise it would take spans over gRPC and from other ports too.
      '--zipkin.collector.grpc.enabled=false',
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const url = `http://127.0.0.1:${port}`;
  const stop = ending(child);
  try {
    await ready(child, url);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, stop };
}

function ending(child: ChildProcess): () => Promise<void> {
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return async () => {
    child.kill('SIGKILL');
    await exited;
  };
}

async function ready(child: ChildProcess, url: string): Promise<void> {
  let said = '';
  const keep = (chunk: Buffer): void => {
    said = (said + chunk.toString()).slice(-10_000);
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  await until(
    async () => {
      if (child.exitCode !== null) {
        throw new Error(`the Zipkin server ended with ${child.exitCode}: ${said}`);
      }
      const answer = await fetch(`${url}/health`).catch(() => undefined);
      return answer?.status === 200;
    },
    { withinMs: 120_000, what: 'the Zipkin server is ready' },
  );
}
