import type { RumQuery } from '../../../contract/store.ts';
import type { Slice } from '../slice.ts';
import type { PointPage } from './point-page.ts';
import { PointQuery } from './point-query.ts';
import type { RumPartition } from './rum-partition.ts';
import { Sketch } from './sketch.ts';
import { visitPages } from './visit.ts';
import { rounded } from './vitals.ts';

/** Groups that are held; resources that would begin another are counted together. */
const mostGroups = 5_000;
const nanosPerMs = 1e6;

interface Group {
  readonly host: string;
  readonly path: string;
  readonly type: string;
  readonly method: string;
  readonly durations: Sketch;
  readonly ttfb: Sketch;
  errors: number;
  bytes: number;
  /** Of the slowest one that has one. */
  slowestMs: number;
  traceId: string;
}

/** Resources of one host, path, type and method, the slowest first; quantiles are right to one in a hundred. */
export async function resourceGroups(
  partitions: readonly RumPartition[],
  { query, limit }: { readonly query: RumQuery; readonly limit: number },
  slice: Slice,
): Promise<{ readonly resources: readonly object[]; readonly total: number; readonly others: number }> {
  const ofResources = new PointQuery(query, ['resource']);
  const groups = new Map<string, Group>();
  const counts = { total: 0, others: 0 };
  await visitPages(partitions, ofResources, slice, (page) => {
    const take = taker(page, groups);
    for (const at of ofResources.pointsIn(page)) {
      counts.total += 1;
      counts.others += take(at) ? 0 : 1;
    }
  });
  const listed = [...groups.values()].map((group) => ({ group, p75: group.durations.quantile(0.75) ?? 0 }));
  listed.sort((a, b) => b.p75 - a.p75 || b.group.durations.count - a.group.durations.count);
  return { resources: listed.slice(0, limit).map(({ group }) => groupJson(group)), ...counts };
}

/** The result is false where the resource is of no group. */
function taker(page: PointPage, groups: Map<string, Group>): (at: number) => boolean {
  const column = (key: string) => page.column(key);
  const paths = ['resource_url_path_group', 'resource_url_path', 'resource_url'].map(column);
  const host = column('resource_url_host');
  const type = column('resource_type');
  const method = column('resource_method');
  const status = column('resource_status');
  const duration = column('duration');
  const ttfb = column('resource_ttfb');
  const size = column('resource_size');
  const traceId = column('trace_id');
  return (at) => {
    const path = paths.map((one) => one.text(at)).find((text) => text !== '') ?? '';
    const group = groupOf(groups, { host: host.text(at), path, type: type.text(at), method: method.text(at) });
    if (group === undefined) {
      return false;
    }
    const ms = (duration.number(at) ?? 0) / nanosPerMs;
    group.durations.add(ms);
    group.ttfb.add((ttfb.number(at) ?? 0) / nanosPerMs);
    group.bytes += size.number(at) ?? 0;
    group.errors += (status.number(at) ?? 0) >= 400 ? 1 : 0;
    const trace = traceId.text(at);
    if (trace !== '' && ms >= group.slowestMs) {
      group.slowestMs = ms;
      group.traceId = trace;
    }
    return true;
  };
}

function groupOf(
  groups: Map<string, Group>,
  named: Pick<Group, 'host' | 'path' | 'type' | 'method'>,
): Group | undefined {
  const key = `${named.host}\n${named.path}\n${named.type}\n${named.method}`;
  const known = groups.get(key);
  if (known !== undefined || groups.size >= mostGroups) {
    return known;
  }
  const sums = { errors: 0, bytes: 0, slowestMs: 0, traceId: '' };
  const group: Group = { ...named, durations: new Sketch(), ttfb: new Sketch(), ...sums };
  groups.set(key, group);
  return group;
}

function groupJson({ host, path, type, method, durations, ttfb, errors, bytes, traceId }: Group): object {
  const at = (share: number): number => rounded(durations.quantile(share) ?? 0);
  return {
    host,
    path,
    type,
    method,
    count: durations.count,
    errors,
    p50Ms: at(0.5),
    p75Ms: at(0.75),
    p95Ms: at(0.95),
    maxMs: rounded(durations.max),
    ttfbP75Ms: rounded(ttfb.quantile(0.75) ?? 0),
    averageBytes: Math.round(bytes / durations.count),
    ...(traceId !== '' && { traceId }),
  };
}
