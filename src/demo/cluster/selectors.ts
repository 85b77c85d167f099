const term = /^\s*([^\s=!]+)\s*(?:(==|=|!=)\s*([^\s]*)|(in|notin)\s*\(([^)]*)\))?\s*$/;
const absent = /^\s*!\s*([^\s=!]+)\s*$/;

/**
 * Whether a selector of Kubernetes holds: `a=b,c!=d,e in (f,g),h,!i`. Fields have `=` and `!=` alone. `get` of a name that is
 * not there is undefined.
 */
export function hasLabels(selector: string, get: (name: string) => unknown): boolean {
  return termsOf(selector).every((one) => holds(one, get));
}

/** Commas within brackets are between values. */
function termsOf(selector: string): readonly string[] {
  return selector.split(/,(?![^(]*\))/).filter((one) => one.trim() !== '');
}

function holds(one: string, get: (name: string) => unknown): boolean {
  const [, gone] = absent.exec(one) ?? [];
  if (gone !== undefined) {
    return get(gone) === undefined;
  }
  const [, name = '', sign, value, inSign, values = ''] = term.exec(one) ?? [];
  const found = get(name);
  if (inSign !== undefined) {
    const isIn = values.split(',').some((candidate) => candidate.trim() === found);
    return isIn === (inSign === 'in');
  }
  if (sign === undefined) {
    return found !== undefined;
  }
  return (found === value) === (sign !== '!=');
}
