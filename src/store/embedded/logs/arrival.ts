/** A line's place in the order of arrival: when the lane took its record, the record, and the index within it. No two lines have the same. */
export interface Arrival {
  readonly ms: number;
  readonly seq: number;
  readonly index: number;
}

/** Below 0 when `a` came before `b`. */
export function compareArrivals(a: Arrival, b: Arrival): number {
  return a.ms - b.ms || a.seq - b.seq || a.index - b.index;
}

export function laterOf(a: Arrival | undefined, b: Arrival): Arrival {
  return a === undefined || compareArrivals(b, a) > 0 ? b : a;
}

/** `<ms>-<seq>-<index>`: the id of a line in answers, and the cursor of a tail. */
export function arrivalText({ ms, seq, index }: Arrival): string {
  return `${ms}-${seq}-${index}`;
}

/** Undefined when it is not the text of one. */
export function parseArrival(text: string): Arrival | undefined {
  const parts = /^(\d{1,16})-(\d{1,16})-(\d{1,10})$/.exec(text);
  return parts === null ? undefined : { ms: Number(parts[1]), seq: Number(parts[2]), index: Number(parts[3]) };
}
