import { type FileHandle, open, unlink } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';

export interface DirectoryLock {
  release(): Promise<void>;
}

/**
 * Holds a directory by a bound unix socket: it ends with the process, however that ends, and is seen across containers
 * that share the directory. Resolves with undefined when another process holds it.
 */
export async function lockDirectory(dir: string): Promise<DirectoryLock | undefined> {
  const handle = await open(dir);
  // A socket address has room for 107 bytes; the way through the descriptor is always short enough.
  const path = `/proc/self/fd/${handle.fd}/lock`;
  const server = (await listen(path)) ?? (await takeOver(path));
  if (server === undefined) {
    await handle.close();
    return undefined;
  }
  server.unref();
  return { release: () => release(server, handle) };
}

async function takeOver(path: string): Promise<Server | undefined> {
  if (await answers(path)) {
    return undefined;
  }
  await unlink(path).catch(() => undefined);
  return listen(path);
}

function listen(path: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error),
    );
    server.listen(path, () => resolve(server));
  });
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

async function release(server: Server, handle: FileHandle): Promise<void> {
  await new Promise((resolve) => server.close(resolve));
  await handle.close();
}
