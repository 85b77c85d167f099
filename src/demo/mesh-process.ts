import { DemoWorld } from './demo-world.ts';
import { podAddresses } from './mesh/addresses.ts';
import type { MeshMessage, MeshQuestion } from './mesh-messages.ts';

/**
 * The process of the mesh: everything but the Envoys, which it starts. It ends when its channel to the daemon closes, so
 * also when the daemon is killed; the Envoys end when this process does.
 * Arguments: folder, program of Envoy, host and port that take spans, namespace of Bookinfo, and
 * URL that takes what browsers send.
 */
async function main([
  folder = '',
  program = '',
  host = '',
  port = '',
  namespace = '',
  rum = '',
]: readonly string[]): Promise<void> {
  const tell = (message: MeshMessage) => {
    if (process.connected) {
      process.send?.(message);
    }
  };
  const onEnd = (workload: string, how: string) => tell({ kind: 'ended', workload, how });
  const zipkin = { host, port: Number(port) };
  const rumUrl = URL.parse(rum);
  const world = new DemoWorld({
    ...{ folder, program, zipkin, namespace, onEnd },
    rum: rumUrl === null ? undefined : { host: rumUrl.hostname, port: Number(rumUrl.port) },
    addresses: (count) => podAddresses(count),
  });
  const over = new AbortController();
  process.once('disconnect', () => over.abort());
  process.on('message', ({ id, request }: MeshQuestion) => {
    void world.ask(request).then((answer) => tell({ kind: 'answer', id, answer }));
  });
  // The daemon's terminal is not this process's: it ends when the daemon says so.
  process.on('SIGINT', () => {});
  const started = world.start(over.signal).then(
    (facts) => tell({ kind: 'ready', facts }),
    (error: unknown) => {
      tell({ kind: 'failed', reason: error instanceof Error ? error.message : String(error) });
      over.abort();
    },
  );
  const ended = new Promise<void>((resolve) => over.signal.addEventListener('abort', () => resolve(), { once: true }));
  if (!process.connected) {
    over.abort();
  }
  await ended;
  await started;
  await world.stop();
  process.exit();
}

await main(process.argv.slice(2));
