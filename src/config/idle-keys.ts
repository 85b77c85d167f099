import { z } from 'zod';
import type { PathStep } from './fault.ts';
import { type Finding, listed } from './schema-check.ts';
import { bare, metaOf } from './schema-walk.ts';

/**
 * Keys that were written, are understood, and do nothing: those whose schema says so by `.meta({ idle: 'why' })`. What is
 * `false` or empty was meant to do nothing.
 */
export function idleKeys(schema: z.core.$ZodType, shown: unknown, path: readonly PathStep[] = []): readonly Finding[] {
  const table = bare(schema);
  if (!(table instanceof z.ZodObject) || typeof shown !== 'object' || shown === null) {
    return [];
  }
  return Object.entries(shown).flatMap(([key, value]) => {
    const field: z.core.$ZodType | undefined = Object.hasOwn(table.shape, key) ? table.shape[key] : undefined;
    if (field === undefined) {
      return [];
    }
    const { idle } = metaOf(field);
    const here = [...path, key];
    return typeof idle === 'string' && !asksForNothing(value)
      ? [{ code: 'no-effect' as const, path: here, message: 'has no effect', hint: idle }]
      : idleKeys(field, value, here);
  });
}

function asksForNothing(value: unknown): boolean {
  return value === false || value === '' || (Array.isArray(value) && value.length === 0);
}

/** One finding for all keys of a table that do nothing for the same reason, at the first of them. */
export function together(findings: readonly Finding[]): readonly Finding[] {
  const groups = new Map<string, Finding[]>();
  for (const finding of findings) {
    const key = JSON.stringify([finding.hint, finding.path.slice(0, -1)]);
    groups.set(key, [...(groups.get(key) ?? []), finding]);
  }
  return [...groups.values()].flatMap(([first, ...rest]) => {
    const others = rest.map(({ path }) => String(path.at(-1)));
    const [nor, have] = [listed(others), others.length === 1 ? 'has' : 'have'];
    return first === undefined
      ? []
      : [others.length === 0 ? first : { ...first, message: `has no effect, nor ${have} ${nor}` }];
  });
}
