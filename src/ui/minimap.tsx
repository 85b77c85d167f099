import type { VNode } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { durationText } from './format.ts';
import { useSay } from './hooks.ts';
import { type TraceTree, visibleRows } from './trace-tree.ts';

/** The part of a trace that is shown, as shares of its duration. */
export interface Window {
  readonly from: number;
  readonly to: number;
}

export const whole: Window = { from: 0, to: 1 };

interface MinimapProps {
  readonly tree: TraceTree;
  readonly window: Window;
  readonly onWindow: (window: Window) => void;
}

const none: ReadonlySet<string> = new Set();

/** The whole trace at a glance; dragging over it chooses what the timeline shows. */
export function Minimap({ tree, window, onWindow }: MinimapProps): VNode | null {
  const say = useSay();
  const map = useRef<HTMLDivElement>(null);
  const [drag, setDrag] = useState<Window>();
  if (tree.spanCount < 2 || tree.startMicros === undefined || tree.durationMicros === 0) {
    return null;
  }
  const shareAt = (event: PointerEvent): number => {
    const box = map.current?.getBoundingClientRect();
    return box === undefined ? 0 : Math.max(0, Math.min(1, (event.clientX - box.left) / box.width));
  };
  const shown = drag === undefined ? window : ordered(drag);
  const isWhole = shown.from === 0 && shown.to === 1;
  return (
    <div
      ref={map}
      class="minimap"
      title={say('zoomHint')}
      onPointerDown={(event) => {
        map.current?.setPointerCapture(event.pointerId);
        const at = shareAt(event);
        setDrag({ from: at, to: at });
      }}
      onPointerMove={(event) => drag !== undefined && setDrag({ ...drag, to: shareAt(event) })}
      onPointerUp={() => {
        const chosen = drag === undefined ? whole : ordered(drag);
        setDrag(undefined);
        onWindow(chosen.to - chosen.from < 0.005 ? whole : chosen);
      }}
    >
      <Bars tree={tree} />
      {!isWhole && (
        <>
          <i class="shade" style={{ left: 0, width: `${shown.from * 100}%` }} />
          <i class="shade" style={{ left: `${shown.to * 100}%`, right: 0 }} />
        </>
      )}
      {!isWhole && drag === undefined && (
        <button
          type="button"
          class="quiet"
          onPointerDown={(event) => event.stopPropagation()}
          onClick={() => onWindow(whole)}
        >
          {say('wholeTrace')} · {durationText(tree.durationMicros)}
        </button>
      )}
    </div>
  );
}

function Bars({ tree }: { readonly tree: TraceTree }): VNode {
  const rows = visibleRows(tree, none);
  const start = tree.startMicros ?? 0;
  // Thinner than a pixel and a half a bar can't be seen; bars of many rows may overlap instead.
  const height = Math.max(0.8, rows.length / 28);
  return (
    <svg viewBox={`0 0 1000 ${rows.length + height}`} preserveAspectRatio="none" aria-hidden="true">
      {rows.map(({ node }, i) => (
        <rect
          key={node.key}
          class={node.error ? 'bad' : ''}
          style={{ '--hue': node.hue }}
          x={(((node.span.timestamp ?? start) - start) / tree.durationMicros) * 1000}
          y={i + 0.1}
          width={Math.max(2, ((node.span.duration ?? 0) / tree.durationMicros) * 1000)}
          height={height}
        />
      ))}
    </svg>
  );
}

function ordered({ from, to }: Window): Window {
  return from <= to ? { from, to } : { from: to, to: from };
}
