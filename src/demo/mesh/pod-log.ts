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

/**
 * Writes the log of one container as a container runtime does (CRI text format), and rotates it as the kubelet does. The
 * file's name is how often the container was started again: `0.log`.
 */
export class PodLog {
  readonly #folder: string;
  readonly #limits: PodLogLimits;
  #file: number;
  #bytes: number;
  #restarts: number;
  #isClosed = false;

  constructor(folder: string, limits: PodLogLimits) {
    mkdirSync(folder, { recursive: true });
    this.#folder = folder;
    this.#limits = limits;
    this.#restarts = Math.max(0, ...readdirSync(folder).map((name) => Number.parseInt(name, 10) || 0));
    this.#file = this.#open();
    this.#bytes = fstatSync(this.#file).size;
  }

  /** `line` without its newline; `atMs` since 1970, with a fraction. What comes after the end is dropped. */
  write(stream: 'stdout' | 'stderr', line: string, atMs: number): void {
    if (this.#isClosed) {
      return;
    }
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

  get restarts(): number {
    return this.#restarts;
  }

  /** The container begins again: a new file. Of the earlier ones only the last is kept. */
  restart(): void {
    closeSync(this.#file);
    this.#restarts += 1;
    for (const name of readdirSync(this.#folder)) {
      if (Number.parseInt(name, 10) < this.#restarts - 1) {
        rmSync(join(this.#folder, name));
      }
    }
    this.#file = this.#open();
    this.#bytes = 0;
  }

  close(): void {
    this.#isClosed = true;
    closeSync(this.#file);
  }

  get #name(): string {
    return `${this.#restarts}.log`;
  }

  #open(): number {
    return openSync(join(this.#folder, this.#name), 'a', 0o640);
  }

  #rotate(atMs: number): void {
    const stamp = new Date(atMs).toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-');
    const taken = new Set(readdirSync(this.#folder));
    let name = `${this.#name}.${stamp}`;
    for (let next = 1; taken.has(name); next++) {
      name = `${this.#name}.${stamp}.${next}`;
    }
    renameSync(join(this.#folder, this.#name), join(this.#folder, name));
    closeSync(this.#file);
    this.#file = this.#open();
    this.#bytes = 0;
    const old = readdirSync(this.#folder)
      .filter((file) => file.startsWith(`${this.#name}.`))
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
