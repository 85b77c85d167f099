import type { HttpResponse, HttpRoute } from '../contract/http.ts';
import type { BridgeStatus } from '../contract/status.ts';
import type { StoreReader } from '../contract/store.ts';
import { plainText } from '../http/exchange.ts';

/** A store that holds nothing, for routes that are never asked. */
export const noStore: StoreReader = { ask: () => Promise.reject(new Error('there is no store')) };

/** The routes of a store, where there is none: each says where the data is. */
export function elsewhere(routes: readonly HttpRoute[], status: () => BridgeStatus): HttpRoute[] {
  const handle = async (): Promise<HttpResponse> => plainText(404, whereItIs(status()));
  return routes.map(({ openStream: _, ...route }) => ({ ...route, handle }));
}

function whereItIs({ hub, node }: BridgeStatus): string {
  return hub === undefined
    ? 'No data is kept here: [store] enabled = false. What came in went to the outputs'
    : `No data is kept here: this is the agent of the node ${node}. Its hub has it: ${hub.page}`;
}
