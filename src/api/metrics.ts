import type { HttpRoute } from '../contract/http.ts';
import type { StoreReader } from '../contract/store.ts';
import { onlyKnown, rangeOf } from './native-parameters.ts';

export interface MetricsDeps {
  readonly store: StoreReader;
  /** ms since 1970 */
  readonly now: () => number;
}

/** `/api/native/metrics/catalogue`: the metrics that there are (docs/api.md). Bad parameters are 400. */
export function metricsRoutes({ store, now }: MetricsDeps): HttpRoute[] {
  return [
    {
      method: 'GET',
      path: '/api/native/metrics/catalogue',
      listeners: ['main'],
      access: 'reader',
      handle: async ({ query, signal }) => {
        onlyKnown(query, ['start', 'end']);
        const answer = await store.ask({ kind: 'metrics.catalogue', range: rangeOf(query, now()) }, signal);
        const headers = { 'content-type': answer.contentType, 'cache-control': 'no-store' };
        return { status: 200, headers, body: answer.body };
      },
    },
  ];
}
