/** An item's place in its lane: record, and index among the items of that record. */
export interface LanePlace {
  readonly seq: number;
  readonly index: number;
}

/** Items that follow each other in the lane, both ends included. */
export interface LaneRange {
  readonly first: LanePlace;
  readonly last: LanePlace;
}
