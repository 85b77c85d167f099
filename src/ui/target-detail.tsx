import type { VNode } from 'preact';
import { Copyable } from './copyable.tsx';
import { bytesText, durationText, exactText, momentText, spanText } from './format.ts';
import { type Say, useSay } from './hooks.ts';
import { anyMetric } from './metric-search.ts';
import { hashOf } from './route.ts';
import { fixesOf } from './target-fix.ts';
import type { Entry } from './target-search.ts';
import type { PodInfo, TargetInfo } from './targets-api.ts';

/** The whole story: what was found, what it became, how the last scrape went, and what to do. */
export function TargetDetail({ entry, nowMs }: { readonly entry: Entry; readonly nowMs: number }): VNode {
  const { target, pod } = entry;
  return (
    <div class="target-detail">
      <Story entry={entry} />
      {target !== undefined && <Facts target={target} nowMs={nowMs} />}
      {pod !== undefined && <Annotations pod={pod} />}
    </div>
  );
}

function Story({ entry }: { readonly entry: Entry }): VNode | null {
  const say = useSay();
  const { target, pod, state } = entry;
  const fixes = fixesOf(entry);
  return (
    <div class="story">
      {state === 'skipped' && (
        <p>
          <b>{say('notCollected')}</b> {pod?.skipped}
        </p>
      )}
      {target?.error !== undefined && (
        <p class="bad">
          <b>{target.error}</b> {target.hint}
        </p>
      )}
      {target?.leftOut.map((line) => (
        <p key={line} class="warn">
          <b>{say('leftOut')}</b> {line}
        </p>
      ))}
      {[...(pod?.faults ?? []), ...(pod?.warnings ?? [])].map((line) => (
        <p key={line} class={pod?.faults.includes(line) ? 'bad mono' : 'warn mono'}>
          {line}
        </p>
      ))}
      {fixes.map(({ text, snippet }) => (
        <div key={text} class="fix">
          <p class="muted">{say(text)}</p>
          <Copyable text={snippet} />
        </div>
      ))}
      {target?.state === 'up' && (
        <p>
          <a href={metricsHash(target)}>{say('metricsOfTarget')}</a>
        </p>
      )}
    </div>
  );
}

/** What the proxy says of requests, or where it is no proxy, how many samples there are. */
function metricsHash(target: TargetInfo): string {
  const place = URL.parse(target.url);
  const usual = place?.protocol === 'https:' ? '443' : '80';
  const instance = place === null ? '' : `${place.hostname}:${place.port === '' ? usual : place.port}`;
  const isProxy = /:(?:15020|15090)(?:\/|$)/.test(target.url) || place?.pathname === '/stats/prometheus';
  const known = target.labels['instance'] ?? instance;
  const match = [...(known === '' ? [] : [`instance=${known}`]), `job=${target.source}`];
  const metric = isProxy ? 'istio_requests_total' : 'scrape_samples_scraped';
  return hashOf({ page: 'metrics', search: { ...anyMetric, metric, match } });
}

type Fact = readonly [name: string, value: string | undefined];

function factsOf(target: TargetInfo, nowMs: number, say: Say): readonly Fact[] {
  const { written, lastMs, nextMs, durationMs, bytes, samples, filtered, measurement, timeoutMs } = target;
  return [
    [say('page'), target.url],
    [say('writtenAs'), written],
    [say('foundBy'), target.rule === '' ? undefined : target.rule],
    [say('jobSource'), target.source],
    [say('measurement'), measurement],
    [
      say('scrapedEvery'),
      target.intervalMs === 0
        ? undefined
        : say('everyWithin', { every: spanText(target.intervalMs), within: spanText(timeoutMs ?? target.intervalMs) }),
    ],
    [
      say('lastScrape'),
      lastMs === undefined ? undefined : `${momentText(lastMs)} (${say('ago', { age: spanText(nowMs - lastMs) })})`,
    ],
    [
      say('tookSize'),
      durationMs === undefined
        ? undefined
        : [durationText(durationMs * 1000), ...(bytes === undefined ? [] : [bytesText(bytes)])].join(', '),
    ],
    [
      say('samples'),
      samples === undefined
        ? undefined
        : `${exactText(samples)}${filtered === undefined ? '' : ` (${say('filteredOf', { count: exactText(filtered) })})`}`,
    ],
    [
      say('nextScrape'),
      nextMs === undefined ? undefined : say('inTime', { time: spanText(Math.max(0, nextMs - nowMs)) }),
    ],
  ];
}

function Facts({ target, nowMs }: { readonly target: TargetInfo; readonly nowMs: number }): VNode {
  const say = useSay();
  const { labels } = target;
  return (
    <dl class="target-facts">
      {factsOf(target, nowMs, say).map(([name, value]) =>
        value === undefined ? null : (
          <div key={name}>
            <dt>{name}</dt>
            <dd class="mono">{value}</dd>
          </div>
        ),
      )}
      {Object.keys(labels).length > 0 && (
        <div>
          <dt>{say('labels')}</dt>
          <dd class="mono">
            {Object.entries(labels).map(([name, value]) => (
              <span key={name} class="chip">
                {name}={value}
              </span>
            ))}
          </dd>
        </div>
      )}
    </dl>
  );
}

function Annotations({ pod }: { readonly pod: PodInfo }): VNode {
  const say = useSay();
  const found = Object.entries(pod.annotations);
  return (
    <div class="annotations">
      <h3>{say('annotationsFound')}</h3>
      {found.length === 0 ? (
        <p class="muted">{say('noAnnotations')}</p>
      ) : (
        found.map(([name, text]) => (
          <Copyable key={name} text={text.includes('\n') ? `${name}: |\n${indented(text)}` : `${name}: "${text}"`} />
        ))
      )}
      <p class="muted">{say('explainHere')}</p>
      <Copyable text={`meshbridge explain --pod ${pod.namespace}/${pod.pod}`} />
    </div>
  );
}

function indented(text: string): string {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => (line === '' ? '' : `  ${line}`))
    .join('\n');
}
