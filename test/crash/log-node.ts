import { mkdirSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Containerd } from '../components/containerd.ts';
import type { PodPlace } from '../components/cri-client.ts';
import { rotateOnce } from '../components/kubelet-rotation.ts';

const rotationMs = 3_000;
/** As long as a kubelet leaves what a finished pod said, at least: it clears up once a minute. */
const keptMs = 20_000;

const words = 'and what a service has to say about it';
export const longWords = 'x'.repeat(40_000);

/** Numbered lines on both streams, a long one now and then; on SIGTERM it says how many there were, without a newline. */
const writer = `
trap 'stop=1' TERM
long=$(busybox head -c ${longWords.length} /dev/zero | busybox tr '\\0' x)
i=0
while [ -z "$stop" ]; do
  n=0
  while [ $n -lt $1 ]; do
    i=$((i+1)); n=$((n+1))
    case $i in
      *500) echo "$0 $i $long" ;;
      *[37]) echo "$0 $i ${words}" >&2 ;;
      *) echo "$0 $i ${words}" ;;
    esac
  done
  busybox sleep 0.1
done
printf '%s end %d' "$0" "$i"
`;

/** The same, but it ends by itself after $1 lines. */
const job = `
i=0
while [ $i -lt $1 ]; do
  i=$((i+1))
  case $i in
    *[37]) echo "$0 $i ${words}" >&2 ;;
    *) echo "$0 $i ${words}" ;;
  esac
done
printf '%s end %d' "$0" "$i"
exit 1
`;

/** What one container was to print; a container that ran on prints how many lines there were. */
export interface Printed {
  readonly name: string;
  readonly lines: number | undefined;
}

export function textOf(number: number, isWriter: boolean): string {
  return isWriter && number % 1_000 === 500 ? longWords : words;
}

/** A node that runs containers as a kubelet has them run, with their logs in the kubelet's layout. */
export class LogNode {
  readonly root: string;
  readonly printed: Printed[] = [];
  readonly #containerd: Containerd;
  readonly #stop = new AbortController();
  #rotations = 0;

  constructor(containerd: Containerd, root: string) {
    this.#containerd = containerd;
    this.root = root;
  }

  get rotations(): number {
    return this.#rotations;
  }

  get isStopped(): boolean {
    return this.#stop.signal.aborted;
  }

  stop(): void {
    this.#stop.abort();
  }

  /** Prints until the node stops; its log is rotated every few seconds. */
  async runWriter(name: string, linesAtOnce: number): Promise<void> {
    const { runtime } = this.#containerd;
    const pod = this.#pod(name);
    const sandboxId = await runtime.runSandbox(pod);
    const path = this.#logPath(pod, 0);
    const id = await this.#start({ pod, sandboxId, attempt: 0 }, [writer, name, String(linesAtOnce)]);
    this.printed.push({ name, lines: undefined });
    while (await this.#pause(rotationMs)) {
      await rotateOnce({ path, maxFiles: 5, maxBytes: 1_000, reopen: () => runtime.reopenLog(id) });
      this.#rotations += 1;
    }
    await runtime.stopContainer(id, 10);
    await runtime.removeSandbox(sandboxId);
  }

  /** Ends again and again; the log of the restart before the last goes each time. */
  async runCrashLoop(name: string, lines: number): Promise<void> {
    const { runtime } = this.#containerd;
    const pod = this.#pod(name);
    const sandboxId = await runtime.runSandbox(pod);
    const dead: string[] = [];
    for (let attempt = 0; !this.isStopped; attempt += 1) {
      const line = `${name}/${attempt}`;
      dead.push(await this.#start({ pod, sandboxId, attempt }, [job, line, String(lines)]));
      this.printed.push({ name: line, lines });
      await this.#exited(dead.at(-1) ?? '');
      if (dead.length > 2) {
        await runtime.removeContainer(dead.shift() ?? '');
        await rm(this.#logPath(pod, attempt - 2), { force: true });
      }
      await this.#pause(2_500);
    }
    await runtime.removeSandbox(sandboxId);
  }

  /** Many pods, one after the other, that print a little and end; what they said is cleared up some time later. */
  async runJobs(name: string, jobs: number, lines: number): Promise<void> {
    const { runtime } = this.#containerd;
    // Sandboxes take most of the time, so all of them share one; each has its directory as a pod of its own.
    const sandboxId = await runtime.runSandbox(this.#pod(name));
    for (let i = 0; i < jobs; i += 1) {
      const pod = this.#pod(`${name}-${i}`);
      const id = await this.#start({ pod, sandboxId, attempt: 0 }, [job, pod.name, String(lines)]);
      this.printed.push({ name: pod.name, lines });
      await this.#exited(id);
      await runtime.removeContainer(id);
      void this.#clearUp(pod);
    }
    await runtime.removeSandbox(sandboxId);
  }

  /** As when the files were deleted by hand: what was rotated away and compressed of that pod's log is gone. */
  async loseCompressed(name: string): Promise<void> {
    const directory = dirname(this.#logPath(this.#pod(name), 0));
    for (const file of (await readdir(directory)).filter((one) => one.endsWith('.gz'))) {
      await rm(join(directory, file), { force: true });
    }
  }

  async #clearUp(pod: PodPlace): Promise<void> {
    if (await this.#pause(keptMs)) {
      await rm(pod.logDirectory, { recursive: true, force: true });
    }
  }

  #start(
    { pod, sandboxId, attempt }: { pod: PodPlace; sandboxId: string; attempt: number },
    script: readonly string[],
  ): Promise<string> {
    const { runtime, image } = this.#containerd;
    mkdirSync(join(pod.logDirectory, 'app'), { recursive: true });
    return runtime.runContainer({
      sandboxId,
      pod,
      // In one sandbox a name stands for one container.
      name: `${pod.name}-app`,
      attempt,
      image,
      command: ['/bin/busybox', 'sh', '-c', ...script],
      logPath: `app/${attempt}.log`,
    });
  }

  async #exited(id: string): Promise<void> {
    while (!(await this.#containerd.runtime.hasExited(id))) {
      await delay(50);
    }
  }

  #pod(name: string): PodPlace {
    const uid = `${Buffer.from(name.padEnd(6, '-')).toString('hex').slice(0, 32)}`;
    return { namespace: 'prod', name, uid, logDirectory: join(this.root, `prod_${name}_${uid}`) };
  }

  #logPath(pod: PodPlace, attempt: number): string {
    return join(pod.logDirectory, 'app', `${attempt}.log`);
  }

  async #pause(ms: number): Promise<boolean> {
    await delay(ms, undefined, { signal: this.#stop.signal }).catch(() => undefined);
    return !this.isStopped;
  }
}
