import type { VNode } from 'preact';
import type { Counts, InputView, LaneView, OutputView, Signal, StatusView } from './api.ts';
import { bytesText, countText, exactText, rateText, spanText } from './format.ts';
import { signalWord, useSay } from './hooks.ts';
import { HowTo } from './how-to.tsx';
import { inputKey, laneKey, outputKey, type RateBook } from './rates.ts';
import { Sparkline } from './sparkline.tsx';
import type { TextKey } from './texts.ts';

const units: Readonly<Record<Signal, TextKey>> = {
  metrics: 'unitMetrics',
  traces: 'unitTraces',
  logs: 'unitLogs',
  rum: 'unitRum',
};

/** More inputs than this stand in one row each. */
const fewInputs = 3;
/** So many of those that stand ready are named. */
const fewNames = 3;

interface PipeProps {
  readonly signal: Signal;
  readonly status: StatusView;
  readonly book: RateBook;
}

/** One signal from left to right: its inputs, its queue, its outputs. */
export function Pipe({ signal, status, book }: PipeProps): VNode {
  const say = useSay();
  const lane = status.lanes.find((candidate) => candidate.signal === signal);
  const inputs = status.inputs.filter((input) => input.signal === signal);
  if ((lane?.cumItems ?? 0) === 0 && inputs.every((input) => input.received === 0)) {
    return <IdlePipe signal={signal} status={status} />;
  }
  return (
    <section class="pipe" data-signal={signal}>
      <h2>
        {say(signal)}
        {lane !== undefined && (
          <>
            <Sparkline values={book.history(laneKey(signal))} />
            <span class="rate">
              {rateText(book.rate(laneKey(signal)))} <span class="muted">{say(units[signal])}</span>
            </span>
          </>
        )}
      </h2>
      <Inputs signal={signal} inputs={inputs} book={book} />
      <div class="cell queue">
        <h3>{say('queued')}</h3>
        {lane !== undefined && <Queue lane={lane} unit={say(units[signal])} nowMs={status.nowMs} />}
      </div>
      <div class="cell out">
        <h3>{say('wentOut')}</h3>
        {lane === undefined || lane.outputs.length === 0 ? (
          <p class="muted">{say('noOutputs', { signal: signalWord(say, signal) })}</p>
        ) : (
          lane.outputs.map((output) => (
            <OutputRow
              key={output.output}
              output={output}
              rate={book.rate(outputKey(signal, output.output))}
              nowMs={status.nowMs}
            />
          ))
        )}
      </div>
    </section>
  );
}

interface InputsProps {
  readonly signal: Signal;
  readonly inputs: readonly InputView[];
  readonly book: RateBook;
}

/** Those that brought something, and the names of those that stand ready. */
function Inputs({ signal, inputs, book }: InputsProps): VNode {
  const say = useSay();
  const active = inputs.filter(({ received }) => received > 0);
  const shown = active.length > 0 ? active : inputs;
  const ready = inputs.filter((input) => !shown.includes(input)).map(({ id }) => shortId(id));
  const names = ready.slice(0, fewNames).join(', ');
  return (
    <div class={shown.length > fewInputs ? 'cell in many' : 'cell in'}>
      <h3>{say('comesIn')}</h3>
      {shown.map((input) => (
        <InputRow key={input.id} input={input} rate={book.rate(inputKey(input.id, signal))} />
      ))}
      {ready.length > 0 && (
        <p class="muted ready" title={ready.join('\n')}>
          {say(ready.length > fewNames ? 'readyAndMore' : 'ready', {
            names,
            count: countText(ready.length - fewNames),
          })}
        </p>
      )}
    </div>
  );
}

/**
 * A signal that has not flowed yet: who stands ready, and how to begin. Where the list of traces is shown, that says how to get
 * the first one.
 */
function IdlePipe({ signal, status }: { readonly signal: Signal; readonly status: StatusView }): VNode {
  const say = useSay();
  const ins = status.inputs.filter((input) => input.signal === signal).map((input) => shortId(input.id));
  const outs = status.lanes.find((lane) => lane.signal === signal)?.outputs.map((output) => output.output) ?? [];
  return (
    <section class="pipe idle" data-signal={signal}>
      <h2>
        {say(signal)}
        {ins.length + outs.length > 0 && (
          <span class="way">
            {ins.join(', ') || '–'} → {outs.join(', ') || '–'}
          </span>
        )}
      </h2>
      {signal === 'traces' && status.storeOn ? (
        <p class="muted">{say('noInputs', { signal: signalWord(say, signal) })}</p>
      ) : (
        <HowTo signal={signal} status={status} />
      )}
    </section>
  );
}

function shortId(id: string): string {
  return id.replace(/^inputs\./, '');
}

function InputRow({ input, rate }: { readonly input: InputView; readonly rate: number | undefined }): VNode {
  const say = useSay();
  return (
    <div class="row" data-input={input.id}>
      <p class="name">
        <span class={input.accepted > 0 ? 'dot good' : 'dot'} aria-hidden="true" />
        {shortId(input.id)}
        <span class="rate">{rateText(rate)}</span>
      </p>
      <p class="facts">
        <Fact name={say('accepted')} count={input.accepted} field="accepted" />
        <Reasons name={say('refused')} counts={input.refused} tone="warn" />
        <Reasons name={say('dropped')} counts={input.dropped} tone="bad" />
      </p>
    </div>
  );
}

function Queue({
  lane,
  unit,
  nowMs,
}: {
  readonly lane: LaneView;
  readonly unit: string;
  readonly nowMs: number;
}): VNode {
  const say = useSay();
  const waiting = Math.max(0, ...lane.outputs.map((output) => output.queuedItems));
  const oldest = Math.min(...lane.outputs.map((output) => output.oldestMs ?? Number.POSITIVE_INFINITY));
  const share = lane.maxBytes > 0 ? Math.min(1, lane.bytes / lane.maxBytes) : 0;
  const tone = lane.full !== undefined || share > 0.9 ? 'bad' : share > 0.5 ? 'warn' : '';
  return (
    <>
      <p class="waiting" data-field="queued" data-value={waiting}>
        {waiting === 0 ? say('nothingWaits') : say('waiting', { count: countText(waiting), unit })}
      </p>
      <div
        class="gauge"
        role="img"
        aria-label={say('ofCap', { used: bytesText(lane.bytes), cap: bytesText(lane.maxBytes) })}
      >
        <i class={tone} style={{ width: `${share === 0 ? 0 : Math.max(0.5, share * 100)}%` }} />
      </div>
      <p class="facts muted">
        <span>{say('ofCap', { used: bytesText(lane.bytes), cap: bytesText(lane.maxBytes) })}</span>
        {Number.isFinite(oldest) && <span>{say('oldest', { age: spanText(nowMs - oldest) })}</span>}
      </p>
    </>
  );
}

const states: Readonly<Record<string, readonly [TextKey, string]>> = {
  idle: ['stateIdle', 'good'],
  sending: ['stateSending', 'good'],
  retrying: ['stateRetrying', 'warn'],
  stopped: ['stateStopped', 'bad'],
};

interface OutputRowProps {
  readonly output: OutputView;
  readonly rate: number | undefined;
  readonly nowMs: number;
}

function OutputRow({ output, rate, nowMs }: OutputRowProps): VNode {
  const say = useSay();
  const [label, tone] = states[output.state] ?? ['stateStopped', 'bad'];
  return (
    <div class="row" data-output={output.output}>
      <p class="name">
        <span class={`dot ${tone}`} aria-hidden="true" />
        {output.output}
        <span class={`state ${tone}`}>{say(label)}</span>
        <span class="rate">{rateText(rate)}</span>
      </p>
      <p class="facts">
        <Fact name={say('delivered')} count={output.delivered} field="delivered" />
        <span class="muted">
          {output.oldestMs === undefined ? say('noLag') : say('lag', { age: spanText(nowMs - output.oldestMs) })}
        </span>
        <Reasons name={say('dropped')} counts={output.dropped} tone="bad" />
        {output.deadLetters !== undefined && (
          <span class="bad" data-field="dead-letters">
            <b title={exactText(output.deadLetters.items)}>{countText(output.deadLetters.items)}</b>{' '}
            {say('deadLetters', { reason: output.deadLetters.lastReason })}
          </span>
        )}
        {output.lost > 0 && <Reasons name={say('lost')} counts={{ disk: output.lost }} tone="bad" />}
        {output.retries > 0 && <span class="muted">{say('retries', { count: countText(output.retries) })}</span>}
        {output.state === 'retrying' && output.nextAttemptMs !== undefined && (
          <span class="muted">{say('nextTry', { age: spanText(output.nextAttemptMs - nowMs) })}</span>
        )}
      </p>
      {output.state === 'retrying' && output.lastError !== undefined && <p class="error-text">{output.lastError}</p>}
    </div>
  );
}

function Fact({
  name,
  count,
  field,
}: {
  readonly name: string;
  readonly count: number;
  readonly field: string;
}): VNode {
  return (
    <span>
      <b data-field={field} title={exactText(count)}>
        {countText(count)}
      </b>{' '}
      <span class="muted">{name}</span>
    </span>
  );
}

interface ReasonsProps {
  readonly name: string;
  readonly counts: Counts;
  readonly tone: 'warn' | 'bad';
}

function Reasons({ name, counts, tone }: ReasonsProps): VNode {
  return (
    <>
      {Object.entries(counts).map(([reason, count]) => (
        <span key={reason} class={tone} data-reason={reason}>
          <b title={exactText(count)}>{countText(count)}</b> {name}: {reason}
        </span>
      ))}
    </>
  );
}
