/** Synchronous and pure. */
export interface Decoder<T> {
  /** Throws BRIDGE_DECODE with a message that says where, and nothing else. */
  decode(bytes: Uint8Array): T;
}

export interface Encoder<T> {
  readonly contentType: string;
  encode(value: T): Uint8Array;
}

export interface Codec<T> extends Decoder<T>, Encoder<T> {}
