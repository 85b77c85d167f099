import type { ErrorCode } from '../../contract/errors.ts';

/** google.rpc.Code, as far as it is answered. */
export const codes = {
  ok: 0,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  permissionDenied: 7,
  resourceExhausted: 8,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const;
export type GrpcCode = (typeof codes)[keyof typeof codes];

/** Which calls a client repeats hangs on this: UNAVAILABLE is, INVALID_ARGUMENT and RESOURCE_EXHAUSTED are not. */
const codeOfError: Readonly<Record<ErrorCode, GrpcCode>> = {
  BRIDGE_CONFIG: codes.internal,
  BRIDGE_DECODE: codes.invalidArgument,
  BRIDGE_TOO_LARGE: codes.resourceExhausted,
  BRIDGE_OVERLOADED: codes.unavailable,
  BRIDGE_CORRUPT: codes.internal,
  BRIDGE_NOT_FOUND: codes.notFound,
  BRIDGE_UNSUPPORTED: codes.unimplemented,
  BRIDGE_START: codes.internal,
};

const codeOfHttp: Readonly<Record<number, GrpcCode>> = {
  200: codes.ok,
  400: codes.invalidArgument,
  401: codes.unauthenticated,
  403: codes.permissionDenied,
  404: codes.notFound,
  413: codes.resourceExhausted,
  422: codes.unimplemented,
  503: codes.unavailable,
  504: codes.deadlineExceeded,
};

export function codeOf(error: ErrorCode): GrpcCode {
  return codeOfError[error];
}

export function codeOfStatus(httpStatus: number): GrpcCode {
  return codeOfHttp[httpStatus] ?? codes.internal;
}

/** `grpc-message`: UTF-8 with everything but printable ASCII, and `%`, as %XX (gRPC over HTTP2, "Status-Message"). */
export function messageHeader(text: string): string {
  let header = '';
  for (const byte of Buffer.from(text)) {
    const isPlain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    header += isPlain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return header;
}
