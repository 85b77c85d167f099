import type { VNode } from 'preact';
import { usePolled, useSay } from './hooks.ts';
import { hashOf } from './route.ts';
import { ServiceGraph } from './service-graph.tsx';
import { anyService } from './service-search.ts';
import { loadGraph } from './services-api.ts';
import { ranges, usualRange } from './time-span.ts';
import { TraceDoctor } from './trace-doctor.tsx';

/** The service graph of the last minutes, where traces show one. */
export function MeshNow({ live }: { readonly live: boolean }): VNode | null {
  const say = useSay();
  const graph = usePolled(
    (signal) => {
      const endMs = Date.now();
      return loadGraph({ startMs: endMs - ranges[usualRange], endMs }, signal);
    },
    { everyMs: 10_000, key: 'mesh', paused: !live },
  );
  if (graph.value === undefined || graph.value.edges.length === 0) {
    return null;
  }
  return (
    <section class="mesh-now">
      <h2>
        {say('serviceGraph')} <a href={hashOf({ page: 'services', search: anyService })}>{say('showGraph')}</a>
      </h2>
      <TraceDoctor live={live} />
      <ServiceGraph graph={graph.value} time={{}} />
    </section>
  );
}
