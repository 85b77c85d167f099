/**
 * `syntax`: the query is wrong. `unsupported`: it is right, but this version does not evaluate it. `execution`: it fails on
 * the lines that it meets, or would take too much of them.
 */
export type LogqlFault = 'syntax' | 'unsupported' | 'execution';

/** The only error that this room throws on purpose. */
export class LogqlError extends Error {
  readonly fault: LogqlFault;

  constructor(fault: LogqlFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'LogqlError';
    this.fault = fault;
  }
}

/** `parse error at line 1, col 5: …`, both counted from 1, as Loki writes it. */
export function syntaxError(query: string, offset: number, what: string): LogqlError {
  const before = query.slice(0, offset);
  const line = before.split('\n').length;
  const col = offset - (before.lastIndexOf('\n') + 1) + 1;
  return new LogqlError('syntax', `parse error at line ${line}, col ${col}: ${what}`);
}

/** What is wrong with a query as a whole. */
export function parseError(what: string): LogqlError {
  return new LogqlError('syntax', `parse error : ${what}`);
}

export function unsupported(what: string): LogqlError {
  return new LogqlError('unsupported', `${what} is not evaluated by this version`);
}

export function executionError(what: string): LogqlError {
  return new LogqlError('execution', what);
}
