import type { FieldValue } from '../../../model/rum.ts';

/**
 * The values of one key over the points of a page, as JSON: `[values]`, one for each point and null where it is absent; or
 * `[values, places]`, where a place is 0 for absent and else one more than the index in `values`. One number in place of the
 * places means it of every point.
 */
export type ColumnJson =
  | readonly [values: readonly (FieldValue | null)[]]
  | readonly [values: readonly FieldValue[], places: readonly number[] | number];

/** Collects the values of one key, point by point. */
export class ColumnBuilder {
  readonly #values: FieldValue[] = [];
  readonly #known = new Map<FieldValue, number>();
  readonly #places: number[] = [];

  /** `at` grows from call to call; the points between are without it. */
  set(at: number, value: FieldValue): void {
    this.#fill(at);
    let place = this.#known.get(value);
    if (place === undefined) {
      this.#values.push(value);
      place = this.#values.length;
      this.#known.set(value, place);
    }
    this.#places.push(place);
  }

  finish(count: number): ColumnJson {
    this.#fill(count);
    const [first = 0] = this.#places;
    if (this.#places.every((place) => place === first)) {
      return [this.#values, first];
    }
    if (this.#values.length > count / 2) {
      return [this.#places.map((place) => this.#values[place - 1] ?? null)];
    }
    return [this.#values, this.#places];
  }

  #fill(to: number): void {
    while (this.#places.length < to) {
      this.#places.push(0);
    }
  }
}

/** The values of one key, as they are asked for. */
export class Column {
  readonly #values: readonly (FieldValue | null)[];
  readonly #places: readonly number[] | number | undefined;

  constructor([values, places]: ColumnJson) {
    this.#values = values;
    this.#places = places;
  }

  at(point: number): FieldValue | undefined {
    const places = this.#places;
    if (places === undefined) {
      return this.#values[point] ?? undefined;
    }
    const place = typeof places === 'number' ? places : (places[point] ?? 0);
    return place === 0 ? undefined : (this.#values[place - 1] ?? undefined);
  }

  /** `''` where it is absent. */
  text(point: number): string {
    const value = this.at(point);
    return typeof value === 'string' ? value : value === undefined ? '' : String(value);
  }

  /** Also of text that is a number: the SDK's JSON has all numbers as text. */
  number(point: number): number | undefined {
    return numberOf(this.at(point));
  }

  /** Each value that it may have. */
  get values(): readonly (FieldValue | null)[] {
    return this.#values;
  }
}

export const noColumn = new Column([[], 0]);

function numberOf(value: FieldValue | undefined): number | undefined {
  if (typeof value === 'number') {
    return value;
  }
  if (typeof value !== 'string' || !/^-?\d{1,16}(?:\.\d{1,20})?(?:e[+-]?\d{1,3})?$/.test(value)) {
    return undefined;
  }
  return Number(value);
}
