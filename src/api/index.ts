import type { HttpRoute } from '../contract/http.ts';
import type { StoreReader } from '../contract/store.ts';
import { type DemoDeps, demoRoutes } from './demo.ts';
import { elsewhere, noStore } from './elsewhere.ts';
import { type HealthDeps, healthRoutes } from './health.ts';
import { jaegerRoutes } from './jaeger.ts';
import { jaegerGrpcRoutes } from './jaeger-grpc.ts';
import { jaegerV3Routes } from './jaeger-v3.ts';
import { logsRoutes } from './logs.ts';
import { lokiRoutes } from './loki.ts';
import { metricsRoutes } from './metrics.ts';
import { type NativeDeps, nativeRoutes } from './native.ts';
import { pageRoutes } from './page.ts';
import { prometheusRoutes } from './prometheus.ts';
import { rumRoutes } from './rum.ts';
import { setupRoutes } from './setup.ts';
import { type TapDeps, tapRoutes } from './tap.ts';
import { targetsRoutes } from './targets.ts';
import { MeasuredRate, withRateHeader } from './traces/measured-rate.ts';
import { tracesRoutes } from './traces.ts';
import { zipkinRoutes } from './zipkin.ts';
import { zipkinServerRoutes } from './zipkin-server.ts';

export interface ApiDeps extends HealthDeps, NativeDeps, DemoDeps, Partial<TapDeps> {
  /** Where the built page is. */
  readonly pageDir: string;
  /** Absent where the store is off: its routes answer 404 then, and say where the data is. */
  readonly store?: StoreReader;
}

/** Every route that is not an input's. One line per protocol. */
export function apiRoutes(deps: ApiDeps): HttpRoute[] {
  const { store, pageDir, tap } = deps;
  return [
    ...healthRoutes(deps),
    ...zipkinServerRoutes(deps),
    ...nativeRoutes(deps),
    ...demoRoutes(deps),
    ...(tap === undefined ? [] : tapRoutes({ tap })),
    ...targetsRoutes(deps),
    ...setupRoutes(deps),
    ...pageRoutes({ dir: pageDir }),
    ...(store === undefined
      ? elsewhere(storeRoutes({ ...deps, store: noStore }), deps.status)
      : storeRoutes({ ...deps, store })),
  ];
}

function storeRoutes(deps: ApiDeps & { readonly store: StoreReader }): HttpRoute[] {
  const sampling = new MeasuredRate(deps);
  return [
    ...withRateHeader([...zipkinRoutes(deps), ...jaegerRoutes(deps)], sampling),
    ...jaegerV3Routes(deps),
    ...jaegerGrpcRoutes(deps),
    ...prometheusRoutes({ ...deps, sampling }),
    ...metricsRoutes(deps),
    ...logsRoutes(deps),
    ...rumRoutes(deps),
    ...lokiRoutes(deps),
    ...tracesRoutes({ ...deps, sampling }),
  ];
}
