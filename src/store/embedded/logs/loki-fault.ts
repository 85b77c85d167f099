import { BridgeError } from '../../../contract/errors.ts';
import type { LogqlError } from '../../../logql/errors.ts';

export function asBridgeError(error: LogqlError): BridgeError {
  const code = error.fault === 'syntax' ? 'BRIDGE_DECODE' : 'BRIDGE_UNSUPPORTED';
  return new BridgeError(code, error.message, { cause: error });
}
