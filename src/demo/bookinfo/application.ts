import type { IncomingHttpHeaders } from 'node:http';
import type { Answer } from '../mesh/http-get.ts';
import type { Place } from '../mesh/place.ts';
import type { Workload } from '../mesh/topology.ts';
import type { DemoState } from '../state/demo-state.ts';

export interface Reply {
  readonly status: number;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
  /** What went wrong behind an answer that is good all the same; for the log. */
  readonly problem?: string;
}

export interface Call {
  readonly service: string;
  readonly path: string;
  readonly withinMs: number;
  /** Beside those that are passed on, and in their place; undefined: not that one. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
}

export interface Visit {
  readonly path: string;
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** Asks another service by way of the own sidecar. Undefined where no answer came in time. */
  call(call: Call): Promise<Answer | undefined>;
}

/** What the application of a pod does. It writes its log lines itself, as each language does in its own way. */
export interface Application {
  answer(visit: Visit): Promise<Reply>;
  /** Called when the reply has gone out. */
  served(visit: Visit, reply: Reply, durationMs: number): void;
  /** What it does unasked, until `stop`. */
  start?(out: WaysOut): void;
  stop?(): Promise<void>;
}

/** Where the own sidecar takes what goes out. */
export interface WaysOut {
  readonly http: Place;
  readonly tcp: Place;
}

export type WriteLine = (stream: 'stdout' | 'stderr', line: string) => void;

/** What of the demo's state the applications act on. */
export type Conditions = Pick<DemoState, 'timeoutsRepaired' | 'appsWithoutTraceHeaders'>;

export interface AppContext {
  readonly workload: Workload;
  readonly write: WriteLine;
  /** As they are now. */
  readonly conditions: () => Conditions;
}

export type MakeApplication = (context: AppContext) => Application;

export function json(status: number, body: object): Reply {
  return { status, body: JSON.stringify(body) };
}

/** The number at the end of a path; undefined where there is none. */
export function numberIn(path: string): number | undefined {
  const digits = /\/(\d+)(?:\/\w+)?$/.exec(path)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
