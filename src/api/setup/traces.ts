import { timeText } from '../../lib/words.ts';
import type { SetupFacts } from './facts.ts';
import { type Light, light, named } from './light.ts';
import { istioTracing } from './snippets.ts';
import type { TraceFacts } from './trace-facts.ts';

/** Istio's own page about what applications must pass on names them (docs: distributed tracing, overview). */
const headers =
  'x-request-id, x-b3-traceid, x-b3-spanid, x-b3-parentspanid, x-b3-sampled, x-b3-flags, b3, traceparent, tracestate';

const fewServers = 10;
/** More spans than requests: the requests have not been counted for as long, or not all of them are. */
const mostApart = 1.5;
/** Some services make calls of their own accord, which rightly begin traces. */
const mostLost = 0.1;
const clocks = { goodMs: 100, badMs: 5_000 };

export function spansLight({ status, store }: SetupFacts): Light {
  const id = 'spans';
  const inputs = status.inputs.filter(({ signal }) => signal === 'traces');
  const accepted = inputs.reduce((sum, input) => sum + input.accepted, 0);
  const refused = inputs.flatMap((input) => Object.entries(input.refused));
  const traces = store?.traces;
  if (traces !== undefined && traces.spans > 0) {
    const { spans: count, services, serversWithinMs } = traces;
    const values = { count, within: timeText(serversWithinMs), workloads: services.length, names: named(services) };
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
  const values = { count: accepted, within: timeText(traces.serversWithinMs) };
  return light({
    id,
    state: 'yellow',
    text: 'spansQuiet',
    values,
    snippet: 'istioctl proxy-config bootstrap POD | grep -A3 zipkin',
  });
}

/** Traced requests are those of which a sidecar's span of the server's side is here. */
export function samplingLight({ status, store }: SetupFacts): Light {
  const id = 'sampling';
  if (store === undefined) {
    return light({ id, state: 'unknown', text: 'samplingNoStore' });
  }
  const { traces, requestsPerSecond: requests } = store;
  if (requests === undefined || Number.isNaN(requests)) {
    return light({ id, state: 'unknown', text: 'samplingNoMetrics' });
  }
  if (requests === 0) {
    return light({ id, state: 'unknown', text: 'samplingIdle' });
  }
  if ((traces?.spans ?? 0) === 0) {
    return light({ id, state: 'yellow', text: 'samplingNone', values: { requests }, snippet: istioTracing(status) });
  }
  const { servers, serversWithinMs } = traces ?? { servers: 0, serversWithinMs: 0 };
  if (servers < fewServers || serversWithinMs <= 0) {
    const values = { spans: servers, within: timeText(serversWithinMs) };
    return light({ id, state: 'unknown', text: 'samplingFew', values });
  }
  const spans = (servers * 1000) / serversWithinMs;
  if (spans > requests * mostApart) {
    return light({ id, state: 'unknown', text: 'samplingApart', values: { spans, requests } });
  }
  const percent = Math.min(100, (spans / requests) * 100);
  return light({
    id,
    state: 'green',
    text: 'samplingRate',
    // What is near to all is all: the two are not counted over exactly the same time.
    values: { percent: percent > 85 ? 100 : Number(percent.toPrecision(percent < 1 ? 1 : 2)), spans, requests },
    snippet: 'istioctl install --set meshConfig.defaultConfig.tracing.sampling=100',
  });
}

export function headersLight({ store }: SetupFacts): Light {
  const id = 'headers';
  if (store === undefined) {
    return light({ id, state: 'unknown', text: 'headersNoStore' });
  }
  const all = store.traces?.calls ?? [];
  if (all.length === 0) {
    return light({ id, state: 'unknown', text: 'headersUnknown' });
  }
  const losing = all.filter(({ calls, lost }) => lost > calls * mostLost);
  if (losing.length === 0) {
    return light({ id, state: 'green', text: 'headersPassed', values: { workloads: all.length } });
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
