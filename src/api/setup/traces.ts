import { timeText } from '../../lib/words.ts';
import type { SetupFacts } from './facts.ts';
import { type Light, light, named } from './light.ts';
import { istioTracing } from './snippets.ts';
import type { TraceFacts } from './trace-facts.ts';

/** Istio's own page about what applications must pass on names them (docs: distributed tracing, overview). */
const headers =
  'x-request-id, x-b3-traceid, x-b3-spanid, x-b3-parentspanid, x-b3-sampled, x-b3-flags, b3, traceparent, tracestate';

const clocks = { goodMs: 100, badMs: 5_000 };

export function spansLight({ status, store }: SetupFacts): Light {
  const id = 'spans';
  const inputs = status.inputs.filter(({ signal }) => signal === 'traces');
  const accepted = inputs.reduce((sum, input) => sum + input.accepted, 0);
  const refused = inputs.flatMap((input) => Object.entries(input.refused));
  const traces = store?.traces;
  if (traces !== undefined && traces.spans > 0) {
    const { spans: count, services, withinMs } = traces;
    const values = { count, within: timeText(withinMs), workloads: services.length, names: named(services) };
    return light({ id, state: 'green', text: 'spansArriving', values });
  }
  if (accepted === 0 && refused.length > 0) {
    const values = {
      refused: refused.reduce((sum, [, count]) => sum + count, 0),
      reason: refused.map(([reason]) => reason).join(', '),
    };
    return light({ id, state: 'red', text: 'spansRefused', values });
  }
  if (accepted === 0) {
    return light({ id, state: 'yellow', text: 'spansNone', snippet: istioTracing(status) });
  }
  if (traces === undefined) {
    return light({ id, state: 'green', text: 'spansCounted', values: { count: accepted } });
  }
  const values = { count: accepted, within: timeText(traces.withinMs) };
  return light({
    id,
    state: 'yellow',
    text: 'spansQuiet',
    values,
    snippet: 'istioctl proxy-config bootstrap POD | grep -A3 zipkin',
  });
}

/** Why the rate is not known → what is said. */
const unknownTexts = {
  noSpans: 'samplingIdle',
  noMetrics: 'samplingNoMetrics',
  noRequests: 'samplingIdle',
  few: 'samplingFew',
  apart: 'samplingApart',
} as const;

/** Traced requests are those whose trace begins at a gateway, or at a workload that is called from outside. */
export function samplingLight({ status, store }: SetupFacts): Light {
  const id = 'sampling';
  if (store === undefined) {
    return light({ id, state: 'unknown', text: 'samplingNoStore' });
  }
  const { doctor } = store;
  if (doctor === undefined) {
    return light({ id, state: 'unknown', text: 'samplingNoMetrics' });
  }
  const { rate, unknown, roots, requests: counted } = doctor.sampling;
  const requests = Math.round(counted);
  const within = timeText(doctor.endMs - doctor.startMs);
  if (requests > 0 && (rate === 0 || unknown === 'noSpans')) {
    const values = { requests, within };
    return light({ id, state: 'yellow', text: 'samplingNone', values, snippet: istioTracing(status) });
  }
  if (rate === undefined) {
    const values = { roots, requests, within };
    return light({ id, state: 'unknown', text: unknownTexts[unknown ?? 'few'], values });
  }
  const percent = rate * 100;
  return light({
    id,
    state: 'green',
    text: 'samplingRate',
    // What is near to all is all: the two are not counted over exactly the same time.
    values: {
      percent: percent > 85 ? 100 : Number(percent.toPrecision(percent < 1 ? 1 : 2)),
      ...{ roots, requests, within },
    },
    snippet: samplingSnippet,
  });
}

const samplingSnippet = [
  'istioctl install --set meshConfig.defaultConfig.tracing.sampling=100',
  '# or, of istiod: --set values.pilot.traceSampling=100 (PILOT_TRACE_SAMPLING)',
  '# or a Telemetry of telemetry.istio.io/v1, which goes before both:',
  '#   spec: { tracing: [{ randomSamplingPercentage: 100 }] }',
  '# and then, for pods take it over when they start:',
  'kubectl rollout restart deployment -n NAMESPACE',
].join('\n');

export function headersLight({ store }: SetupFacts): Light {
  const id = 'headers';
  if (store === undefined) {
    return light({ id, state: 'unknown', text: 'headersNoStore' });
  }
  const judged = (store.doctor?.propagation ?? []).filter(({ verdict }) => verdict !== 'few');
  if (judged.length === 0) {
    return light({ id, state: 'unknown', text: 'headersUnknown' });
  }
  const losing = judged.filter(({ verdict }) => verdict === 'loses');
  if (losing.length === 0) {
    return light({ id, state: 'green', text: 'headersPassed', values: { workloads: judged.length } });
  }
  const values = {
    names: named(losing.map(({ service }) => service)),
    lost: losing.reduce((sum, { lost }) => sum + lost, 0),
    calls: losing.reduce((sum, { calls }) => sum + calls, 0),
    headers,
  };
  return light({ id, state: 'yellow', text: 'headersLost', values });
}

/** What agents say of their clocks counts before what spans show. */
export function clockLight({ status, store }: SetupFacts, agents: readonly AgentClock[]): Light {
  const id = 'clock';
  const snippet = 'timedatectl status';
  const worstAgent = agents.toSorted((a, b) => Math.abs(b.skewMs) - Math.abs(a.skewMs))[0];
  if (worstAgent !== undefined && Math.abs(worstAgent.skewMs) > clocks.goodMs) {
    const { node, skewMs } = worstAgent;
    const values = { late: node, by: timeText(Math.abs(skewMs)) };
    return light({ id, state: stateOf(skewMs), text: 'clockAgent', values, snippet });
  }
  const seen = store?.traces === undefined ? undefined : clockOfSpans(store.traces, snippet);
  if (seen !== undefined && seen.state !== 'unknown') {
    return seen;
  }
  if (worstAgent !== undefined) {
    const values = { agents: agents.length, most: timeText(Math.abs(worstAgent.skewMs)) };
    return light({ id, state: 'green', text: 'clockAgents', values });
  }
  return seen ?? light({ id, state: 'unknown', text: status.store === undefined ? 'clockNoStore' : 'clockUnknown' });
}

export interface AgentClock {
  readonly node: string;
  readonly skewMs: number;
}

function clockOfSpans({ ahead, pairs }: TraceFacts, snippet: string): Light {
  const id = 'clock';
  if (ahead !== undefined && ahead.byMs > clocks.goodMs) {
    const values = { late: ahead.service, by: timeText(ahead.byMs) };
    return light({ id, state: stateOf(ahead.byMs), text: 'clockAhead', values, snippet });
  }
  const worst = pairs.toSorted((a, b) => Math.abs(b.aheadMs) - Math.abs(a.aheadMs))[0];
  if (worst === undefined) {
    return light({ id, state: 'unknown', text: 'clockUnknown' });
  }
  const by = timeText(Math.abs(worst.aheadMs));
  return Math.abs(worst.aheadMs) > clocks.goodMs
    ? light({
        id,
        state: stateOf(worst.aheadMs),
        text: 'clockSkew',
        values: { late: worst.server, early: worst.client, by },
        snippet,
      })
    : light({
        id,
        state: 'green',
        text: 'clockAgrees',
        values: { pairs: pairs.length, most: timeText(Math.max(1, Math.abs(worst.aheadMs))) },
      });
}

function stateOf(ms: number): 'yellow' | 'red' {
  return Math.abs(ms) > clocks.badMs ? 'red' : 'yellow';
}
