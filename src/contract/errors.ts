export type ErrorCode =
  | 'BRIDGE_CONFIG' // the operator must edit a file
  | 'BRIDGE_DECODE' // the sender sent bytes that will never be valid → 400
  | 'BRIDGE_TOO_LARGE' // the sender sent more than the cap → 413
  | 'BRIDGE_OVERLOADED' // the sender should try again later → 503 + Retry-After
  | 'BRIDGE_CORRUPT' // bytes on disk are not what was written
  | 'BRIDGE_NOT_FOUND' // → 404
  | 'BRIDGE_UNSUPPORTED' // a good question that this version has no answer to → 422
  | 'BRIDGE_START'; // a port, file or peer was not there

/** The only error class that crosses rooms. Ask for `code`, never for text. */
export class BridgeError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'BridgeError';
    this.code = code;
  }
}

export function hasCode(error: unknown, code: ErrorCode): error is BridgeError {
  return error instanceof BridgeError && error.code === code;
}
