import { readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../lib/clock.ts';
import { close, listen } from './listening.ts';
import type { Place } from './place.ts';

const ticksPerSecond = 100;
const pageBytes = 4096;

export interface WatchedContainer {
  readonly namespace: string;
  readonly pod: string;
  readonly uid: string;
  readonly container: string;
  /** Undefined where it does not run. */
  readonly pid: number | undefined;
  /** How many containers are of that process: they share its numbers evenly. */
  readonly sharers: number;
  /** Its log. */
  readonly folder: string;
}

/** Bytes that a pod has sent and taken. */
export interface PodTraffic {
  readonly namespace: string;
  readonly pod: string;
  readonly uid: string;
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

export interface Watched {
  readonly containers: readonly WatchedContainer[];
  readonly traffic: readonly PodTraffic[];
}

interface Use {
  readonly cpuSeconds: number;
  readonly residentBytes: number;
}

/** What the kubelet knows of its containers, in the words of cAdvisor, from /proc. Where there is no /proc it has no samples. */
export class Cadvisor {
  readonly #watched: () => Watched;
  readonly #server: Server;

  constructor(watched: () => Watched) {
    this.#watched = watched;
    this.#server = createServer((request, response) => {
      const isPage = request.url?.split('?')[0] === '/metrics/cadvisor';
      response.writeHead(isPage ? 200 : 404, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
      response.end(isPage ? this.page() : 'not found\n');
    });
  }

  async start({ host, port }: Place): Promise<void> {
    await listen(this.#server, host, port);
  }

  stop(): Promise<void> {
    return close(this.#server);
  }

  page(): string {
    const { containers, traffic } = this.#watched();
    const families = new Map<string, string[]>();
    const add = (name: string, labels: string, value: number) => {
      const lines = families.get(name) ?? [];
      families.set(name, [...lines, `${name}{${labels}} ${value}`]);
    };
    const nowSeconds = systemClock.now() / 1000;
    for (const one of containers) {
      const use = useOf(one.pid);
      const labels = labelsOf(one, one.container);
      if (use !== undefined) {
        add('container_cpu_usage_seconds_total', `cpu="total",${labels}`, use.cpuSeconds / one.sharers);
        for (const name of ['container_memory_working_set_bytes', 'container_memory_rss']) {
          add(name, labels, Math.round(use.residentBytes / one.sharers));
        }
        add('container_last_seen', labels, nowSeconds);
      }
      add('container_fs_usage_bytes', labels, folderBytes(one.folder));
    }
    for (const one of traffic) {
      const labels = `interface="eth0",${labelsOf(one, '')}`;
      add('container_network_receive_bytes_total', labels, one.receivedBytes);
      add('container_network_transmit_bytes_total', labels, one.sentBytes);
    }
    const machine = [
      ['machine_cpu_cores', availableParallelism()],
      ['machine_memory_bytes', totalmem()],
    ].map(([name, value]) => `# TYPE ${name} gauge\n${name} ${value}\n`);
    const lines = [...families].map(([name, samples]) => `# TYPE ${name} ${typeOf(name)}\n${samples.join('\n')}\n`);
    return [...lines, ...machine].join('');
  }
}

function labelsOf({ namespace, pod, uid }: Omit<PodTraffic, 'receivedBytes' | 'sentBytes'>, container: string): string {
  const id = `/kubepods/burstable/pod${uid}${container === '' ? '' : `/${container}`}`;
  return `container="${container}",id="${id}",image="",name="",namespace="${namespace}",pod="${pod}"`;
}

function typeOf(name: string): string {
  return name.endsWith('_total') ? 'counter' : 'gauge';
}

/** Fields of proc(5): 14 and 15 of `stat` (behind the name, which may have spaces), 2 of `statm`. */
function useOf(pid: number | undefined): Use | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const resident = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]);
    const ticks = Number(fields[11]) + Number(fields[12]);
    return { cpuSeconds: ticks / ticksPerSecond, residentBytes: resident * pageBytes };
  } catch {
    return undefined;
  }
}

function folderBytes(folder: string): number {
  try {
    return readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
  } catch {
    return 0;
  }
}
