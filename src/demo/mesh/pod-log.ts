import { closeSync, fstatSync, mkdirSync, openSync, readdirSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** containerd splits a line at this length into parts with the tag P; the last part has the tag F. */
const maxPartBytes = 16 * 1024;

export interface PodLogLimits {
  /** Past this size the file is renamed, as the kubelet does (`containerLogMaxSize`). */
  readonly maxBytes: number;
  /** The file being written and the renamed ones (`containerLogMaxFiles`). */
  readonly maxFiles: number;
}

/** Writes `0.log` of one container as a container runtime does (CRI text format), and rotates it as the kubelet does. */
export class PodLog {
  readonly #folder: string;
  readonly #limits: PodLogLimits;
  #file: number;
  #bytes: number;

  constructor(folder: string, limits: PodLogLimits) {
    mkdirSync(folder, { recursive: true });
    this.#folder = folder;
    this.#limits = limits;
    this.#file = this.#open();
    this.#bytes = fstatSync(this.#file).size;
  }

  /** `line` without its newline; `atMs` since 1970, with a fraction. */
  write(stream: 'stdout' | 'stderr', line: string, atMs: number): void {
    const bytes = Buffer.from(line);
    const time = rfc3339Nanos(atMs);
    const parts: Buffer[] = [];
    for (let from = 0; from === 0 || from < bytes.length; from += maxPartBytes) {
      const tag = from + maxPartBytes < bytes.length ? 'P' : 'F';
      const part = bytes.subarray(from, from + maxPartBytes);
      parts.push(Buffer.from(`${time} ${stream} ${tag} `), part, Buffer.from('\n'));
    }
    const entry = Buffer.concat(parts);
    writeSync(this.#file, entry);
    this.#bytes += entry.length;
    if (this.#bytes >= this.#limits.maxBytes) {
      this.#rotate(atMs);
    }
  }

  close(): void {
    closeSync(this.#file);
  }

  #open(): number {
    return openSync(join(this.#folder, '0.log'), 'a', 0o640);
  }

  #rotate(atMs: number): void {
    const stamp = new Date(atMs).toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-');
    const taken = new Set(readdirSync(this.#folder));
    let name = `0.log.${stamp}`;
    for (let next = 1; taken.has(name); next++) {
      name = `0.log.${stamp}.${next}`;
    }
    renameSync(join(this.#folder, '0.log'), join(this.#folder, name));
    closeSync(this.#file);
    this.#file = this.#open();
    this.#bytes = 0;
    const old = readdirSync(this.#folder)
      .filter((file) => file.startsWith('0.log.'))
      .sort();
    for (const file of old.slice(0, Math.max(0, old.length - this.#limits.maxFiles + 1))) {
      rmSync(join(this.#folder, file));
    }
  }
}

export function rfc3339Nanos(atMs: number): string {
  const wholeMs = Math.floor(atMs);
  const nanos = Math.floor((atMs - wholeMs) * 1e6);
  return `${new Date(wholeMs).toISOString().slice(0, -1)}${String(nanos).padStart(6, '0')}Z`;
}
