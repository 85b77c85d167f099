import type { VNode } from 'preact';
import { useSay } from './hooks.ts';
import { hashOf } from './route.ts';
import { anyService } from './service-search.ts';
import type { TimeSpan } from './time-span.ts';
import { anySearch } from './trace-search.ts';

interface TraceTabsProps {
  readonly current: 'traces' | 'services';
  readonly time: TimeSpan;
}

/** Between the list of traces and what follows from all of them. */
export function TraceTabs({ current, time }: TraceTabsProps): VNode {
  const say = useSay();
  const tabs = [
    ['traces', hashOf({ page: 'traces', search: { ...anySearch, ...time } })],
    ['services', hashOf({ page: 'services', search: { ...anyService, ...time } })],
  ] as const;
  return (
    <nav class="trace-tabs" aria-label={say('traces')}>
      {tabs.map(([name, href]) => (
        <a key={name} href={href} aria-current={name === current ? 'page' : undefined}>
          {say(name)}
        </a>
      ))}
    </nav>
  );
}

export function timeOf({ range, from, until }: TimeSpan): TimeSpan {
  return { range, ...(from === undefined ? {} : { from }), ...(until === undefined ? {} : { until }) };
}
