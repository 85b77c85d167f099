import { RE2JS, RE2JSException } from 're2js';
import { BridgeError } from '../../contract/errors.ts';
import type { PromConfig } from './config.ts';

/** Names that a target makes up all the time would fill the memory of answers without end. */
const maxKnown = 10_000;

/**
 * `metric_name_filter` and `metric_name_filter_ignore`: Go's regular expressions, in linear time, anywhere in the name of
 * the family. Throws BRIDGE_CONFIG.
 */
export function nameFilter(config: PromConfig): (family: string) => boolean {
  const wanted = config.metric_name_filter.map((pattern) => compiled('metric_name_filter', pattern));
  const ignored = config.metric_name_filter_ignore.map((pattern) => compiled('metric_name_filter_ignore', pattern));
  if (wanted.length + ignored.length === 0) {
    return () => true;
  }
  const known = new Map<string, boolean>();
  return (family) => {
    let answer = known.get(family);
    if (answer === undefined) {
      const found = (expression: RE2JS): boolean => expression.matcher(family).find();
      answer = !ignored.some(found) && (wanted.length === 0 || wanted.some(found));
      if (known.size >= maxKnown) {
        known.clear();
      }
      known.set(family, answer);
    }
    return answer;
  };
}

function compiled(key: string, pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern);
  } catch (cause) {
    if (cause instanceof RE2JSException) {
      throw new BridgeError('BRIDGE_CONFIG', `${key}: "${pattern}" is not a regular expression: ${cause.message}`, {
        cause,
      });
    }
    throw cause;
  }
}
