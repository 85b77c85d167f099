import type { VNode } from 'preact';
import { partsOf } from './marked-parts.ts';

/** A text in which the words that were looked for stand out. */
export function Marked({ text, words }: { readonly text: string; readonly words: readonly string[] }): VNode {
  return <>{partsOf(text, words).map(({ at, part, found }) => (found ? <mark key={at}>{part}</mark> : part))}</>;
}
