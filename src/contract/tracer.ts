/** What a span of the daemon about itself says. */
export interface OwnSpanFacts {
  /** Of few different values: `POST /api/v2/spans`, not an address. */
  readonly name: string;
  /** `server`: a request that came in. `client`: one that goes out. `internal`: anything else. */
  readonly kind: 'server' | 'client' | 'internal';
  readonly attributes?: Readonly<Record<string, string | number>>;
}

export interface OwnSpan {
  set(key: string, value: string | number): void;
  /** It did not do what it was for. A span whose work rejects fails by itself. */
  fail(reason: string): void;
}

/** The daemon's own spans. There where `[tracing]` asks for them, and nowhere else: without it none of this costs anything. */
export interface Tracer {
  /** Calls `work` at once. The span ends when that does; spans that begin meanwhile on its behalf are below it. */
  span<T>(facts: OwnSpanFacts, work: (span: OwnSpan) => Promise<T>): Promise<T>;
  /** Calls `work` at once, and makes no spans of what is done on its behalf: it is about such spans themselves. */
  quietly<T>(work: () => Promise<T>): Promise<T>;
  /** Whether these bytes hold own spans of whatever meshbridge, in whatever format that is not compressed. */
  isOwn(bytes: Uint8Array): boolean;
}
