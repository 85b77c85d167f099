import type { FlameBox, FlameLayout } from './flame-layout.ts';
import { durationText, shortName } from './format.ts';
import type { Window } from './minimap.tsx';
import { colours } from './theme.ts';

export const rowHeight = 21;
export const axisHeight = 20;

export interface FlamePicture {
  readonly layout: FlameLayout;
  readonly window: Window;
  readonly durationMicros: number;
  readonly chosen: string | undefined;
  readonly hovered: string | undefined;
  readonly found: ReadonlySet<string> | undefined;
}

/** Where a share of the trace is drawn, in pixels. */
export function xOf(share: number, window: Window, width: number): number {
  return ((share - window.from) / (window.to - window.from)) * width;
}

export function paintFlame(context: CanvasRenderingContext2D, width: number, picture: FlamePicture): void {
  const { layout, window, durationMicros } = picture;
  const paint = colours('ink', 'muted', 'line', 'bad', 'accent', 'flame-light');
  context.font = '11px system-ui, "Noto Sans", "Noto Sans CJK SC", sans-serif';
  context.textBaseline = 'middle';
  const span = (window.to - window.from) * durationMicros;
  for (const share of width < 500 ? [0, 0.5] : [0, 0.25, 0.5, 0.75]) {
    context.fillStyle = paint.line;
    context.fillRect(Math.round(share * width), 0, 1, axisHeight + layout.rows * rowHeight);
    context.fillStyle = paint.muted;
    context.fillText(durationText(Math.round(window.from * durationMicros + share * span)), share * width + 5, 9);
  }
  for (const box of layout.boxes) {
    paintBox(context, { box, picture, width, paint });
  }
}

interface BoxPaint {
  readonly box: FlameBox;
  readonly picture: FlamePicture;
  readonly width: number;
  readonly paint: Readonly<Record<'ink' | 'bad' | 'accent' | 'flame-light', string>>;
}

function paintBox(context: CanvasRenderingContext2D, { box, picture, width, paint }: BoxPaint): void {
  const { node, row } = box;
  const { window, found, chosen, hovered } = picture;
  const left = Math.max(-2, xOf(box.from, window, width));
  const right = Math.min(width + 2, Math.max(xOf(box.to, window, width), left + 1.5));
  if (right < 0 || left > width) {
    return;
  }
  const y = axisHeight + row * rowHeight;
  const wide = Math.max(1, right - left - 1);
  context.globalAlpha = found === undefined || found.has(node.key) ? 1 : 0.22;
  context.fillStyle = `oklch(${paint['flame-light']} ${node.hue})`;
  context.fillRect(left, y, wide, rowHeight - 2);
  if (node.error) {
    context.fillStyle = paint.bad;
    context.fillRect(left, y, Math.min(3, wide), rowHeight - 2);
  }
  if (node.key === chosen || node.key === hovered) {
    context.strokeStyle = node.key === chosen ? paint.accent : paint.ink;
    context.lineWidth = node.key === chosen ? 2 : 1;
    context.strokeRect(left + 0.5, y + 0.5, Math.max(1, wide - 1), rowHeight - 3);
  }
  if (wide > 34) {
    const at = Math.max(4, left + (node.error ? 7 : 5));
    context.save();
    context.beginPath();
    context.rect(left, y, wide - 3, rowHeight);
    context.clip();
    context.fillStyle = paint.ink;
    const name = [node.service, shortName(node.span.name ?? '')].filter((part) => part !== '').join(' · ');
    context.fillText(`${name}  ${durationText(node.span.duration)}`, at, y + (rowHeight - 2) / 2 + 0.5);
    context.restore();
  }
  context.globalAlpha = 1;
}
