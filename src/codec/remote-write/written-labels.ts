import { compareBytes } from '../metric-frame/metric-frame.ts';

export type Label = readonly [name: string, value: string];

/** As it came: a text that is not UTF-8 is undefined, and a value that is missing is not there. */
export type WrittenLabel = readonly [name: string | undefined, value?: string | undefined];

/** A series as `Series` names it. */
export interface NamedLabels {
  readonly name: string;
  /** Sorted by name in byte order, without `__name__`, no empty values. */
  readonly labels: readonly Label[];
}

/** Why the labels name no series; the sentence says it of which one, as far as that is known. */
export interface SeriesFault {
  readonly fault: string;
}

/** In any order. Labels that are one object stay one. */
export function labelsFrom(written: readonly WrittenLabel[]): NamedLabels | SeriesFault {
  const labels: Label[] = [];
  let name: string | undefined;
  let isSorted = true;
  for (const label of written) {
    if (!isRead(label)) {
      return { fault: faultOf(label, written) };
    }
    const [key, value] = label;
    if (key === '__name__' && name === undefined) {
      name = value;
    } else {
      isSorted &&= labels.length === 0 || compareBytes(labels.at(-1)?.[0] ?? '', key) < 0;
      labels.push(label);
    }
  }
  if (name === undefined || name === '') {
    return { fault: `a series has no name (__name__): ${shown(labels)}` };
  }
  if (!isSorted) {
    labels.sort(([a], [b]) => compareBytes(a, b));
  }
  const fault = faultAmong(name, labels);
  return fault === undefined ? { name, labels: withoutEmpty(labels) } : { fault };
}

function withoutEmpty(labels: readonly Label[]): readonly Label[] {
  return labels.some(([, value]) => value === '') ? labels.filter(([, value]) => value !== '') : labels;
}

/** `labels` are sorted; a second `__name__` is among them. */
function faultAmong(name: string, labels: readonly Label[]): string | undefined {
  const twice = labels.find(([key], i) => key === '__name__' || key === labels[i - 1]?.[0])?.[0];
  if (twice !== undefined) {
    return `the series ${name}${shown(labels)} has the label ${JSON.stringify(twice)} twice`;
  }
  return labels[0]?.[0] === '' ? `the series ${name}${shown(labels)} has a label without a name` : undefined;
}

function isRead(label: WrittenLabel): label is Label {
  return label[0] !== undefined && label[1] !== undefined;
}

function faultOf(label: WrittenLabel, written: readonly WrittenLabel[]): string {
  const [key] = label;
  if (label.length === 1) {
    return `a series has a label without a value: ${JSON.stringify(key ?? '')}`;
  }
  const name = written.find(([other]) => other === '__name__')?.[1] ?? '';
  const where = key === undefined ? 'the name of a label' : `the value of the label ${JSON.stringify(key)}`;
  return `${where} of the series ${JSON.stringify(name)} is not UTF-8`;
}

const mostShown = 5;

function shown(labels: readonly Label[]): string {
  const text = labels.slice(0, mostShown).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return `{${text.join(',')}${labels.length > mostShown ? ',…' : ''}}`;
}
