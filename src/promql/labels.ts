import type { Samples } from './source.ts';

/** With `__name__`, sorted by name in byte order, no empty values. */
export type Labels = Samples['labels'];

export const metricName = '__name__';

export function labelValue(labels: Labels, name: string): string {
  for (const [key, value] of labels) {
    if (key === name) {
      return value;
    }
  }
  return '';
}

/** Equal keys mean equal labels, whatever the values hold. */
export function labelKey(labels: Labels): string {
  let key = '';
  for (const [name, value] of labels) {
    key += `${name}\0${value.length}:${value}`;
  }
  return key;
}

export function keepLabels(labels: Labels, names: ReadonlySet<string>): Labels {
  return labels.filter(([name]) => names.has(name));
}

export function dropLabels(labels: Labels, names: ReadonlySet<string>): Labels {
  return labels.filter(([name]) => !names.has(name));
}

export function dropName(labels: Labels): Labels {
  return labels.some(([name]) => name === metricName) ? labels.filter(([name]) => name !== metricName) : labels;
}

/** Sets a label, or removes it when the value is empty. */
export function withLabel(labels: Labels, name: string, value: string): Labels {
  const rest = labels.filter(([key]) => key !== name);
  if (value === '') {
    return rest;
  }
  const at = rest.findIndex(([key]) => inByteOrder(key, name) > 0);
  return at < 0 ? [...rest, [name, value]] : [...rest.slice(0, at), [name, value], ...rest.slice(at)];
}

/** As Prometheus sorts series: name by name, value by value, then the shorter first. */
export function compareLabels(a: Labels, b: Labels): number {
  for (const [index, [name, value]] of a.entries()) {
    const other = b[index];
    if (other === undefined) {
      return 1;
    }
    const order = inByteOrder(name, other[0]) || inByteOrder(value, other[1]);
    if (order !== 0) {
      return order;
    }
  }
  return a.length - b.length;
}

/** As Prometheus shows labels in messages: `{__name__="x", a="b"}`. */
export function labelsText(labels: Labels): string {
  return `{${labels.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(', ')}}`;
}

/** By UTF-8 bytes, which is by code point; UTF-16 units differ from that where surrogates meet U+E000 and above. */
export function inByteOrder(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at += 1) {
    const one = a.charCodeAt(at);
    const two = b.charCodeAt(at);
    if (one !== two) {
      return Number(isSurrogate(one)) - Number(isSurrogate(two)) || one - two;
    }
  }
  return a.length - b.length;
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd8_00 && unit <= 0xdf_ff;
}
