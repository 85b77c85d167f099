import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../fakes/free-port.ts';
import { type Daemon, startDaemon } from './daemon.ts';

export const ingestToken = 'the-ingest-token-of-the-hub';

/** What an agent is told beside the address of its hub. */
export interface AgentOptions {
  readonly node: string;
  /** TOML. */
  readonly inputs: string;
  /** More keys of `[[outputs.hub]]`. */
  readonly output?: string;
  /** Default: the right one. */
  readonly tokenFile?: string;
}

/** A hub and its agents, each a real daemon with its own directory under `dir`, which can be ended and begun again. */
export class HubRig {
  readonly dir: string;
  readonly hubPort: number;
  readonly tokenFile: string;
  readonly #ports = new Map<string, number>();
  readonly #lives = new Set<Daemon>();

  private constructor(dir: string, hubPort: number) {
    this.dir = dir;
    this.hubPort = hubPort;
    this.tokenFile = join(dir, 'ingest-token');
  }

  static async in(dir: string): Promise<HubRig> {
    const rig = new HubRig(dir, await freePort());
    await writeFile(rig.tokenFile, ingestToken);
    return rig;
  }

  async startHub(toml = ''): Promise<Daemon> {
    const dir = join(this.dir, 'hub');
    await mkdir(dir, { recursive: true });
    const server = `[server]\n  ingest_token_file = "${this.tokenFile}"\n[kubernetes]\n  node_name = "hub-node"\n`;
    const own = '[[inputs.container]]\n  enabled = false\n';
    return this.#start({ dir, port: this.hubPort, readyMs: 90_000, config: { 'hub.conf': server + own + toml } });
  }

  /** Where the agent of that node listens, now or later. */
  async portOf(node: string): Promise<number> {
    const port = this.#ports.get(node) ?? (await freePort());
    this.#ports.set(node, port);
    return port;
  }

  /** The second time with the same port and directory. */
  async startAgent({ node, inputs, output = '', tokenFile = this.tokenFile }: AgentOptions): Promise<Daemon> {
    const dir = join(this.dir, node);
    await mkdir(dir, { recursive: true });
    const port = await this.portOf(node);
    // As behind a proxy, so that the hub asks for the token although the agent is on the same machine.
    const toml = `
${inputs}
[kubernetes]
  node_name = "${node}"
[[outputs.hub]]
  urls = ["http://127.0.0.1:${this.hubPort}"]
  token_file = "${tokenFile}"
  headers = { x-forwarded-for = "192.0.2.7" }
  batch_wait = "20ms"
${output}
`;
    return this.#start({ dir, port, readyMs: 90_000, config: { 'agent.conf': toml } });
  }

  /** Whatever still runs. */
  async end(): Promise<void> {
    await Promise.all([...this.#lives].map((daemon) => daemon.end('SIGKILL')));
  }

  async #start(options: Parameters<typeof startDaemon>[0]): Promise<Daemon> {
    const daemon = await startDaemon(options);
    this.#lives.add(daemon);
    void daemon.exited.then(() => this.#lives.delete(daemon));
    return daemon;
  }
}

export interface Flow {
  readonly accepted: number;
  readonly delivered: number;
  readonly queued: number;
  readonly dropped: number;
}

/** What an agent took of a signal in this life, and what became of all it ever took. */
export async function flowOf(agent: Daemon, signal: string): Promise<Flow> {
  const status = await agent.status();
  const inputs = status.inputs.filter((input) => input.signal === signal);
  const cursor = status.lanes.find((lane) => lane.signal === signal)?.outputs.find(({ output }) => output === 'hub');
  return {
    accepted: inputs.reduce((sum, { accepted }) => sum + accepted, 0),
    delivered: cursor?.delivered ?? 0,
    queued: cursor?.queuedItems ?? 0,
    dropped: Object.values(cursor?.dropped ?? {}).reduce((sum, items) => sum + items, 0) + (cursor?.lost ?? 0),
  };
}

/** Nothing waits, here or on the way into the store. */
export async function isDrained(daemon: Daemon): Promise<boolean> {
  const { lanes, inputs } = await daemon.status();
  const lag = inputs.map(({ detail }) => (detail !== undefined && 'lagBytes' in detail ? Number(detail.lagBytes) : 0));
  return lanes.every((lane) => lane.outputs.every(({ queuedItems }) => queuedItems === 0)) && lag.every((n) => n === 0);
}
