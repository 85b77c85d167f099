import { podAddresses } from './mesh/addresses.ts';
import { Mesh, type MeshFacts } from './mesh/mesh.ts';

/** What the mesh's process tells the daemon. */
export type MeshMessage =
  | { readonly kind: 'ready'; readonly facts: MeshFacts }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'ended'; readonly workload: string; readonly how: string };

/**
 * The process of the mesh: everything but the Envoys, which it starts. It ends when its channel to the daemon closes, so
 * also when the daemon is killed; the Envoys end when this process does.
 * Arguments: folder, program of Envoy, host and port that take spans.
 */
async function main([folder = '', program = '', host = '', port = '']: readonly string[]): Promise<void> {
  const tell = (message: MeshMessage) => {
    if (process.connected) {
      process.send?.(message);
    }
  };
  const onEnd = (workload: string, how: string) => tell({ kind: 'ended', workload, how });
  const zipkin = { host, port: Number(port) };
  const mesh = new Mesh({ folder, program, zipkin, addresses: (count) => podAddresses(count), onEnd });
  const over = new AbortController();
  process.once('disconnect', () => over.abort());
  // The daemon's terminal is not this process's: it ends when the daemon says so.
  process.on('SIGINT', () => {});
  const started = mesh.start(over.signal).then(
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
  await mesh.stop();
  process.exit();
}

await main(process.argv.slice(2));
