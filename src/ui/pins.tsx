import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import { bytesText, durationText, momentText } from './format.ts';
import { usePolled, useSay } from './hooks.ts';
import { hashOf } from './route.ts';
import { loadPins, setPinned } from './services-api.ts';

/** Keeps a trace when the store deletes its time, or lets go of it. */
export function PinButton({ traceId }: { readonly traceId: string }): VNode | null {
  const say = useSay();
  const [round, setRound] = useState(0);
  const [failed, setFailed] = useState('');
  const pins = usePolled(loadPins, { everyMs: 10_000, key: `pins ${round}` });
  const padded = (id: string): string => id.padStart(32, '0');
  const pinned = pins.value?.traces.some((pin) => padded(pin.traceId) === padded(traceId));
  const change = (): void => {
    setPinned(traceId, pinned !== true).then(
      () => {
        setFailed('');
        setRound(round + 1);
      },
      (error: unknown) => setFailed(error instanceof Error ? error.message : String(error)),
    );
  };
  return (
    <>
      <button
        type="button"
        class="quiet pin"
        data-pinned={pinned ?? false}
        aria-pressed={pinned ?? false}
        disabled={pinned === undefined}
        title={say(pinned === true ? 'unpinHint' : 'pinHint')}
        onClick={change}
      >
        {say(pinned === true ? 'pinned' : 'pin')}
      </button>
      {failed !== '' && (
        <span class="bad" role="alert">
          {failed}
        </span>
      )}
    </>
  );
}

/** Nothing where none is pinned. */
export function PinnedList({ live }: { readonly live: boolean }): VNode | null {
  const say = useSay();
  const pins = usePolled(loadPins, { everyMs: 10_000, key: 'pins', paused: !live });
  if (pins.value === undefined || pins.value.traces.length === 0) {
    return null;
  }
  const { bytes, maxBytes, traces } = pins.value;
  return (
    <section class="pins">
      <h2>
        {say('pinnedTraces')}{' '}
        <span class="muted">{say('pinnedSize', { bytes: bytesText(bytes), maxBytes: bytesText(maxBytes) })}</span>
      </h2>
      <ul>
        {traces.map(({ traceId, service, name, startMs, durationMs }) => (
          <li key={traceId}>
            <a href={hashOf({ page: 'trace', id: traceId })}>
              {service === '' ? say('unknownService') : service} {name}
            </a>
            <span class="muted">{startMs === undefined ? say('noTime') : momentText(startMs)}</span>
            <span>{durationText(durationMs === undefined ? undefined : durationMs * 1000)}</span>
            <span class="mono muted">{traceId}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
