export type FieldValue = number | string | boolean;

/** One point of line protocol: what browsers send (DataKit's browser SDK). */
export interface RumPoint {
  readonly measurement: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly fields: Readonly<Record<string, FieldValue>>;
  /** ns since 1970. */
  readonly timeNanos: bigint;
}
