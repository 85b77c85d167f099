/**
 * `syntax`: the query is wrong. `unsupported`: it is right, but this version does not evaluate it. `execution`: it fails on
 * the data that it meets, or would take too much of it.
 */
export type PromqlFault = 'syntax' | 'unsupported' | 'execution';

/** The only error that this room throws on purpose. */
export class PromqlError extends Error {
  readonly fault: PromqlFault;
  /** Where in the query, in UTF-16 units; absent where no single place is to blame. */
  readonly offset: number | undefined;

  constructor(fault: PromqlFault, message: string, offset?: number) {
    super(message);
    this.name = 'PromqlError';
    this.fault = fault;
    this.offset = offset;
  }
}

/** `line:column: parse error: …`, both counted from 1 and columns in bytes of UTF-8, as Prometheus writes it. */
export function syntaxError(query: string, offset: number, what: string): PromqlError {
  return new PromqlError('syntax', `${place(query, offset)}: parse error: ${what}`, offset);
}

export function unsupported(query: string, offset: number, what: string): PromqlError {
  const message = `${place(query, offset)}: ${what} is not evaluated by this version yet`;
  return new PromqlError('unsupported', message, offset);
}

export function executionError(what: string): PromqlError {
  return new PromqlError('execution', what);
}

function place(query: string, offset: number): string {
  const before = query.slice(0, offset);
  const lineStart = before.lastIndexOf('\n') + 1;
  const line = before.split('\n').length;
  const column = new TextEncoder().encode(before.slice(lineStart)).length + 1;
  return `${line}:${column}`;
}
