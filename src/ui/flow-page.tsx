import type { VNode } from 'preact';
import type { EvictionView, StatusView } from './api.ts';
import { signals } from './api.ts';
import { bytesText, countText, exactText, spanText } from './format.ts';
import { signalWord, useSay } from './hooks.ts';
import { LastTraces } from './last-traces.tsx';
import { MeshNow } from './mesh-now.tsx';
import { Pipe } from './pipe.tsx';
import { type Problem, problemsOf } from './problems.ts';
import type { RateBook } from './rates.ts';
import type { Go } from './route.ts';
import { Sources } from './sources.tsx';
import type { TextValues } from './texts.ts';

interface FlowPageProps {
  readonly status: StatusView;
  /** The status is from before the daemon fell silent. */
  readonly silent: boolean;
  readonly book: RateBook;
  readonly go: Go;
  readonly live: boolean;
}

/** What comes in, what is queued, what went out; what is wrong stands above all. */
export function FlowPage({ status, silent, book, go, live }: FlowPageProps): VNode {
  const carried = signals.filter((signal) => hasLife(status, signal));
  const idle = signals.filter((signal) => !carried.includes(signal));
  return (
    <>
      <Problems status={status} silent={silent} />
      {carried.map((signal) => (
        <Pipe key={signal} signal={signal} status={status} book={book} />
      ))}
      {status.storeOn && <MeshNow live={live} />}
      <Sources status={status} />
      <LastTraces status={status} go={go} live={live} />
      {idle.map((signal) => (
        <Pipe key={signal} signal={signal} status={status} book={book} />
      ))}
      <About status={status} />
    </>
  );
}

function hasLife(status: StatusView, signal: string): boolean {
  const lane = status.lanes.find((candidate) => candidate.signal === signal);
  return (lane?.cumItems ?? 0) > 0 || status.inputs.some((input) => input.signal === signal && input.received > 0);
}

function Problems({ status, silent }: Pick<FlowPageProps, 'status' | 'silent'>): VNode | null {
  const say = useSay();
  const problems = problemsOf(status);
  const worded = ({ values }: Problem): TextValues => ({ ...values, signal: signalWord(say, values['signal'] ?? '') });
  if (problems.length === 0) {
    return silent ? null : <p class="notice good">{say('noProblems')}</p>;
  }
  return (
    <section class="problems" aria-label={say('problems')}>
      <h2>
        {say('problems')} <span class="count">{exactText(problems.length)}</span>
      </h2>
      <ul>
        {problems.map((problem) => (
          <li key={`${problem.what} ${Object.values(problem.values).join(' ')}`} class={problem.level}>
            <p>{say(problem.what, worded(problem))}</p>
            <p class="todo">{say(problem.todo, worded(problem))}</p>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Deleted({ eviction }: { readonly eviction: EvictionView }): VNode {
  const say = useSay();
  const { signal, reason, items, bytes } = eviction;
  const values = { signal: signalWord(say, signal), items: countText(items), bytes: bytesText(bytes) };
  return <span data-deleted={signal}>{say(reason === 'age' ? 'deletedOld' : 'deletedForRoom', values)}</span>;
}

function About({ status }: { readonly status: StatusView }): VNode {
  const say = useSay();
  return (
    <section class="about">
      <div>
        <h2>{say('listeners')}</h2>
        <dl>
          {status.listeners.map((listener) => (
            <div key={listener.name}>
              <dt>{listener.name}</dt>
              <dd class="mono">
                {listener.address ?? (
                  <span class="muted">
                    {say('off')}
                    {listener.off === undefined ? '' : `: ${listener.off}`}
                  </span>
                )}
              </dd>
            </div>
          ))}
        </dl>
      </div>
      <div>
        <h2>{say('about')}</h2>
        <dl>
          <div>
            <dt>{say('version')}</dt>
            <dd>{status.version}</dd>
          </div>
          <div>
            <dt>{say('node')}</dt>
            <dd>{status.node}</dd>
          </div>
          <div>
            <dt>{say('running')}</dt>
            <dd>{spanText(status.nowMs - status.startedAtMs)}</dd>
          </div>
          {status.reload !== undefined && (
            <div>
              <dt>{say('configuration')}</dt>
              <dd>
                {say('configTaken', {
                  age: spanText(status.nowMs - status.reload.lastGoodAtMs),
                  generation: String(status.reload.generation),
                })}
              </dd>
            </div>
          )}
          {status.evictions.length > 0 && (
            <div>
              <dt>{say('deleted')}</dt>
              <dd>
                {status.evictions.map((eviction) => (
                  <Deleted key={`${eviction.signal} ${eviction.reason}`} eviction={eviction} />
                ))}
              </dd>
            </div>
          )}
          <div>
            <dt>{say('files')}</dt>
            <dd class="mono">
              {status.configFiles.length === 0 ? (
                <span class="muted">{say('noFiles')}</span>
              ) : (
                status.configFiles.map((file) => <span key={file}>{file}</span>)
              )}
            </dd>
          </div>
        </dl>
      </div>
    </section>
  );
}
