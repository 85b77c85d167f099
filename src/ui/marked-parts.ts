export interface TextPart {
  /** Where it begins. */
  readonly at: number;
  readonly part: string;
  readonly found: boolean;
}

/** Cuts a text where one of the words stands, in letters of either case; the parts together are the text. */
export function partsOf(text: string, words: readonly string[]): readonly TextPart[] {
  if (words.length === 0) {
    return [{ at: 0, part: text, found: false }];
  }
  const pattern = words
    .toSorted((a, b) => b.length - a.length)
    .map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('|');
  const parts: TextPart[] = [];
  let end = 0;
  for (const found of text.matchAll(new RegExp(pattern, 'giu'))) {
    if (found.index > end) {
      parts.push({ at: end, part: text.slice(end, found.index), found: false });
    }
    parts.push({ at: found.index, part: found[0], found: true });
    end = found.index + found[0].length;
  }
  return end < text.length ? [...parts, { at: end, part: text.slice(end), found: false }] : parts;
}
