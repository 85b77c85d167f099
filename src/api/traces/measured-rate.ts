import { BridgeError } from '../../contract/errors.ts';
import type { HttpRoute } from '../../contract/http.ts';
import type { BridgeStatus } from '../../contract/status.ts';
import type { StoreReader } from '../../contract/store.ts';
import { askDoctor, type Sampling, type SamplingUnknown, settledRange } from './doctor.ts';

export type Told = Pick<Sampling, 'rate' | 'unknown' | 'applied'>;

/** Whoever can tell what share of the requests is traced. */
export interface SamplingRate {
  told(signal: AbortSignal): Promise<Told>;
}

export interface MeasuredRateDeps {
  readonly store: StoreReader;
  readonly status: () => BridgeStatus;
  /** ms since 1970 */
  readonly now: () => number;
}

/** A measured rate is told again for so long: it changes slowly. */
const freshMs = 10_000;

/** The sampling rate of the last minutes, to be said beside every number that is derived of spans. */
export class MeasuredRate implements SamplingRate {
  readonly #deps: MeasuredRateDeps;
  #last: { readonly atMs: number; readonly told: Told } | undefined;

  constructor(deps: MeasuredRateDeps) {
    this.#deps = deps;
  }

  async told(signal: AbortSignal): Promise<Told> {
    const { store, status, now } = this.#deps;
    const nowMs = now();
    if (this.#last === undefined || Math.abs(nowMs - this.#last.atMs) >= freshMs) {
      const { sampling } = await askDoctor({ store, status: status() }, settledRange(nowMs), signal);
      const { rate, unknown, applied } = sampling;
      this.#last = { atMs: nowMs, told: { ...(rate !== undefined && { rate }), ...(unknown && { unknown }), applied } };
    }
    return this.#last.told;
  }
}

/** Undefined where it cannot be measured: other numbers are worth having without it. */
export async function toldIfMeasured(sampling: SamplingRate, signal: AbortSignal): Promise<Told | undefined> {
  try {
    return await sampling.told(signal);
  } catch (error) {
    if (error instanceof BridgeError) {
      return undefined;
    }
    throw error;
  }
}

const reasons: Readonly<Record<SamplingUnknown, string>> = {
  noSpans: 'no spans have come in the last minutes',
  noMetrics: 'no istio_requests_total of a gateway is kept here',
  noRequests: 'no requests come from outside just now',
  few: 'too few requests came in the last minutes',
  apart: 'more traces begin than requests are counted',
};

/** One sentence for people, for whom a number would say too much without it. */
export function samplingSentence({ rate, unknown = 'few', applied }: Told): string {
  const share =
    rate === undefined
      ? `what share of the requests is traced is not known (${reasons[unknown]})`
      : `about ${percentText(rate)} of the requests are traced`;
  const thinned = applied
    .filter((one) => one.rate < 1)
    .map((one) => `, and ${one.input} keeps ${percentText(one.rate)}${one.keepsErrors ? ' and all errors' : ''}`);
  return `counted from traces: ${share}${thinned.join('')}`;
}

function percentText(share: number): string {
  return `${Number((share * 100).toPrecision(2))} %`;
}

const header = 'meshbridge-sampling-rate';

/**
 * The same routes; those of service links, whose answers have no room for it, tell the rate in the header
 * `meshbridge-sampling-rate`: 0 to 1, or `unknown` and the reason.
 */
export function withRateHeader(routes: readonly HttpRoute[], sampling: SamplingRate): HttpRoute[] {
  return routes.map((route) => (route.path.endsWith('/dependencies') ? toldInHeader(route, sampling) : route));
}

function toldInHeader(route: HttpRoute, sampling: SamplingRate): HttpRoute {
  return {
    ...route,
    handle: async (request) => {
      const [answer, told] = await Promise.all([route.handle(request), toldIfMeasured(sampling, request.signal)]);
      return told === undefined ? answer : { ...answer, headers: { ...answer.headers, [header]: headerText(told) } };
    },
  };
}

function headerText({ rate, unknown = 'few' }: Told): string {
  return rate === undefined ? `unknown (${unknown})` : String(rate);
}
