import { originLabels } from '../../../codec/log-block/origin-labels.ts';
import type { QueueRecord } from '../../../model/batch.ts';

/** Labels of a stream but `stream` itself, which each line says for itself. Keys in order. */
export type StreamLabels = Readonly<Record<string, string>>;

/** More, or longer ones, would fill the header of a block; they are cut. */
const maxLabels = 64;
const maxValueLength = 1024;

/** `originLabels`, cut to what fits. */
export function streamLabelsOf(record: Pick<QueueRecord, 'origin' | 'edits'>): StreamLabels {
  const labels = originLabels(record);
  const names = Object.keys(labels).sort().slice(0, maxLabels);
  return Object.fromEntries(names.map((name) => [name, (labels[name] ?? '').slice(0, maxValueLength)]));
}

/** Equal exactly when the labels are. */
export function streamKey(labels: StreamLabels): string {
  return JSON.stringify(labels);
}

/** The different streams of a partition, by number. */
export class StreamBook {
  readonly list: StreamLabels[] = [];
  readonly #ids = new Map<string, number>();

  id(labels: StreamLabels): number {
    const key = streamKey(labels);
    const known = this.#ids.get(key);
    if (known !== undefined) {
      return known;
    }
    const id = this.list.push(labels) - 1;
    this.#ids.set(key, id);
    return id;
  }

  static of(list: readonly StreamLabels[]): StreamBook {
    const book = new StreamBook();
    for (const labels of list) {
      book.id(labels);
    }
    return book;
  }
}
