import type { VNode } from 'preact';
import { useMemo } from 'preact/hooks';
import { countText, durationText, fewText } from './format.ts';
import { usePolled, useSay } from './hooks.ts';
import { type Go, hashOf } from './route.ts';
import { ServiceGraph } from './service-graph.tsx';
import type { ServiceSearch } from './service-search.ts';
import { type GraphView, loadGraph, loadOperations, type OperationView, type ServiceNode } from './services-api.ts';
import './services.css';
import { TimePicker } from './time-picker.tsx';
import { aligned, type Bounds, boundsOf, isMoving, type TimeSpan } from './time-span.ts';
import { percentText, SamplingNote } from './trace-doctor.tsx';
import { anySearch } from './trace-search.ts';
import { TraceTabs, timeOf } from './trace-tabs.tsx';

const everyMs = 10_000;

interface ServicesPageProps {
  readonly search: ServiceSearch;
  readonly go: Go;
  readonly live: boolean;
}

/** Who calls whom, how often, how well and how fast, counted from traces. */
export function ServicesPage({ search, go, live }: ServicesPageProps): VNode {
  const say = useSay();
  const time = timeOf(search);
  const graph = usePolled((signal) => loadGraph(boundsNow(search), signal), {
    everyMs,
    key: JSON.stringify(time),
    paused: !live || !isMoving(search),
  });
  const choose = (service: string): void => go({ page: 'services', search: { ...search, service } }, 'replace');
  return (
    <div class="services-page">
      <TraceTabs current="services" time={time} />
      <form class="filter" onSubmit={(event) => event.preventDefault()}>
        <TimePicker
          span={search}
          onSpan={(span) => go({ page: 'services', search: { ...withoutTime(search), ...span } })}
        />
      </form>
      {graph.value === undefined && (
        <p class="empty">{graph.error instanceof Error ? graph.error.message : say('loading')}</p>
      )}
      {graph.value !== undefined && <SamplingNote sampling={graph.value.sampling} />}
      {graph.value !== undefined && graph.value.nodes.length === 0 && (
        <p class="empty">
          <b>{say('noCalls')}</b> {say('noCallsWiden')}
        </p>
      )}
      {graph.value !== undefined && graph.value.nodes.length > 0 && (
        <>
          <ServiceGraph graph={graph.value} time={time} chosen={search.service} onChoose={choose} />
          {search.service !== '' && <Operations search={search} live={live} />}
          <Services graph={graph.value} time={time} onChoose={choose} />
        </>
      )}
    </div>
  );
}

function withoutTime({ service, range }: ServiceSearch): ServiceSearch {
  return { service, range };
}

/** Whole minutes: so they are counted. */
function boundsNow(search: TimeSpan): Bounds {
  const { startMs, endMs } = boundsOf(search, Date.now());
  return { startMs: aligned({ startMs, endMs }, 60_000).startMs, endMs };
}

interface ServicesProps {
  readonly graph: GraphView;
  readonly time: TimeSpan;
  readonly onChoose: (service: string) => void;
}

function Services({ graph, time, onChoose }: ServicesProps): VNode {
  const say = useSay();
  const nodes = useMemo(() => graph.nodes.toSorted((a, b) => b.calls - a.calls), [graph]);
  return (
    <div class="table-scroll">
      <table>
        <thead>
          <tr>
            <th>{say('services')}</th>
            <Heads />
            <th />
          </tr>
        </thead>
        <tbody>
          {nodes.map((node) => (
            <tr key={node.service} data-service={node.service}>
              <td>
                <button type="button" class="quiet" onClick={() => onChoose(node.service)}>
                  {node.service}
                </button>
              </td>
              <Cells counted={node} seconds={graph.seconds} />
              <td>
                <a href={hashOf({ page: 'traces', search: { ...anySearch, ...time, service: node.service } })}>
                  {say('traces')}
                </a>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Operations({ search, live }: { readonly search: ServiceSearch; readonly live: boolean }): VNode {
  const say = useSay();
  const { service } = search;
  const found = usePolled((signal) => loadOperations(boundsNow(search), service, signal), {
    everyMs,
    key: JSON.stringify(search),
    paused: !live || !isMoving(search),
  });
  const time = timeOf(search);
  const hash = ({ name, errors }: OperationView): string =>
    hashOf({ page: 'traces', search: { ...anySearch, ...time, service, span: name, errors: errors > 0 } });
  return (
    <section data-operations={service}>
      <h2>{say('operationsOf', { service })}</h2>
      <div class="table-scroll">
        <table>
          <thead>
            <tr>
              <th>{say('operation')}</th>
              <th>{say('spanKind')}</th>
              <Heads />
            </tr>
          </thead>
          <tbody>
            {(found.value?.operations ?? []).map((operation) => (
              <tr key={`${operation.kind} ${operation.name}`}>
                <td>
                  <a href={hash(operation)}>{operation.name === '' ? say('unknownSpan') : operation.name}</a>
                </td>
                <td class="muted">{operation.kind.toLowerCase()}</td>
                <Cells counted={operation} seconds={found.value?.seconds ?? 1} />
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Heads(): VNode {
  const say = useSay();
  return (
    <>
      <th>{say('callsPerSecond')}</th>
      <th>{say('errorShare')}</th>
      <th>{say('p50')}</th>
      <th>{say('p95')}</th>
      <th>{say('p99')}</th>
    </>
  );
}

type Counted = Omit<ServiceNode, 'service'>;

function Cells({ counted, seconds }: { readonly counted: Counted; readonly seconds: number }): VNode {
  const { calls, errors, p50Ms, p95Ms, p99Ms } = counted;
  const took = (ms: number | undefined): string => durationText(ms === undefined ? undefined : ms * 1000);
  return (
    <>
      <td data-field="rate" title={countText(calls)}>
        {fewText(calls / seconds)}
      </td>
      <td data-field="errors" class={errors > 0 ? 'bad' : 'muted'} title={countText(errors)}>
        {percentText(calls === 0 ? 0 : errors / calls)}
      </td>
      <td>{took(p50Ms)}</td>
      <td data-field="p95">{took(p95Ms)}</td>
      <td>{took(p99Ms)}</td>
    </>
  );
}
