import { RE2JS } from 're2js';
import { LogqlError } from './errors.ts';

/** Of Go's syntax for names of groups, which re2js knows as `(?<name>`. */
function readable(pattern: string): string {
  return pattern.replaceAll('(?P<', '(?<');
}

/** Throws a syntax fault at what is no regular expression of RE2. */
export function compiled(pattern: string): RE2JS {
  try {
    return RE2JS.compile(readable(pattern));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new LogqlError('syntax', `parse error : error parsing regexp: ${reason}`, { cause });
  }
}

/** Texts of which any means that an expression matches, where it is no more than that. */
export function literalsOf(
  pattern: string,
): { readonly texts: readonly string[]; readonly folded: boolean } | undefined {
  const [, fold, rest = ''] = /^(\(\?i\))?(.*)$/s.exec(pattern) ?? [];
  const inner = /^\(([^()]*)\)$/.exec(rest)?.[1] ?? rest;
  const texts = inner.split('|').map((text) => text.replaceAll(/\\([^a-zA-Z0-9])/g, '$1'));
  const plain = inner.replaceAll(/\\[^a-zA-Z0-9]/g, '').replaceAll('|', '');
  const folded = fold !== undefined;
  // Letters with cases of their own are left to the expression.
  if (/[\\^$.*+?()[\]{}]/.test(plain) || texts.includes('') || (folded && !/^[\0-\x7f]*$/.test(plain))) {
    return undefined;
  }
  return { texts, folded };
}

/** Does an expression match somewhere in a text? */
export function partMatch(pattern: string): (text: string) => boolean {
  const literals = literalsOf(pattern);
  if (literals === undefined) {
    const expression = compiled(pattern);
    return (text) => expression.matcher(text).find();
  }
  if (!literals.folded) {
    return (text) => literals.texts.some((each) => text.includes(each));
  }
  const texts = literals.texts.map((text) => text.toLowerCase());
  return (text) => {
    const folded = text.toLowerCase();
    return texts.some((each) => folded.includes(each));
  };
}
