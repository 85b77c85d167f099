import type { VNode } from 'preact';

const width = 120;
const height = 18;

/** How a rate went over the last looks; its top is its own highest value. */
export function Sparkline({ values }: { readonly values: readonly number[] }): VNode | null {
  if (values.length < 2) {
    return null;
  }
  const top = Math.max(...values, 1e-9);
  const step = width / 59;
  const left = width - (values.length - 1) * step;
  const points = values.map(
    (value, i) => `${(left + i * step).toFixed(1)},${(height - 1 - (value / top) * (height - 3)).toFixed(1)}`,
  );
  return (
    <svg class="spark" viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
      <line x1={0} x2={width} y1={height - 0.5} y2={height - 0.5} />
      <polygon points={`${left.toFixed(1)},${height} ${points.join(' ')} ${width},${height}`} />
      <polyline points={points.join(' ')} />
    </svg>
  );
}
