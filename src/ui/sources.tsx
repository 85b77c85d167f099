import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import type { StatusView } from './api.ts';
import { bytesText, countText, spanText } from './format.ts';
import { useSay } from './hooks.ts';
import { type LogFileView, openFiles, type TargetView } from './input-detail.ts';
import { hashOf } from './route.ts';
import { anyTarget } from './target-search.ts';

/** So many rows before somebody asks for all. */
const fewRows = 8;

const tones: Readonly<Record<string, string>> = { up: 'good', down: 'bad' };

/** What is scraped and which files are followed; what fails stands first. */
export function Sources({ status }: { readonly status: StatusView }): VNode | null {
  const say = useSay();
  const targets = status.inputs.flatMap(({ detail }) => detail.targets);
  const files = openFiles(status.inputs.flatMap(({ detail }) => detail.files));
  if (targets.length + files.length === 0) {
    return null;
  }
  return (
    <>
      {targets.length > 0 && (
        <Listing title={say('targets')} count={targets.length} whole={hashOf({ page: 'targets', search: anyTarget })}>
          {(most) =>
            targets
              .toSorted(worstFirst)
              .slice(0, most)
              .map((target) => <TargetRow key={target.url} target={target} nowMs={status.nowMs} />)
          }
        </Listing>
      )}
      {files.length > 0 && (
        <Listing title={say('logFiles')} count={files.length}>
          {(most) => files.slice(0, most).map((file) => <FileRow key={file.file} file={file} />)}
        </Listing>
      )}
    </>
  );
}

interface ListingProps {
  readonly title: string;
  readonly count: number;
  /** Where all of them are, with all that is known; undefined: here. */
  readonly whole?: string;
  readonly children: (most: number) => readonly VNode[];
}

function Listing({ title, count, whole, children }: ListingProps): VNode {
  const say = useSay();
  const [all, setAll] = useState(false);
  return (
    <section class="sources panel">
      <h2>
        {title} <span class="count">{countText(count)}</span>
        {whole !== undefined && (
          <a class="quiet" href={whole}>
            {say('showAll')}
          </a>
        )}
        {whole === undefined && count > fewRows && (
          <button type="button" class="quiet" onClick={() => setAll(!all)}>
            {say(all ? 'showFew' : 'showAll')}
          </button>
        )}
      </h2>
      <ul>{children(all ? count : fewRows)}</ul>
    </section>
  );
}

function TargetRow({ target, nowMs }: { readonly target: TargetView; readonly nowMs: number }): VNode {
  const say = useSay();
  const { url, pod, state, lastMs, durationMs, samples, error, hint } = target;
  return (
    <li data-target={url} data-state={state}>
      <span class="name">
        <span class={`dot ${tones[state] ?? ''}`} aria-hidden="true" />
        {pod !== undefined && <span>{pod}</span>}
        <span class={pod === undefined ? 'mono' : 'mono muted'}>{url}</span>
      </span>
      <span class="facts">
        <span class={tones[state] ?? 'muted'}>
          {say(state === 'up' ? 'targetUp' : state === 'down' ? 'targetDown' : 'targetWaiting')}
        </span>
        {samples !== undefined && (
          <span>
            <b data-field="samples">{countText(samples)}</b> <span class="muted">{say('unitMetrics')}</span>
          </span>
        )}
        {durationMs !== undefined && (
          <span class="muted">{say('scrapeTook', { time: `${Math.round(durationMs)} ms` })}</span>
        )}
        {lastMs !== undefined && <span class="muted">{say('ago', { age: spanText(nowMs - lastMs) })}</span>}
      </span>
      {error !== undefined && (
        <p class="error-text">
          {error} {hint !== undefined && <span class="muted">{hint}</span>}
        </p>
      )}
    </li>
  );
}

function FileRow({ file }: { readonly file: LogFileView }): VNode {
  const say = useSay();
  return (
    <li data-file={file.file}>
      <span class="name">
        <span class={file.problem === undefined ? 'dot good' : 'dot bad'} aria-hidden="true" />
        <span title={file.file}>{file.source === '' ? file.file : file.source}</span>
      </span>
      <span class="facts">
        <span>
          <b data-field="lines">{countText(file.lines)}</b> <span class="muted">{say('unitLogs')}</span>
        </span>
        <span class={file.lagBytes > 0 ? '' : 'muted'}>
          {file.lagBytes > 0 ? say('behind', { size: bytesText(file.lagBytes) }) : say('noLag')}
        </span>
      </span>
      {file.problem !== undefined && <p class="error-text">{file.problem}</p>}
    </li>
  );
}

function worstFirst(a: TargetView, b: TargetView): number {
  const order = (state: string): number => ['down', 'waiting', 'up'].indexOf(state);
  return order(a.state) - order(b.state) || (a.url < b.url ? -1 : 1);
}
