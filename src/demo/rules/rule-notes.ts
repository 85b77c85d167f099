import { LineCounter, type Node } from 'yaml';

/** What is wrong with a file of rules, or without effect; lines from 1. */
export interface RuleNote {
  readonly file: string;
  readonly line: number;
  /** Such as `VirtualService ratings: spec.http[0].fault.delay.fixedDelay`. */
  readonly keyPath: string;
  readonly message: string;
  readonly hint?: string;
}

/** What was noticed in one file. */
export class RuleNotes {
  readonly faults: RuleNote[] = [];
  readonly unused: RuleNote[] = [];
  /** Told of the lines by the parser. */
  readonly lines = new LineCounter();
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  fault(node: Node | undefined, keyPath: string, message: string, hint?: string): void {
    this.faultAt(node?.range?.[0] ?? 0, keyPath, message, hint);
  }

  faultAt(offset: number, keyPath: string, message: string, hint?: string): void {
    this.faults.push({ ...this.#at(offset), keyPath, message, ...(hint !== undefined && { hint }) });
  }

  /** Of a key or an object that is right, and that nothing acts on. */
  notUsed(node: Node | undefined, keyPath: string): void {
    this.unused.push({ ...this.#at(node?.range?.[0] ?? 0), keyPath, message: 'the demo does not act on it' });
  }

  #at(offset: number): { readonly file: string; readonly line: number } {
    return { file: this.#file, line: this.lines.linePos(offset).line };
  }
}

/** `file:line  key path  message (hint)` */
export function noteText({ file, line, keyPath, message, hint }: RuleNote): string {
  const where = keyPath === '' ? '' : `  ${keyPath}`;
  return `${file}:${line}${where}  ${message}${hint === undefined ? '' : `: ${hint}`}`;
}
