import type { HttpRoute } from '../contract/http.ts';
import type { BridgeStatus } from '../contract/status.ts';
import type { StoreReader } from '../contract/store.ts';
import { onlyKnown } from './native-parameters.ts';
import { gatherFacts, type SetupFacts } from './setup/facts.ts';
import type { Light } from './setup/light.ts';
import { accessLogLight } from './setup/logs.ts';
import { agentsLight, agentsOf, configLight, diskLight, hubLight, outputLights, queueLight } from './setup/machine.ts';
import { histogramsLight, istiodLight, sidecarsLight } from './setup/mesh.ts';
import { rightsLight } from './setup/rights.ts';
import { clockLight, headersLight, samplingLight, spansLight } from './setup/traces.ts';

export interface SetupDeps {
  readonly status: () => BridgeStatus;
  readonly store?: StoreReader;
}

/** What the store was asked is asked again after this long: several pages may look at once. */
const freshMs = 3_000;

/** All lights, in the order in which a set-up comes to life. */
export function setupLights(facts: SetupFacts): readonly Light[] {
  const clocks = agentsOf(facts.status).flatMap(({ node, skewMs }) => (skewMs === undefined ? [] : [{ node, skewMs }]));
  return [
    agentsLight(facts),
    hubLight(facts),
    rightsLight(facts),
    sidecarsLight(facts),
    istiodLight(facts),
    histogramsLight(facts),
    spansLight(facts),
    samplingLight(facts),
    headersLight(facts),
    clockLight(facts, clocks),
    accessLogLight(facts),
    ...outputLights(facts),
    queueLight(facts),
    diskLight(facts),
    configLight(facts),
  ];
}

/** `/api/native/setup` (docs/doctor.md): what a whole set-up needs, each as a light with what turns it green. */
export function setupRoutes({ status, store }: SetupDeps): HttpRoute[] {
  const asking = new FreshFacts(status, store);
  return [
    {
      method: 'GET',
      path: '/api/native/setup',
      listeners: ['main'],
      access: 'reader',
      handle: async ({ query }) => {
        onlyKnown(query, []);
        const facts = await asking.facts();
        const { nowMs, node, version } = facts.status;
        return {
          status: 200,
          headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
          body: JSON.stringify({ nowMs, node, version, lights: setupLights(facts) }),
        };
      },
    },
  ];
}

class FreshFacts {
  readonly #status: () => BridgeStatus;
  readonly #store: StoreReader | undefined;
  #last: { readonly atMs: number; readonly facts: Promise<SetupFacts> } | undefined;

  constructor(status: () => BridgeStatus, store: StoreReader | undefined) {
    this.#status = status;
    this.#store = store;
  }

  /** The store's part may be some seconds old; the status never is. */
  async facts(): Promise<SetupFacts> {
    const now = this.#status();
    if (this.#last === undefined || Math.abs(now.nowMs - this.#last.atMs) >= freshMs) {
      // Several may wait for it: none of them ends it for the others.
      const facts = gatherFacts(now, this.#store, AbortSignal.timeout(storePatienceMs));
      this.#last = { atMs: now.nowMs, facts };
    }
    const { store } = await this.#last.facts;
    return { ...(await gatherFacts(now, undefined, AbortSignal.abort())), ...(store && { store }) };
  }
}

const storePatienceMs = 20_000;
