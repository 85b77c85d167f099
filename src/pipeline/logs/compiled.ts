import { RE2JS, RE2JSException } from 're2js';
import { BridgeError } from '../../contract/errors.ts';

/** A pattern that users wrote, in linear time. Throws BRIDGE_CONFIG, which names the key. */
export function compiled(key: string, pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern);
  } catch (cause) {
    if (cause instanceof RE2JSException) {
      throw faulty(key, `"${pattern}" is not a regular expression: ${cause.message}`, cause);
    }
    throw cause;
  }
}

export function faulty(key: string, why: string, cause?: unknown): BridgeError {
  return new BridgeError('BRIDGE_CONFIG', `${key}: ${why}`, { cause });
}
