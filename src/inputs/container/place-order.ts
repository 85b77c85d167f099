import type { LogFile } from './log-file.ts';

/** What a look found a file to be. */
export interface Place {
  readonly file: LogFile;
  /** `later`: that can't be told now, the next look tries again. `unsure`: compressed, and nobody knows it. */
  readonly as: 'known' | 'new' | 'unsure' | 'later';
}

/** Of one that was seen before. What it is, is sure only while it is open: its inode may belong to another by now. */
export function placeOf(file: LogFile): Place {
  return { file, as: file.isOpen ? 'known' : 'new' };
}

/** The files of a look, from the oldest on. */
export class Order {
  readonly files: LogFile[] = [];
  /** Compressed ones of which nothing is known, behind all that is. */
  unsure: LogFile[] = [];
  /** The same, but before something that is known. */
  readonly left: LogFile[] = [];

  add({ file, as }: Place): void {
    if (as === 'later') {
      return;
    }
    this.files.push(file);
    if (as === 'unsure') {
      this.unsure.push(file);
    } else if (as === 'known') {
      this.left.push(...this.unsure);
      this.unsure = [];
    }
  }
}
