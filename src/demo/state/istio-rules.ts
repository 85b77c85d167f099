/**
 * The part of Istio's `networking.istio.io` objects that the demo acts on, in the shapes of their `spec`
 * (istio.io/latest/docs/reference/config/networking). Durations are ms, percentages 0 to 100.
 */
export interface VirtualService {
  readonly name: string;
  readonly namespace: string;
  /** Short or full names of services; `*` with `gateways` is the ingress. */
  readonly hosts: readonly string[];
  /** Empty: the sidecars (`mesh`). */
  readonly gateways: readonly string[];
  /** The first whose match holds is taken. */
  readonly http: readonly HttpRoute[];
}

export interface HttpRoute {
  /** Any of them; none given: always. */
  readonly match: readonly HttpMatch[];
  readonly route: readonly RouteDestination[];
  readonly fault?: Fault;
  readonly timeoutMs?: number;
  readonly retries?: { readonly attempts: number; readonly perTryTimeoutMs?: number };
}

/** All that is given must hold. */
export interface HttpMatch {
  readonly uri?: StringMatch;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, StringMatch>>;
}

export type StringMatch = { readonly exact: string } | { readonly prefix: string } | { readonly regex: string };

export interface RouteDestination {
  readonly host: string;
  readonly subset?: string;
  readonly port?: number;
  /** Share among the route's destinations; all zero: even. */
  readonly weight: number;
}

/** Acts at the outbound listener of the caller. */
export interface Fault {
  readonly delay?: { readonly percent: number; readonly fixedMs: number };
  readonly abort?: { readonly percent: number; readonly httpStatus: number };
}

export interface DestinationRule {
  readonly name: string;
  readonly namespace: string;
  readonly host: string;
  readonly subsets: readonly { readonly name: string; readonly labels: Readonly<Record<string, string>> }[];
}
