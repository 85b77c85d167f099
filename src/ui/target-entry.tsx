import type { VNode } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { bytesText, countText, durationText, spanText } from './format.ts';
import { HistoryStrip } from './history-strip.tsx';
import { useSay } from './hooks.ts';
import { TargetDetail } from './target-detail.tsx';
import type { Entry, EntryState } from './target-search.ts';
import type { TargetInfo } from './targets-api.ts';

const tones: Readonly<Record<EntryState, string>> = { up: 'good', down: 'bad', waiting: 'warn', skipped: '' };

interface TargetEntryProps {
  readonly entry: Entry;
  readonly nowMs: number;
  readonly open: boolean;
  readonly chosen: boolean;
  readonly onToggle: () => void;
}

/** One row; its whole story below it, while it is open. */
export function TargetEntry({ entry, nowMs, open, chosen, onToggle }: TargetEntryProps): VNode {
  const line = useRef<HTMLLIElement>(null);
  useEffect(() => {
    if (chosen) {
      line.current?.scrollIntoView({ block: 'nearest' });
    }
  }, [chosen]);
  const { state, target, pod } = entry;
  const faults = pod?.faults.length ?? 0;
  const classes = [open ? 'open' : '', chosen ? 'chosen' : ''].join(' ').trim();
  return (
    <li ref={line} class={classes} data-target={entry.key} data-state={state}>
      <button type="button" class="target-row" aria-expanded={open} onClick={onToggle}>
        <span class="name">
          <span class={`dot ${tones[state]}`} aria-hidden="true" />
          <span class="title">
            {entry.name}
            {target?.pod !== undefined && <span class="muted mono place">{placeOf(target.url)}</span>}
          </span>
        </span>
        {target === undefined ? (
          <span class={faults > 0 ? 'why warn' : 'why muted'}>{pod?.faults[0] ?? pod?.skipped}</span>
        ) : (
          <TargetFacts target={target} nowMs={nowMs} faults={faults} />
        )}
      </button>
      {open && <TargetDetail entry={entry} nowMs={nowMs} />}
    </li>
  );
}

/** What tells the pages of one pod apart. */
function placeOf(url: string): string {
  if (!url.includes('://')) {
    return url.replace(/^.*(?=:\d+$)/, '');
  }
  const place = URL.parse(url);
  return place === null ? url : `:${place.port === '' ? place.protocol.slice(0, -1) : place.port}${place.pathname}`;
}

interface TargetFactsProps {
  readonly target: TargetInfo;
  readonly nowMs: number;
  readonly faults: number;
}

function TargetFacts({ target, nowMs, faults }: TargetFactsProps): VNode {
  const say = useSay();
  const { state, error, rule, samples, bytes, durationMs, lastMs, leftOut, history } = target;
  return (
    <>
      {state === 'down' ? (
        <span class="why bad">{error ?? say('askAgent', { node: target.labels['node'] ?? '?' })}</span>
      ) : (
        <span class="rule muted">
          <span class="mono">{rule === '' ? target.labels['node'] : rule}</span>
          {leftOut.length > 0 && (
            <span class="badge warn" title={leftOut.join('\n')}>
              {say('filtered')}
            </span>
          )}
          {faults > 0 && <span class="badge bad">{say('faultCount', { count: countText(faults) })}</span>}
        </span>
      )}
      <HistoryStrip history={history} />
      <span class="number samples">
        {state === 'waiting' ? (
          <span class="muted">{say('targetWaiting')}</span>
        ) : (
          <>
            <b data-field="samples">{countText(samples ?? 0)}</b> <span class="muted">{say('unitMetrics')}</span>
          </>
        )}
      </span>
      <span class="number size muted">{bytes === undefined || bytes === 0 ? '' : bytesText(bytes)}</span>
      <span class="number took muted">{durationMs === undefined ? '' : durationText(durationMs * 1000)}</span>
      <span class="number last muted">{lastMs === undefined ? '' : say('ago', { age: spanText(nowMs - lastMs) })}</span>
    </>
  );
}
