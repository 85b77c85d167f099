/** Where a block's record stands in its file. */
export interface BlockPlace {
  readonly offset: number;
  readonly headerBytes: number;
  readonly payloadBytes: number;
}

/** A block on its way to disk. */
export interface PackedBlock<S> {
  readonly summary: S;
  readonly payload: Buffer;
}

/** A block on disk: where it stands, and what its header says. */
export interface FoundBlock<S> {
  readonly place: BlockPlace;
  readonly summary: S;
}

/** How one signal keeps its blocks: `S` is what is known of a block without inflating it, the header of its record. */
export interface BlockFormat<S> {
  /** What the items are called in a message: "spans". */
  readonly noun: string;
  itemsOf(summary: S): number;
  /** The whole header; begins with `blockHead`. At most `maxHeaderBytes` of `record/frame.ts`. */
  encode(summary: S, nonce: number): Buffer;
  /** May keep views of `header`. Throws BRIDGE_CORRUPT. */
  decode(header: Buffer): S;
}
