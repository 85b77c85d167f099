import { compiled } from './compiled.ts';
import type { ParsedRecord } from './parsed-record.ts';
import type { StepCondition } from './settings.ts';

/** All that is asked must be so. Throws BRIDGE_CONFIG for a pattern that is none. */
export function compileCondition(condition: StepCondition, key: string): (record: ParsedRecord) => boolean {
  const { field, matches, equals, missing } = condition;
  const pattern = matches === undefined ? undefined : compiled(`${key}.matches`, matches);
  return (record) => {
    const value = record.value(field);
    if (missing !== undefined && missing !== (value === undefined)) {
      return false;
    }
    const isEqual = equals === undefined || (value !== undefined && String(value) === String(equals));
    return isEqual && (pattern === undefined || (value !== undefined && pattern.test(String(value))));
  };
}
