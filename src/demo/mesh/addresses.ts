import { randomInt } from 'node:crypto';
import { createServer, type Server } from 'node:net';

/** Where the parts of one pod listen. */
export interface PodAddress {
  readonly ip: string;
  /** The address is the pod's alone, so that others can know it by it. */
  readonly isOwn: boolean;
  readonly admin: number;
  readonly outbound: number;
  readonly inbound: number;
  /** Envoy's numbers alone; the agent's page has them merged with its own. */
  readonly stats: number;
  readonly agent: number;
  readonly app: number;
  /** Where details answers gRPC. */
  readonly health: number;
  /** Of mongodb itself, and the way out of ratings-v2 to it. */
  readonly tcp: number;
  /** Only of a gateway. */
  readonly ingress: number;
}

type Port = Exclude<keyof PodAddress, 'ip' | 'isOwn'>;

/** As in every pod of Istio. */
const usualPorts: Readonly<Record<Port, number>> = {
  admin: 15_000,
  outbound: 15_001,
  inbound: 15_006,
  stats: 15_090,
  agent: 15_020,
  app: 9080,
  health: 9091,
  tcp: 27_017,
  ingress: 8080,
};
const portNames = Object.keys(usualPorts) as Port[];

/** The first pod is at `.11`; each mesh on this machine has a third number of its own. */
const ownNetworks = Array.from({ length: 32 }, (_, n) => `127.95.${29 + n}`);
/** Held by a mesh for as long as it runs: Envoys share a port without a word, so somebody has to keep the network. */
const claimPort = 15_021;
/** Of pods that share an address: below what systems take for outgoing connections (32768 on Linux, 49152 elsewhere). */
const sharedPorts = { from: 24_000, to: 32_000 };

export interface PodAddresses {
  readonly pods: readonly PodAddress[];
  /** `127.95.29`: its numbers from 2 to 9 are for what is not a pod. Undefined where all share one address. */
  readonly network: string | undefined;
  /** A port of the shared address that nobody has. */
  freePort(): Promise<number>;
  /** Gives the network back. */
  release(): void;
}

/**
 * One loopback address for each pod, with the usual ports. Where this machine has no such addresses (macOS has 127.0.0.1
 * alone), or none of them is free, all pods share 127.0.0.1 and have free ports.
 */
export async function podAddresses(count: number, networks: readonly string[] = ownNetworks): Promise<PodAddresses> {
  for (const network of networks) {
    const claim = await listenOn(`${network}.1`, claimPort);
    if (claim === 'no such address') {
      break;
    }
    if (claim === 'taken') {
      continue;
    }
    const pods = Array.from({ length: count }, (_, n) => ({ ip: `${network}.${11 + n}`, isOwn: true, ...usualPorts }));
    const free = await Promise.all(pods.map(hasFreePorts));
    if (free.every(Boolean)) {
      return { pods, network, freePort, release: () => claim.close() };
    }
    claim.close();
  }
  return { pods: await onOneAddress(count), network: undefined, freePort, release: () => {} };
}

async function freePort(): Promise<number> {
  const [port = 0] = await freePorts(1);
  return port;
}

async function onOneAddress(count: number): Promise<PodAddress[]> {
  const ports = await freePorts(count * portNames.length);
  return Array.from({ length: count }, (_, pod) => {
    const own = portNames.map((name, n) => [name, ports[pod * portNames.length + n] ?? 0]);
    return { ip: '127.0.0.1', isOwn: false, ...usualPorts, ...Object.fromEntries(own) };
  });
}

/**
 * All different, since they are held until the last is found. Not ports that the system picks: until they are used, each of
 * those may become the local port of somebody's outgoing connection.
 */
async function freePorts(count: number): Promise<number[]> {
  const { from, to } = sharedPorts;
  const start = randomInt(to - from);
  const held: { readonly port: number; readonly server: Server }[] = [];
  for (let step = 0; step < to - from && held.length < count; step++) {
    const port = from + ((start + step) % (to - from));
    const server = await listenOn('127.0.0.1', port);
    if (typeof server === 'object') {
      held.push({ port, server });
    }
  }
  for (const { server } of held) {
    server.close();
  }
  if (held.length < count) {
    throw new Error(`127.0.0.1 has no ${count} free ports between ${from} and ${to}`);
  }
  return held.map(({ port }) => port);
}

async function hasFreePorts(pod: PodAddress): Promise<boolean> {
  for (const name of portNames) {
    const server = await listenOn(pod.ip, pod[name]);
    if (typeof server !== 'object') {
      return false;
    }
    server.close();
  }
  return true;
}

async function listenOn(host: string, port: number): Promise<Server | 'taken' | 'no such address'> {
  const { promise, resolve } = Promise.withResolvers<Server | 'taken' | 'no such address'>();
  const server = createServer((socket) => socket.destroy());
  server.once('error', (error) =>
    resolve('code' in error && error.code === 'EADDRNOTAVAIL' ? 'no such address' : 'taken'),
  );
  server.listen(port, host, () => resolve(server));
  return promise;
}
