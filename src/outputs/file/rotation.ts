import { createReadStream, createWriteStream } from 'node:fs';
import { open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip, createZstdCompress } from 'node:zlib';
import type { Clock, Logger } from '../../contract/runtime.ts';

export type RotatedCompression = 'none' | 'gzip' | 'zstd';

export interface RotationOptions {
  readonly path: string;
  /** Rotated files that stay; undefined: all. */
  readonly keep: number | undefined;
  readonly compression: RotatedCompression;
  readonly clock: Clock;
  readonly log: Logger;
}

const endings = { none: '', gzip: '.gz', zstd: '.zst' } as const;
const packers = { gzip: () => createGzip({ level: 6 }), zstd: () => createZstdCompress() } as const;
const packed = /\.(gz|zst)$/;
const unfinished = '.part';

/**
 * Sets a full file aside: `out.ndjson` becomes `out-2026-11-22T10-00-00.000Z.ndjson`, which is compressed in the background
 * and then ends with `.gz` or `.zst`. What was set aside is never touched again but to be removed as the oldest.
 */
export class Rotation {
  readonly #options: RotationOptions;
  readonly #stopping = new AbortController();
  #tidying: Promise<void> = Promise.resolve();

  constructor(options: RotationOptions) {
    this.#options = options;
  }

  /** Nobody may have the file open. Rejects where it can't be renamed. */
  async setAside(): Promise<void> {
    const { path, clock } = this.#options;
    const { before, ending } = this.#names();
    const there = new Set((await this.#setAside()).map((name) => name.slice(before.length).replace(packed, '')));
    for (let atMs = clock.now(); ; atMs += 1) {
      const mark = `${new Date(atMs).toISOString().replaceAll(':', '-')}${ending}`;
      if (!there.has(mark)) {
        await rename(path, join(dirname(path), before + mark));
        break;
      }
    }
    this.tidy();
  }

  /** Compresses what an earlier life left, and removes what is too many, in the background. */
  tidy(): void {
    this.#tidying = this.#tidying
      .then(() => this.#tidy())
      .catch((error: unknown) => {
        if (!this.#stopping.signal.aborted) {
          this.#options.log.warn({ path: this.#options.path, error }, 'A rotated file was not compressed or removed.');
        }
      });
  }

  /** A file that is being compressed is begun again in the next life. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('stopping'));
    await this.#tidying;
  }

  async #tidy(): Promise<void> {
    const { path, keep, compression } = this.#options;
    const names = (await this.#setAside()).toSorted();
    for (const name of await this.#unfinished()) {
      await rm(join(dirname(path), name));
    }
    const kept = keep === undefined ? names : names.slice(Math.max(0, names.length - keep));
    for (const name of names.slice(0, names.length - kept.length)) {
      await rm(join(dirname(path), name));
    }
    for (const name of kept) {
      if (compression !== 'none' && !packed.test(name)) {
        await this.#pack(join(dirname(path), name), compression);
      }
    }
  }

  async #pack(from: string, compression: 'gzip' | 'zstd'): Promise<void> {
    const to = from + endings[compression];
    const { signal } = this.#stopping;
    const target = createWriteStream(to + unfinished, { mode: 0o600 });
    await pipeline(createReadStream(from), packers[compression](), target, { signal });
    const written = await open(to + unfinished, 'r+');
    await written.sync().finally(() => written.close());
    await rename(to + unfinished, to);
    await rm(from);
  }

  /** Names of the files that were set aside, compressed or not. */
  async #setAside(): Promise<readonly string[]> {
    const names = await readdir(dirname(this.#options.path));
    return names.filter((name) => this.#isOurs(name.replace(packed, '')));
  }

  /** What a crash, or the end of the process, left of files that were being compressed. */
  async #unfinished(): Promise<readonly string[]> {
    const names = await readdir(dirname(this.#options.path));
    return names.filter((name) => {
      const whole = name.slice(0, -unfinished.length);
      return name.endsWith(unfinished) && packed.test(whole) && this.#isOurs(whole.replace(packed, ''));
    });
  }

  #isOurs(name: string): boolean {
    const { before, ending } = this.#names();
    const mark = name.slice(before.length, name.length - ending.length);
    return name.startsWith(before) && name.endsWith(ending) && /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}Z$/.test(mark);
  }

  #names(): { readonly before: string; readonly ending: string } {
    const ending = extname(this.#options.path);
    return { before: `${basename(this.#options.path, ending)}-`, ending };
  }
}
