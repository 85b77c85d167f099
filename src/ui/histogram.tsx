import type { VNode } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { useCanvas } from './canvas.ts';
import { clockText, countText } from './format.ts';
import { axisTexts, type Bucket, bucketsOf, levelTotals, piecesOf } from './histogram-bars.ts';
import { useSay } from './hooks.ts';
import type { Level } from './log-search.ts';
import type { CountsView } from './logs-api.ts';
import { colours } from './theme.ts';

interface HistogramProps {
  readonly counts: CountsView;
  /** Levels that are chosen; none: all. */
  readonly chosen: readonly Level[];
  readonly onLevels: (levels: readonly Level[]) => void;
  readonly onSelect: (startMs: number, endMs: number) => void;
}

/** How many lines of each level there were when. Dragging chooses a time, a level of the legend that level alone. */
export function Histogram({ counts, chosen, onLevels, onSelect }: HistogramProps): VNode {
  const say = useSay();
  const buckets = useMemo(() => bucketsOf(counts), [counts]);
  const [hover, setHover] = useState<Bucket>();
  const totals = levelTotals(counts);
  const toggle = (level: Level): void =>
    onLevels(chosen.includes(level) ? chosen.filter((other) => other !== level) : [...chosen, level]);
  return (
    <section class="histogram panel">
      <p class="caption">
        <span data-field="total" data-value={counts.total}>
          {say('lineCount', { count: countText(counts.total) })}
        </span>
        {totals.map(([level, count]) => (
          <button
            key={level}
            type="button"
            class={`level ${level}`}
            aria-pressed={chosen.includes(level)}
            data-level={level}
            title={say('onlyLevel')}
            onClick={() => toggle(level)}
          >
            <i aria-hidden="true" />
            {level} <b>{countText(count)}</b>
          </button>
        ))}
        <span class={hover === undefined ? 'under muted idle' : 'under muted'}>
          {hover === undefined ? say('dragTime') : bucketText(hover)}
        </span>
      </p>
      <Bars buckets={buckets} label={say('histogramLabel')} onHover={setHover} onSelect={onSelect} />
      <p class="bar-times muted" aria-hidden="true">
        {axisTexts(buckets).map((text, i) => (
          <span key={`${i} ${text}`}>{text}</span>
        ))}
      </p>
    </section>
  );
}

interface BarsProps {
  readonly buckets: readonly Bucket[];
  readonly label: string;
  readonly onHover: (bucket: Bucket | undefined) => void;
  readonly onSelect: (startMs: number, endMs: number) => void;
}

function Bars({ buckets, label, onHover, onSelect }: BarsProps): VNode {
  const [drag, setDrag] = useState<{ readonly from: number; readonly to: number }>();
  const [canvas, size] = useCanvas(
    (context, { width, height }) => {
      const paint = colours('bad', 'warn', 'accent', 'muted', 'line');
      const fills: Readonly<Record<Level, string>> = {
        fatal: paint.bad,
        error: paint.bad,
        warn: paint.warn,
        info: paint.accent,
        debug: paint.muted,
        trace: paint.muted,
        unknown: paint.muted,
      };
      for (const piece of piecesOf(buckets, { width, height: height - 1 })) {
        context.fillStyle = fills[piece.level];
        context.globalAlpha = piece.level === 'unknown' || piece.level === 'trace' ? 0.5 : 0.85;
        context.fillRect(piece.x, piece.y, piece.width, piece.height);
      }
      context.globalAlpha = 1;
      context.fillStyle = paint.line;
      context.fillRect(0, height - 1, width, 1);
    },
    [buckets],
  );
  const shareAt = (event: PointerEvent & { readonly currentTarget: HTMLElement }): number => {
    const box = event.currentTarget.getBoundingClientRect();
    return Math.max(0, Math.min(0.9999, (event.clientX - box.left) / box.width));
  };
  const timeAt = (share: number): number => {
    const [first, last] = [buckets[0]?.startMs ?? 0, buckets.at(-1)?.endMs ?? 0];
    return first + share * (last - first);
  };
  return (
    <div
      class="bars"
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        setDrag({ from: shareAt(event), to: shareAt(event) });
      }}
      onPointerMove={(event) => {
        const share = shareAt(event);
        onHover(buckets[Math.floor(share * buckets.length)]);
        setDrag(drag === undefined ? undefined : { ...drag, to: share });
      }}
      onPointerUp={() => {
        setDrag(undefined);
        if (drag !== undefined && Math.abs(drag.to - drag.from) * size.width > 4) {
          const [from, to] = [Math.min(drag.from, drag.to), Math.max(drag.from, drag.to)];
          onSelect(timeAt(from), timeAt(to));
        }
      }}
      onPointerLeave={() => onHover(undefined)}
    >
      <canvas ref={canvas} role="img" aria-label={label} />
      {drag !== undefined && (
        <i
          class="chosen-time"
          style={{ left: `${Math.min(drag.from, drag.to) * 100}%`, width: `${Math.abs(drag.to - drag.from) * 100}%` }}
        />
      )}
    </div>
  );
}

function bucketText({ startMs, endMs, total, levels }: Bucket): string {
  const parts = levels.map(([level, count]) => `${level} ${countText(count)}`).join(', ');
  const time = `${clockText(startMs).slice(0, 8)} – ${clockText(endMs).slice(0, 8)}`;
  return `${time} · ${countText(total)}${parts === '' ? '' : `: ${parts}`}`;
}
