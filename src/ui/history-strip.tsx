import type { VNode } from 'preact';
import { useSay } from './hooks.ts';

const most = 20;
const barWidth = 4;
const height = 16;

/** The last scrapes, the newest on the right: how long each took, and which failed. */
export function HistoryStrip({ history }: { readonly history: readonly number[] }): VNode | null {
  const say = useSay();
  if (history.length === 0) {
    return null;
  }
  const longest = Math.max(...history.map(Math.abs));
  const failed = history.filter((ms) => ms < 0).length;
  const label = say('historyLabel', {
    count: String(history.length),
    failed: String(failed),
    longest: `${longest} ms`,
  });
  return (
    <svg class="strip" viewBox={`0 0 ${most * barWidth} ${height}`} role="img" aria-label={label}>
      <title>{label}</title>
      {history.map((ms, i) => {
        const tall = ms < 0 ? height : 2 + (Math.abs(ms) / longest) * (height - 2);
        const x = (most - history.length + i) * barWidth;
        return <rect key={i} class={ms < 0 ? 'bad' : ''} x={x} y={height - tall} width={barWidth - 1} height={tall} />;
      })}
    </svg>
  );
}
