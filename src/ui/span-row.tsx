import type { VNode } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { durationText, shortName } from './format.ts';
import { useSay } from './hooks.ts';
import type { Window } from './minimap.tsx';
import { SpanDetail } from './span-detail.tsx';
import type { TraceRow, TraceTree } from './trace-tree.ts';

interface SpanRowProps {
  readonly row: TraceRow;
  readonly tree: TraceTree;
  readonly window: Window;
  readonly chosen: boolean;
  readonly open: boolean;
  /** Others stand out. */
  readonly dim: boolean;
  readonly folded: boolean;
  readonly onFold: (closed: boolean) => void;
  readonly onToggle: () => void;
}

/** A span against time, and its details while it is open. */
export function SpanRow({ row, tree, window, chosen, open, dim, folded, onFold, onToggle }: SpanRowProps): VNode {
  const line = useRef<HTMLDivElement>(null);
  const { node, depth } = row;
  useEffect(() => {
    if (chosen) {
      line.current?.scrollIntoView({ block: 'nearest' });
    }
  }, [chosen]);
  return (
    <>
      <div
        ref={line}
        class={`span${chosen ? ' chosen' : ''}${open ? ' open' : ''}${node.error ? ' bad' : ''}${dim ? ' dim' : ''}`}
        style={{ '--hue': node.hue, '--depth': Math.min(depth, 24) }}
        role="treeitem"
        tabIndex={-1}
        aria-level={depth + 1}
        aria-selected={chosen}
        aria-expanded={node.children.length === 0 ? undefined : !folded}
        data-span={node.key}
        onClick={onToggle}
        onKeyDown={() => undefined}
      >
        <Label row={row} folded={folded} onFold={onFold} />
        <Bar row={row} tree={tree} window={window} />
      </div>
      {open && <SpanDetail node={node} tree={tree} />}
    </>
  );
}

function Label({ row, folded, onFold }: Pick<SpanRowProps, 'row' | 'folded' | 'onFold'>): VNode {
  const say = useSay();
  const { node } = row;
  const service = node.service === '' ? say('unknownService') : node.service;
  return (
    <div class="label">
      {node.children.length > 0 ? (
        <button
          type="button"
          class="fold"
          aria-label={say(folded ? 'expandAll' : 'collapseAll')}
          tabIndex={-1}
          onClick={(event) => {
            event.stopPropagation();
            onFold(!folded);
          }}
        >
          {folded ? '▸' : '▾'}
        </button>
      ) : (
        <span class="fold" />
      )}
      <span class="service">{service}</span>
      <span class="span-name" title={node.span.name}>
        {node.span.name === undefined ? say('unknownSpan') : shortName(node.span.name)}
      </span>
      {node.span.kind !== undefined && <span class="kind">{node.span.kind.toLowerCase()}</span>}
      {node.orphan && (
        <span class="kind warn" title={say('orphan', { id: node.span.parentId ?? '' })}>
          ?
        </span>
      )}
    </div>
  );
}

function Bar({ row, tree, window }: Pick<SpanRowProps, 'row' | 'tree' | 'window'>): VNode {
  const say = useSay();
  const { span } = row.node;
  if (span.timestamp === undefined || tree.startMicros === undefined) {
    return (
      <div class="track">
        <span class="time muted">{span.duration === undefined ? say('noTime') : durationText(span.duration)}</span>
      </div>
    );
  }
  const start = tree.startMicros;
  const total = Math.max(1, tree.durationMicros);
  const shareOf = (micros: number): number => ((micros - start) / total - window.from) / (window.to - window.from);
  const left = shareOf(span.timestamp);
  const right = shareOf(span.timestamp + (span.duration ?? 0));
  const side = right > 0.85 ? (left > 0.15 ? 'before' : 'inside') : 'after';
  const at =
    side === 'before'
      ? { right: `${(1 - Math.min(1, left)) * 100}%` }
      : { left: `${Math.max(0, side === 'after' ? right : left) * 100}%` };
  return (
    <div class="track">
      <i class="bar" style={{ left: `${left * 100}%`, width: `${(right - left) * 100}%` }} />
      {span.annotations.map((annotation) => (
        <i
          key={`${annotation.timestamp} ${annotation.value}`}
          class="tick"
          title={`${annotation.value} · ${durationText(annotation.timestamp - start)}`}
          style={{ left: `${shareOf(annotation.timestamp) * 100}%` }}
        />
      ))}
      <span class={`time ${side}`} style={at}>
        {durationText(span.duration)}
      </span>
    </div>
  );
}
