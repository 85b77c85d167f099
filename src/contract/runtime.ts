import type { RetryCause } from './retry-cause.ts';
import type { Tracer } from './tracer.ts';

/** Time, so that tests can hold it. */
export interface Clock {
  /** ms since 1970. */
  now(): number;
  /**
   * ms since some moment of this process; setting the clock does not move it, and it stands while the machine sleeps.
   * A clock without it takes `now` for it.
   */
  steady?(): number;
  /** Resolves after `ms`; rejects with the signal's reason when it is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** A static sentence, with the values as fields. `warn`: nothing was lost. `error`: data was lost, or a human is needed. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** A number that only grows. Label values are given when it is made: a hot loop only adds. */
export interface Counter {
  add(count: number): void;
  readonly value: number;
}

export interface Gauge {
  set(value: number): void;
}

/** Own metrics beyond those that the host counts for every component. Names begin with `meshbridge_`. */
export interface Meter {
  counter(name: string, help: string, labels?: Readonly<Record<string, string>>): Counter;
  gauge(name: string, help: string, labels?: Readonly<Record<string, string>>): Gauge;
}

/** All that a component may reach; nothing else is global. */
export interface Runtime {
  /** Such as `inputs.zipkin[0]`: field of its log lines. For an output, its name is in `name`. */
  readonly id: string;
  readonly log: Logger;
  readonly clock: Clock;
  readonly meter: Meter;
  /** Where relative paths of the configuration start. */
  readonly dataDir: string;
  /** The daemon's own spans, where they are on. */
  readonly tracer?: Tracer;
  /** Name and version for User-Agent headers. */
  readonly userAgent: string;
  /** Of this process and no other: what is sent with it and comes back has gone round in a circle. */
  readonly instance: string;
}

export type Health =
  | { readonly ok: true }
  /** `reason` is the sentence for people; `cause` tells what to look at. */
  | { readonly ok: false; readonly reason: string; readonly cause?: RetryCause };
