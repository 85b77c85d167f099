import { type FSWatcher, watch } from 'node:fs';

/**
 * Says that something appeared in or went from a directory. Only a hint to look earlier: events get lost, and a system that
 * gives no more watches is no fault. Directories of files that are written are not watched, since every write is an event.
 */
export class DirectoryWatch {
  readonly #onChange: () => void;
  readonly #watchers = new Map<string, FSWatcher>();

  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  /** Watches exactly these. */
  update(directories: readonly string[]): void {
    const wanted = new Set(directories);
    for (const [path, watcher] of this.#watchers) {
      if (!wanted.has(path)) {
        this.#watchers.delete(path);
        watcher.close();
      }
    }
    for (const path of wanted) {
      if (!this.#watchers.has(path)) {
        this.#add(path);
      }
    }
  }

  close(): void {
    this.update([]);
  }

  #add(path: string): void {
    try {
      const watcher = watch(path, { persistent: false }, () => this.#onChange());
      watcher.on('error', () => {
        this.#watchers.delete(path);
        watcher.close();
      });
      this.#watchers.set(path, watcher);
    } catch {
      // Gone already, or fs.inotify.max_user_watches is reached: the next look finds what is there.
    }
  }
}
