import type { HttpRoute } from '../contract/http.ts';
import type { BridgeStatus } from '../contract/status.ts';

export interface NativeDeps {
  readonly status: () => BridgeStatus;
  /** The page of `/metrics`, text format 0.0.4. */
  readonly renderMetrics: () => Promise<string>;
}

/** What the process says about itself: `/api/native/status` and `/metrics`. */
export function nativeRoutes(deps: NativeDeps): HttpRoute[] {
  return [
    {
      method: 'GET',
      path: '/api/native/status',
      listeners: ['main'],
      access: 'reader',
      handle: async () => ({
        status: 200,
        headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
        body: JSON.stringify(deps.status()),
      }),
    },
    {
      method: 'GET',
      path: '/metrics',
      listeners: ['main'],
      access: 'reader',
      handle: async () => ({
        status: 200,
        headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' },
        body: await deps.renderMetrics(),
      }),
    },
  ];
}
