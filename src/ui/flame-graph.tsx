import type { VNode } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { useCanvas } from './canvas.ts';
import './flame.css';
import {
  boxAt,
  type Direction,
  type FlameBox,
  type FlameLayout,
  flameLayout,
  neighbour,
  selfByService,
  selfMicros,
} from './flame-layout.ts';
import { axisHeight, paintFlame, rowHeight } from './flame-paint.ts';
import { countText, durationText } from './format.ts';
import { useKeys, useSay } from './hooks.ts';
import { type Window, whole } from './minimap.tsx';
import { SpanDetail } from './span-detail.tsx';
import type { TraceTree } from './trace-tree.ts';

interface FlameGraphProps {
  readonly tree: TraceTree;
  readonly window: Window;
  readonly onWindow: (window: Window) => void;
  /** Keys of spans that stand out. */
  readonly found: ReadonlySet<string> | undefined;
  /** Key of the span that is chosen. */
  readonly open: string | undefined;
  readonly onOpen: (key: string | undefined) => void;
}

const directions: Readonly<Record<string, Direction>> = {
  ArrowUp: 'parent',
  ArrowDown: 'child',
  ArrowLeft: 'before',
  ArrowRight: 'after',
};

/** A trace as boxes in boxes: what ran inside what, and where the time went. A click looks closer at a box. */
export function FlameGraph(props: FlameGraphProps): VNode {
  const { tree, open } = props;
  const say = useSay();
  const layout = useMemo(() => flameLayout(tree), [tree]);
  const [hovered, setHovered] = useState<FlameBox>();
  const chosen = layout.boxes.find(({ node }) => node.key === open);
  const steer = steering(props, layout, chosen);
  useKeys((event) => {
    const direction = directions[event.key];
    if (direction !== undefined) {
      return steer.move(direction);
    }
    if (event.key === 'Enter' && chosen !== undefined && !(event.target instanceof HTMLButtonElement)) {
      return steer.zoom(chosen);
    }
    return event.key === 'Escape' && steer.out();
  });
  const told = hovered ?? chosen;
  return (
    <div class="flame">
      <p class="told" aria-live="polite">
        {told === undefined ? <span class="muted">{say('flameHint')}</span> : <BoxText box={told} tree={tree} />}
      </p>
      <Picture {...props} layout={layout} steer={steer} hovered={hovered} onHovered={setHovered} />
      {chosen !== undefined && <SpanDetail node={chosen.node} tree={tree} />}
      <SelfTimes layout={layout} tree={tree} />
    </div>
  );
}

/** What clicks and keys do; each tells whether it did something. */
interface Steering {
  readonly zoom: (box: FlameBox) => true;
  readonly move: (direction: Direction) => true;
  /** First back to the whole trace, then away from the chosen span. */
  readonly out: () => boolean;
}

function steering(props: FlameGraphProps, layout: FlameLayout, chosen: FlameBox | undefined): Steering {
  const { window, onWindow, open, onOpen } = props;
  const isWhole = window.from === 0 && window.to === 1;
  return {
    zoom: (box) => {
      onWindow(box.to - box.from < 1e-6 ? window : { from: Math.max(0, box.from), to: Math.min(1, box.to) });
      return true;
    },
    move: (direction) => {
      const next = chosen === undefined ? layout.boxes[0] : neighbour(layout, chosen, direction);
      if (next !== undefined) {
        onOpen(next.node.key);
      }
      return true;
    },
    out: () => {
      if (!isWhole) {
        onWindow(whole);
      } else if (open !== undefined) {
        onOpen(undefined);
      }
      return !isWhole || open !== undefined;
    },
  };
}

interface PictureProps extends FlameGraphProps {
  readonly layout: FlameLayout;
  readonly steer: Steering;
  readonly hovered: FlameBox | undefined;
  readonly onHovered: (box: FlameBox | undefined) => void;
}

function Picture({ layout, steer, hovered, onHovered, tree, window, found, open, onOpen }: PictureProps): VNode {
  const say = useSay();
  const [canvas, size] = useCanvas(
    (context, { width }) =>
      paintFlame(context, width, {
        layout,
        window,
        durationMicros: tree.durationMicros,
        chosen: open,
        hovered: hovered?.node.key,
        found,
      }),
    [layout, window, open, hovered, found],
  );
  const under = (event: MouseEvent): FlameBox | undefined => {
    const seen = window.to - window.from;
    const share = window.from + (event.offsetX / Math.max(1, size.width)) * seen;
    const row = Math.floor((event.offsetY - axisHeight) / rowHeight);
    return boxAt(layout, { row, share, slack: (2 / Math.max(1, size.width)) * seen });
  };
  return (
    <canvas
      ref={canvas}
      role="img"
      aria-label={say('flameLabel', { spans: countText(tree.spanCount), levels: countText(layout.rows) })}
      style={{ height: `${axisHeight + layout.rows * rowHeight + 4}px` }}
      onMouseMove={(event) => onHovered(under(event))}
      onMouseLeave={() => onHovered(undefined)}
      onClick={(event) => {
        const box = under(event);
        if (box === undefined) {
          steer.out();
        } else {
          onOpen(box.node.key);
          steer.zoom(box);
        }
      }}
      onKeyDown={() => undefined}
    />
  );
}

function BoxText({ box, tree }: { readonly box: FlameBox; readonly tree: TraceTree }): VNode {
  const say = useSay();
  const { service, span, error } = box.node;
  const share = ((span.duration ?? 0) / Math.max(1, tree.durationMicros)) * 100;
  return (
    <>
      <b>{service === '' ? say('unknownService') : service}</b> {span.name ?? say('unknownSpan')}{' '}
      <span class={error ? 'bad' : 'muted'}>
        {durationText(span.duration)} · {share.toFixed(share < 10 ? 1 : 0)} % ·{' '}
        {say('selfTime', { time: durationText(selfMicros(box.node)) })}
      </span>
    </>
  );
}

function SelfTimes({ layout, tree }: { readonly layout: FlameLayout; readonly tree: TraceTree }): VNode {
  const say = useSay();
  return (
    <table class="self-times">
      <caption>{say('selfTimes')}</caption>
      <tbody>
        {selfByService(layout).map(({ service, spans, selfMicros: micros, share }) => (
          <tr key={service} data-service={service}>
            <th scope="row">
              <i class="swatch" style={{ '--hue': tree.hues.get(service) }} aria-hidden="true" />
              {service === '' ? say('unknownService') : service}
            </th>
            <td class="number spans">{spans === 1 ? say('oneSpan') : say('spanCount', { count: countText(spans) })}</td>
            <td class="number" data-field="self">
              {durationText(micros)}
            </td>
            <td class="number">{(share * 100).toFixed(1)} %</td>
            <td class="share">
              <i style={{ width: `${share * 100}%`, '--hue': tree.hues.get(service) }} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
