import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import { durationText } from './format.ts';
import { useKeys } from './hooks.ts';
import type { Window } from './minimap.tsx';
import { SpanRow } from './span-row.tsx';
import type { TraceRow, TraceTree } from './trace-tree.ts';

export interface WaterfallProps {
  readonly tree: TraceTree;
  readonly rows: readonly TraceRow[];
  readonly window: Window;
  readonly collapsed: ReadonlySet<string>;
  readonly onCollapsed: (collapsed: ReadonlySet<string>) => void;
  /** Keys of spans that stand out; undefined: all. */
  readonly found: ReadonlySet<string> | undefined;
  /** Key of the span whose details are shown. */
  readonly open: string | undefined;
  readonly onOpen: (key: string | undefined) => void;
}

/** The spans of a trace against time, parents above their children. */
export function Waterfall(props: WaterfallProps): VNode {
  const { tree, rows, window, collapsed, onCollapsed, found, open, onOpen } = props;
  const [chosen, setChosen] = useState(open);
  // Each tells that it took the key.
  const fold = (key: string, closed: boolean): true => {
    const others = [...collapsed].filter((other) => other !== key);
    onCollapsed(new Set(closed ? [...others, key] : others));
    return true;
  };
  const choose = (index: number): true => {
    setChosen(rows[Math.max(0, Math.min(rows.length - 1, index))]?.node.key);
    return true;
  };
  const toggle = (key: string): true => {
    setChosen(key);
    onOpen(open === key ? undefined : key);
    return true;
  };
  useKeys((event) => {
    const at = rows.findIndex(({ node }) => node.key === chosen);
    const node = rows[at]?.node;
    const keys: Readonly<Record<string, () => boolean>> = {
      ArrowDown: () => choose(at + 1),
      ArrowUp: () => choose(at - 1),
      ArrowLeft: () => node !== undefined && node.children.length > 0 && fold(node.key, true),
      ArrowRight: () => node !== undefined && node.children.length > 0 && fold(node.key, false),
      Enter: () => node !== undefined && !(event.target instanceof HTMLButtonElement) && toggle(node.key),
      Escape: () => open !== undefined && toggle(open),
    };
    return keys[event.key]?.() ?? false;
  });
  return (
    <div class="waterfall" role="tree">
      <Axis tree={tree} window={window} />
      {rows.map((row) => (
        <SpanRow
          key={row.node.key}
          row={row}
          tree={tree}
          window={window}
          chosen={row.node.key === chosen}
          open={row.node.key === open}
          dim={found !== undefined && !found.has(row.node.key)}
          folded={collapsed.has(row.node.key)}
          onFold={(closed) => fold(row.node.key, closed)}
          onToggle={() => toggle(row.node.key)}
        />
      ))}
    </div>
  );
}

function Axis({ tree, window }: { readonly tree: TraceTree; readonly window: Window }): VNode {
  const span = (window.to - window.from) * tree.durationMicros;
  return (
    <div class="axis" aria-hidden="true">
      <div>
        {[0, 0.25, 0.5, 0.75, 1].map((share) => (
          <span key={share} style={{ left: `${share * 100}%` }}>
            {durationText(Math.round(window.from * tree.durationMicros + share * span))}
          </span>
        ))}
      </div>
    </div>
  );
}
