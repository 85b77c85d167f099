/** Whether `path` fits one of the patterns. `*` stands for any run of characters within one part, `?` for one character. */
export function matchesAny(patterns: readonly string[], path: string): boolean {
  return patterns.some((pattern) => matches(pattern.split('/'), path.split('/')));
}

function matches(patterns: readonly string[], parts: readonly string[]): boolean {
  return patterns.length === parts.length && patterns.every((pattern, i) => matchesText(pattern, parts[i] ?? ''));
}

/** Of any text. In time of pattern × text, whatever the pattern: on a mismatch only the last star takes one character more. */
export function matchesText(pattern: string, text: string): boolean {
  let p = 0;
  let t = 0;
  let star = -1;
  let starText = 0;
  while (t < text.length) {
    if (pattern[p] === '*') {
      star = p;
      starText = t;
      p += 1;
    } else if (pattern[p] === '?' || pattern[p] === text[t]) {
      p += 1;
      t += 1;
    } else if (star >= 0) {
      starText += 1;
      p = star + 1;
      t = starText;
    } else {
      return false;
    }
  }
  while (pattern[p] === '*') {
    p += 1;
  }
  return p === pattern.length;
}
