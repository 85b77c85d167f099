import type { Origin } from '../model/batch.ts';
import { isPath, type PromConfig } from './config.ts';
import { type LeftOutCount, leftOutBy, leftOutLine } from './left-out.ts';

/** What the page shows of a target. Times are ms since 1970. */
export interface TargetStatus {
  readonly url: string;
  readonly state: 'waiting' | 'up' | 'down';
  readonly intervalMs: number;
  readonly nextMs?: number;
  readonly lastMs?: number;
  readonly durationMs?: number;
  readonly samples?: number;
  readonly bytes?: number;
  readonly error?: string;
  readonly hint?: string;
  /** Of a pod: which, and what it was found by. */
  readonly namespace?: string;
  readonly pod?: string;
  readonly rule?: string;
  readonly source?: string;
  readonly workload?: string;
  /** Labels that its settings add to its series. */
  readonly tags?: Readonly<Record<string, string>>;
  /** What its settings leave out, in words. */
  readonly leftOut?: readonly string[];
  /** The same, as it was found on the page so far. */
  readonly leftOutCounts?: readonly LeftOutCount[];
  /** Samples of the last scrape that were left out. */
  readonly filtered?: number;
  readonly timeoutMs?: number;
  /** Of the last scrapes, the oldest first: how many ms each took, at least 1; negative where it failed. */
  readonly history?: readonly number[];
}

/** What stays the same from scrape to scrape. */
export type TargetIdentity = Omit<TargetStatus, 'state' | 'intervalMs'>;

interface Named {
  readonly url: string;
  readonly config: PromConfig;
  readonly pod?: { readonly origin: Origin; readonly rule: string };
}

export function identityOf({ url, config, pod }: Named): TargetIdentity {
  const { namespace, pod: name, workload } = pod?.origin ?? {};
  const leftOut = leftOutBy(config, pod?.rule ?? '[[inputs.prom]]');
  return {
    url: withoutPassword(url),
    source: config.source,
    timeoutMs: Math.min(config.timeout, config.interval),
    ...(Object.keys(config.tags).length > 0 && { tags: config.tags }),
    ...(leftOut.length > 0 && { leftOut }),
    ...(workload !== undefined && { workload }),
    ...(namespace !== undefined && { namespace }),
    ...(name !== undefined && { pod: name }),
    ...(pod && { rule: pod.rule }),
  };
}

function withoutPassword(address: string): string {
  if (isPath(address)) {
    return address;
  }
  const url = new URL(address);
  url.password = '';
  url.username = '';
  return url.href;
}

/** What was left out of a page, where anything was. */
export function filteredOf(
  { leftOut = [] }: TargetIdentity,
  counts: readonly LeftOutCount[],
  filtered: number,
): Pick<TargetStatus, 'leftOut' | 'leftOutCounts' | 'filtered'> {
  return counts.length === 0
    ? {}
    : { leftOut: [...leftOut, ...counts.map(leftOutLine)], leftOutCounts: counts, ...(filtered > 0 && { filtered }) };
}
