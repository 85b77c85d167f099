import type { BridgeError } from '../../contract/errors.ts';
import type { HttpResponse } from '../../contract/http.ts';

/** DataKit's error body: `{"error_code":"datakit.<code>","message":...}`. */
export function dataKitError(status: number, code: string, message: string): HttpResponse {
  return {
    status,
    headers: { 'content-type': 'application/json', 'x-content-type-options': 'nosniff' },
    body: JSON.stringify({ error_code: `datakit.${code}`, message }),
  };
}

/** What a request is answered with whose body could not be had. */
export function errorResponse(error: BridgeError, status: number): HttpResponse {
  return dataKitError(status, codeOf(error), error.message);
}

function codeOf({ code }: BridgeError): string {
  switch (code) {
    case 'BRIDGE_TOO_LARGE':
      return 'bodyTooLarge';
    case 'BRIDGE_OVERLOADED':
      return 'overloaded';
    default:
      return 'decodeBodyFailed';
  }
}
