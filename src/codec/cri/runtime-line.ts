/** 0 is stdout, 1 is stderr: index of all that is kept per stream. */
export type StreamIndex = 0 | 1;

/**
 * One physical line of a container runtime's log file, as its parser left it. The parser fills the same object again for
 * the next line, so that a line costs no memory.
 */
export class RuntimeLine {
  /** Where the payload is: the file's bytes, or memory of the parser until it parses again. */
  bytes: Uint8Array = new Uint8Array(0);
  start = 0;
  end = 0;
  seconds = 0;
  nanos = 0;
  stream: StreamIndex = 0;
  /** The record goes on in the next line of the same stream. */
  partial = false;
}

/** Reads one physical line, its newline excluded. */
export interface RuntimeLineParser {
  /** False when the line is not of this format; `into` is then undefined in its contents. */
  parse(bytes: Uint8Array, start: number, end: number, into: RuntimeLine): boolean;
}
