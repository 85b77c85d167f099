import type { VNode } from 'preact';
import { momentText } from './format.ts';
import { useSay } from './hooks.ts';
import type { TextKey } from './texts.ts';
import { between, boundsOf, isMoving, type Range, ranges, shifted, type TimeSpan } from './time-span.ts';

const rangeTexts: Readonly<Record<Range, TextKey>> = {
  '5m': 'range5m',
  '15m': 'range15m',
  '1h': 'range1h',
  '6h': 'range6h',
  '1d': 'range1d',
  '7d': 'range7d',
};
const exactly = 'exactly';

interface TimePickerProps {
  readonly span: TimeSpan;
  /** Gets a span without the moments of the old one. */
  readonly onSpan: (span: TimeSpan) => void;
}

/** The last so many minutes, or two exact moments; earlier and later by its own length. */
export function TimePicker({ span, onSpan }: TimePickerProps): VNode {
  const say = useSay();
  const moving = isMoving(span);
  const choose = (chosen: string): void => {
    if (chosen === exactly) {
      const { startMs, endMs } = boundsOf(span, Date.now());
      onSpan(between({ range: span.range }, startMs, endMs));
    } else {
      onSpan({ range: rangeNamed(chosen) });
    }
  };
  return (
    <fieldset class="times" aria-label={say('range')}>
      <label>
        {say('range')}
        <select value={moving ? span.range : exactly} onChange={(event) => choose(event.currentTarget.value)}>
          {Object.entries(rangeTexts).map(([range, text]) => (
            <option key={range} value={range}>
              {say(text)}
            </option>
          ))}
          <option value={exactly}>{say('rangeExactly')}</option>
        </select>
      </label>
      {!moving && <Moments span={span} onSpan={onSpan} />}
      <span class="steps">
        <button
          type="button"
          title={say('earlier')}
          aria-label={say('earlier')}
          onClick={() => onSpan(shifted(span, -1, Date.now()))}
        >
          ‹
        </button>
        <button
          type="button"
          title={say('later')}
          aria-label={say('later')}
          disabled={moving}
          onClick={() => onSpan(shifted(span, 1, Date.now()))}
        >
          ›
        </button>
      </span>
    </fieldset>
  );
}

function Moments({ span, onSpan }: TimePickerProps): VNode {
  const say = useSay();
  const { startMs, endMs } = boundsOf(span, Date.now());
  const set = (start: number, end: number): void => {
    if (Number.isFinite(start) && Number.isFinite(end) && start < end) {
      onSpan(between(span, start, end));
    }
  };
  return (
    <>
      <label>
        {say('from')}
        <input
          type="datetime-local"
          step={1}
          value={fieldText(startMs)}
          onChange={(event) => set(new Date(event.currentTarget.value).getTime(), endMs)}
        />
      </label>
      <label>
        {say('to')}
        <input
          type="datetime-local"
          step={1}
          value={fieldText(endMs)}
          onChange={(event) => set(startMs, new Date(event.currentTarget.value).getTime())}
        />
      </label>
    </>
  );
}

/** As the field wants it: on the clock of who looks, to the second. */
function fieldText(ms: number): string {
  return momentText(ms).slice(0, 19).replace(' ', 'T');
}

function rangeNamed(name: string): Range {
  return Object.hasOwn(ranges, name) ? (name as Range) : '15m';
}
