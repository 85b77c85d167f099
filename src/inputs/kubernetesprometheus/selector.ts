/** Whether labels are those of an object that is meant. */
export type Selector = (labels: Readonly<Record<string, string>>) => boolean;

const name = '[A-Za-z0-9](?:[\\w./-]*[A-Za-z0-9])?';
const exists = new RegExp(`^(!?)\\s*(${name})$`);
const compared = new RegExp(`^(${name})\\s*(==|=|!=|>|<)\\s*([^\\s=!<>]*)$`);
const listed = new RegExp(`^(${name})\\s+(in|notin)\\s*\\(([^()]*)\\)$`);

/**
 * Reads a selector as kubectl does: `a=b,c!=d,e in (f,g),h notin (i),j,!k,l>1`. As in DataKit, `*` and `?` in a value stand
 * for characters. Undefined where it is none.
 */
export function parseSelector(text: string): Selector | undefined {
  const parts = text.trim() === '' ? [] : text.split(/,(?![^()]*\))/).map((part) => requirement(part.trim()));
  return parts.some((part) => part === undefined)
    ? undefined
    : (labels) => parts.every((part) => part?.(labels) === true);
}

function requirement(text: string): Selector | undefined {
  const [, not, key = ''] = exists.exec(text) ?? [];
  if (not !== undefined) {
    return (labels) => Object.hasOwn(labels, key) === (not === '');
  }
  const [, compareKey = '', operator, value = ''] = compared.exec(text) ?? [];
  if (operator === '>' || operator === '<') {
    return /^-?\d+$/.test(value) ? (labels) => isBeyond(labels[compareKey], operator, Number(value)) : undefined;
  }
  if (operator !== undefined) {
    return among(compareKey, [value], operator === '!=' ? 'none' : 'some');
  }
  const [, listKey = '', word, values = ''] = listed.exec(text) ?? [];
  const all = values.split(',').map((one) => one.trim());
  return word === undefined ? undefined : among(listKey, all, word === 'notin' ? 'none' : 'some');
}

/** An object without the label is one whose label is none of the values. */
function among(key: string, values: readonly string[], how: 'some' | 'none'): Selector {
  const patterns = values.map(globPattern);
  return (labels) => {
    const value = labels[key];
    return (value !== undefined && patterns.some((pattern) => pattern.test(value))) === (how === 'some');
  };
}

function isBeyond(value: string | undefined, operator: '>' | '<', limit: number): boolean {
  if (value === undefined || !/^-?\d+$/.test(value)) {
    return false;
  }
  return operator === '>' ? Number(value) > limit : Number(value) < limit;
}

function globPattern(glob: string): RegExp {
  const escaped = glob.replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`);
  return new RegExp(`^${escaped.replaceAll(/\*+/g, '.*').replaceAll('?', '.')}$`, 's');
}
