import { closeSync, openSync, readSync } from 'node:fs';
import { sep } from 'node:path';
import { BridgeError } from '../../contract/errors.ts';

const keptOpen = 64;

/**
 * Reads files of the store by pread, keeping the last used ones open. Synchronous: these are small reads of bytes that
 * are mostly in the page cache, on a thread that has nothing else to wait for.
 */
export class FileCache {
  readonly #descriptors = new Map<string, number>();

  /** Exactly `bytes` bytes. Throws BRIDGE_CORRUPT when the file is shorter, BRIDGE_NOT_FOUND when it is not there. */
  read(path: string, offset: number, bytes: number): Buffer {
    // Not from the pool: views of columns need memory that begins on a multiple of 8.
    const target = Buffer.allocUnsafeSlow(bytes);
    const have = this.readUpTo(path, offset, target);
    if (have < bytes) {
      throw new BridgeError('BRIDGE_CORRUPT', `${path} ends at ${offset + have}, within a record`);
    }
    return target;
  }

  /** How many bytes of `target` the file could fill. */
  readUpTo(path: string, offset: number, target: Buffer): number {
    const descriptor = this.#open(path);
    let have = 0;
    while (have < target.length) {
      const read = readSync(descriptor, target, have, target.length - have, offset + have);
      if (read === 0) {
        break;
      }
      have += read;
    }
    return have;
  }

  forget(path: string): void {
    const descriptor = this.#descriptors.get(path);
    if (descriptor !== undefined) {
      this.#descriptors.delete(path);
      closeSync(descriptor);
    }
  }

  forgetIn(dir: string): void {
    for (const path of [...this.#descriptors.keys()].filter((one) => one.startsWith(dir + sep))) {
      this.forget(path);
    }
  }

  close(): void {
    for (const path of [...this.#descriptors.keys()]) {
      this.forget(path);
    }
  }

  #open(path: string): number {
    const known = this.#descriptors.get(path);
    if (known !== undefined) {
      this.#descriptors.delete(path);
      this.#descriptors.set(path, known);
      return known;
    }
    const descriptor = openOrThrow(path);
    this.#descriptors.set(path, descriptor);
    const [oldest] = this.#descriptors.keys();
    if (this.#descriptors.size > keptOpen && oldest !== undefined) {
      this.forget(oldest);
    }
    return descriptor;
  }
}

function openOrThrow(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (cause) {
    throw new BridgeError('BRIDGE_NOT_FOUND', `${path} cannot be opened`, { cause });
  }
}
