import type { VNode } from 'preact';
import { useMemo } from 'preact/hooks';
import { serviceHues } from './colour.ts';
import { durationText, exactText, fewText } from './format.ts';
import { box, layoutOf, type PlacedEdge, type PlacedNode } from './graph-layout.ts';
import { type Say, useSay } from './hooks.ts';
import { hashOf } from './route.ts';
import type { GraphView, Latency, ServiceEdge, ServiceNode } from './services-api.ts';
import './services.css';
import type { TimeSpan } from './time-span.ts';
import { percentText } from './trace-doctor.tsx';
import { anySearch } from './trace-search.ts';

interface ServiceGraphProps {
  readonly graph: GraphView;
  /** The time to look at traces in. */
  readonly time: Partial<TimeSpan>;
  readonly chosen?: string;
  readonly onChoose?: (service: string) => void;
}

/** Services as boxes, calls as arrows from left to right, each with its rate, errors and p95; a click goes to the traces. */
export function ServiceGraph({ graph, time, chosen, onChoose }: ServiceGraphProps): VNode {
  const say = useSay();
  const { nodes, edges, seconds } = graph;
  const shape = JSON.stringify([
    nodes.map(({ service }) => service),
    edges.map(({ parent, child }) => [parent, child]),
  ]);
  const names = nodes.map(({ service }) => service);
  const merged = useMemo(() => layoutOf(names, edgesOnce(edges)), [shape]);
  const byPair = new Map(edgesOnce(edges).map((edge) => [pairOf(edge), edge]));
  const hues = serviceHues(merged.nodes.map(({ name }) => name));
  const known = new Map(nodes.map((node) => [node.service, node]));
  const title = say('graphOf', { services: exactText(merged.nodes.length), edges: exactText(merged.edges.length) });
  return (
    <div class="graph-scroll">
      <svg
        class="service-graph"
        viewBox={`0 0 ${merged.width} ${merged.height}`}
        // A little smaller where that spares scrolling, never too small to read.
        style={{ width: `clamp(${merged.width * 0.75}px, 100%, ${merged.width}px)` }}
        role="img"
        aria-label={title}
      >
        <defs>
          <marker id="arrow" viewBox="0 0 8 8" refX="3" refY="4" markerWidth="7" markerHeight="7" orient="auto">
            <path d="M0 0L8 4L0 8z" />
          </marker>
        </defs>
        {merged.edges.map((placed) => {
          const edge = byPair.get(pairOf(placed.edge)) ?? placed.edge;
          return <Edge key={pairOf(edge)} placed={{ ...placed, edge }} seconds={seconds} time={time} />;
        })}
        {merged.nodes.map((place) => (
          <Node
            key={place.name}
            place={place}
            node={known.get(place.name)}
            hue={hues.get(place.name) ?? 0}
            {...{ seconds, time, isChosen: chosen === place.name, onChoose }}
          />
        ))}
      </svg>
    </div>
  );
}

function pairOf({ parent, child }: ServiceEdge): string {
  return JSON.stringify([parent, child]);
}

/** Two services may be connected in several ways. */
function edgesOnce(edges: readonly ServiceEdge[]): readonly ServiceEdge[] {
  const found = new Map<string, ServiceEdge>();
  for (const edge of edges) {
    const before = found.get(pairOf(edge));
    found.set(
      pairOf(edge),
      before === undefined
        ? edge
        : { ...before, calls: before.calls + edge.calls, errors: before.errors + edge.errors },
    );
  }
  return [...found.values()];
}

function health(calls: number, errors: number): 'good' | 'warn' | 'bad' {
  const share = calls === 0 ? 0 : errors / calls;
  return share >= 0.05 ? 'bad' : share > 0 ? 'warn' : 'good';
}

/** `p95 12.3 ms`; nothing where it is not known. */
function p95Text(say: Say, { p95Ms }: Latency): string {
  return p95Ms === undefined ? '' : `${say('p95')} ${durationText(p95Ms * 1000)}`;
}

function factsOf({ calls, errors }: { readonly calls: number; readonly errors: number }, seconds: number): string {
  return [fewText(calls / seconds), ...(errors > 0 ? [percentText(errors / calls)] : [])].join(' · ');
}

interface EdgeProps {
  readonly placed: PlacedEdge<ServiceEdge>;
  readonly seconds: number;
  readonly time: Partial<TimeSpan>;
}

function Edge({ placed, seconds, time }: EdgeProps): VNode {
  const say = useSay();
  const { edge, path, x, y } = placed;
  const { parent, child, calls, errors, latency, way } = edge;
  const service = way === 'unseen' ? parent : child;
  const width = Math.min(6, 1.2 + Math.log10(1 + (calls / seconds) * 10));
  const facts = [factsOf(edge, seconds), p95Text(say, latency)].filter((part) => part !== '');
  return (
    <a
      class={`edge ${health(calls, errors)} ${way}`}
      data-edge={`${parent} → ${child}`}
      href={hashOf({ page: 'traces', search: { ...anySearch, ...time, service, errors: errors > 0 } })}
    >
      <title>
        {say('tracesOfEdge', { parent, child })} · {say('callCount', { count: exactText(calls) })} · {facts.join(' · ')}
        {way === 'unseen' ? ` · ${say('unseenWay')}` : way === 'messages' ? ` · ${say('messagesWay')}` : ''}
      </title>
      <path class="reach" d={path} />
      <path class="line" d={path} style={{ strokeWidth: width }} marker-end="url(#arrow)" />
      <text x={x} y={y} data-field="rate">
        {facts[0]}
      </text>
      {facts[1] !== undefined && (
        <text x={x} y={y + 17} class="muted" data-field="p95">
          {facts[1]}
        </text>
      )}
    </a>
  );
}

interface NodeProps {
  readonly place: PlacedNode;
  readonly node: ServiceNode | undefined;
  readonly hue: number;
  readonly seconds: number;
  readonly time: Partial<TimeSpan>;
  readonly isChosen: boolean;
  readonly onChoose: ((service: string) => void) | undefined;
}

/** A name such as `reviews.bookinfo` has its namespace below. */
function Node({ place, node, hue, seconds, time, isChosen, onChoose }: NodeProps): VNode {
  const say = useSay();
  const { name, x, y } = place;
  const [short = '', ...namespace] = name.split('.');
  const facts = node === undefined ? '' : [factsOf(node, seconds), p95Text(say, node)].filter(Boolean).join(' · ');
  const choose = (event: MouseEvent): void => {
    if (onChoose !== undefined && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      onChoose(isChosen ? '' : name);
    }
  };
  return (
    <a
      class={`node ${node === undefined ? 'unseen' : health(node.calls, node.errors)} ${isChosen ? 'chosen' : ''}`}
      data-node={name}
      href={hashOf({ page: 'traces', search: { ...anySearch, ...time, service: name } })}
      onClick={choose}
    >
      <title>
        {name} {facts}
      </title>
      <rect x={x - box.width / 2} y={y - box.height / 2} width={box.width} height={box.height} rx="6" />
      <rect
        class="hue"
        x={x - box.width / 2}
        y={y - box.height / 2}
        width="5"
        height={box.height}
        rx="2.5"
        style={{ '--hue': hue }}
      />
      <text x={x - box.width / 2 + 14} y={y - 6} class="name">
        {clipped(short, namespace.length === 0 ? 24 : 17)}
        <tspan class="muted" dx="5">
          {clipped(namespace.join('.'), Math.max(4, 24 - short.length))}
        </tspan>
      </text>
      <text x={x - box.width / 2 + 14} y={y + 13} class="facts" data-field="facts">
        {facts}
      </text>
    </a>
  );
}

function clipped(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}
