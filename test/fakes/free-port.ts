import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * Below the ports that systems take for outgoing connections (32768 on Linux, 49152 elsewhere), and below those of a demo whose
 * pods share an address: it must not take what somebody here is about to use again.
 */
const ownPorts = { from: 12_000, to: 24_000 };

/**
 * A loopback port that nobody listens on. Not one that the system picks: what is stopped and started again wants the same one
 * again, and meanwhile that must not become the local port of somebody's outgoing connection, be it of a client that knocks
 * at it.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(ownPorts.from, ownPorts.to);
    if (await isFree(port)) {
      return port;
    }
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
