import type { ListedPod, ListedTarget, TargetList } from './target-list.ts';

type Labels = Readonly<Record<string, string>>;

interface ActiveTarget {
  readonly discoveredLabels: Labels;
  readonly labels: Labels;
  readonly scrapePool: string;
  readonly scrapeUrl: string;
  readonly globalUrl: string;
  readonly lastError: string;
  readonly lastScrape: string;
  readonly lastScrapeDuration: number;
  readonly health: 'up' | 'down' | 'unknown';
  readonly scrapeInterval: string;
  readonly scrapeTimeout: string;
}

interface DroppedTarget {
  readonly discoveredLabels: Labels;
  readonly scrapePool: string;
}

export interface PrometheusTargets {
  readonly activeTargets: readonly ActiveTarget[];
  readonly droppedTargets: readonly DroppedTarget[];
  readonly droppedTargetCounts: Readonly<Record<string, number>>;
}

/** Go's zero time: never. */
const never = '0001-01-01T00:00:00Z';

/**
 * Prometheus' `/api/v1/targets` (docs/querying/api, "Targets"): `state` is active, dropped or any, `scrapePool` one pool. A pool
 * is what we call a source; pods that are not collected are the dropped ones.
 */
export function prometheusTargets(list: TargetList, query: URLSearchParams): PrometheusTargets {
  const state = query.get('state')?.toLowerCase() ?? 'any';
  const pool = query.get('scrapePool') ?? '';
  const inPool = ({ scrapePool }: { readonly scrapePool: string }): boolean => pool === '' || scrapePool === pool;
  const active = state === 'dropped' ? [] : list.targets.map(activeTarget).filter(inPool);
  const dropped = list.pods.filter(({ skipped }) => skipped !== undefined).map(droppedTarget);
  return {
    activeTargets: active,
    droppedTargets: state === 'active' ? [] : dropped.filter(inPool),
    droppedTargetCounts: Object.fromEntries(
      [...Map.groupBy(dropped, ({ scrapePool }) => scrapePool)].map(([name, of]) => [name, of.length]),
    ),
  };
}

function activeTarget(target: ListedTarget): ActiveTarget {
  const { url, state, source, intervalMs, timeoutMs = intervalMs, lastMs, durationMs = 0, error = '' } = target;
  const { address, scheme, path } = placeOf(url);
  const interval = durationText(intervalMs);
  const timeout = durationText(timeoutMs);
  return {
    discoveredLabels: {
      __address__: address,
      __metrics_path__: path,
      __scheme__: scheme,
      __scrape_interval__: interval,
      __scrape_timeout__: timeout,
      ...podLabels(target),
      job: source,
    },
    labels: { ...target.labels, instance: address, job: source },
    scrapePool: source,
    scrapeUrl: url,
    globalUrl: url,
    lastError: error,
    lastScrape: lastMs === undefined ? never : new Date(lastMs).toISOString(),
    lastScrapeDuration: durationMs / 1000,
    health: state === 'waiting' ? 'unknown' : state,
    scrapeInterval: interval,
    scrapeTimeout: timeout,
  };
}

function droppedTarget(pod: ListedPod): DroppedTarget {
  return { discoveredLabels: { ...podLabels(pod), job: pod.input }, scrapePool: pod.input };
}

function podLabels({ namespace, pod }: { readonly namespace?: string | undefined; readonly pod?: string | undefined }) {
  return {
    ...(namespace !== undefined && { __meta_kubernetes_namespace: namespace }),
    ...(pod !== undefined && { __meta_kubernetes_pod_name: pod }),
  };
}

/** A file has a path alone. */
export function placeOf(url: string): { readonly address: string; readonly scheme: string; readonly path: string } {
  const parsed = URL.parse(url);
  if (parsed === null || parsed.host === '') {
    return { address: '', scheme: 'file', path: parsed?.pathname ?? url };
  }
  const scheme = parsed.protocol.slice(0, -1);
  const usual = scheme === 'https' ? '443' : '80';
  const address = parsed.port === '' ? `${parsed.hostname}:${usual}` : parsed.host;
  return { address, scheme, path: parsed.pathname };
}

const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
  ['ms', 1],
] as const;

/** As Prometheus writes durations: `1m30s`. */
function durationText(ms: number): string {
  let left = Math.round(ms);
  const parts = units.map(([unit, size]) => {
    const whole = Math.floor(left / size);
    left -= whole * size;
    return whole === 0 ? '' : `${whole}${unit}`;
  });
  return parts.join('') || '0s';
}
