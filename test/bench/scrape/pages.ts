/** The pages of one kind of target: an Envoy with Istio's statistics, of which only values change from scrape to scrape. */

export interface PagePlan {
  readonly series: number;
  /** How many of them are Envoy's own, whose lines are short. */
  readonly ownSeries: number;
  /** About how long a line is, by which the principals are padded. */
  readonly lineBytes: number;
}

const buckets = [
  '0.5',
  '1',
  '5',
  '10',
  '25',
  '50',
  '100',
  '250',
  '500',
  '1000',
  '2500',
  '5000',
  '10000',
  '30000',
  '60000',
  '300000',
  '600000',
  '1800000',
  '3600000',
  '+Inf',
];
const histograms = ['istio_request_duration_milliseconds', 'istio_request_bytes', 'istio_response_bytes'];
const ownName = 'envoy_cluster_upstream_cx_total';
const seriesPerClient = 1 + histograms.length * (buckets.length + 2);

/** One line. `rank` makes its value: those of a histogram grow with it. */
interface Line {
  readonly name: string;
  readonly client: number;
  readonly le?: string;
  readonly rank: number;
}

/** Which values may stand on a page: bound to the target and the series, and one larger with each scrape. */
export function servedValue(target: number, rank: number, series: number, scrape: number): number {
  return 1_000_000_000 + (target * series + rank) * scrapesMost + scrape;
}

/** Digits of every value: none grows longer. */
export const valueDigits = 10;
export const scrapesMost = 4096;

/** Whole histograms only; counters of further clients fill the page up. */
export function linesOf({ series, ownSeries }: PagePlan): readonly Line[] {
  const clients = Math.floor((series - ownSeries) / seriesPerClient);
  const counters = series - ownSeries - clients * (seriesPerClient - 1);
  const lines: Line[] = Array.from({ length: counters }, (_, client) => {
    return { name: 'istio_requests_total', client, rank: client };
  });
  for (const name of histograms) {
    for (let client = 0; client < clients; client++) {
      const from = lines.length;
      buckets.forEach((le, i) => {
        lines.push({ name: `${name}_bucket`, client, le, rank: from + i });
      });
      lines.push({ name: `${name}_sum`, client, rank: from + buckets.length });
      lines.push({ name: `${name}_count`, client, rank: from + buckets.length - 1 });
    }
  }
  for (let client = 0; client < ownSeries; client++) {
    lines.push({ name: ownName, client, rank: lines.length });
  }
  return lines;
}

/** What finds a line again by its labels. */
export function keyOf(name: string, client: string, le: string | undefined): string {
  return `${name} ${client} ${le ?? ''}`;
}

export function clientName(client: number): string {
  return `client-${String(client).padStart(3, '0')}`;
}

export function targetName(target: number): string {
  return `reviews-v${(target % 3) + 1}-t${String(target).padStart(4, '0')}`;
}

export interface Page {
  readonly body: Buffer;
  /** Where each value stands. */
  readonly valuesAt: Uint32Array;
  readonly ranks: Uint32Array;
  /** Where another line of the first family may be put in. */
  readonly insertAt: number;
}

export function pageOf(plan: PagePlan, target: number): Page {
  const lines = linesOf(plan);
  const bare = lineOf({ name: 'istio_response_bytes_bucket', client: 0, le: '1000', rank: 0 }, target, 0);
  const padding = Math.max(0, plan.lineBytes - bare.length);
  const parts: string[] = [];
  const valuesAt = new Uint32Array(lines.length);
  const ranks = new Uint32Array(lines.length);
  let length = 0;
  let insertAt = 0;
  let family = '';
  const add = (text: string): void => {
    parts.push(text);
    length += text.length;
  };
  lines.forEach((line, i) => {
    const found = line.name.replace(/_(bucket|sum|count)$/, '');
    if (found !== family) {
      insertAt ||= i === 0 ? 0 : length;
      family = found;
      add(`# TYPE ${family} ${line.name.endsWith('_total') ? 'counter' : 'histogram'}\n`);
    }
    add(lineOf(line, target, padding));
    valuesAt[i] = length - valueDigits - 1;
    ranks[i] = line.rank;
  });
  return { body: Buffer.from(parts.join(''), 'latin1'), valuesAt, ranks, insertAt };
}

/** The line of a client that comes and goes. */
export function visitorLine(target: number, visit: number): Buffer {
  const line = lineOf({ name: 'istio_requests_total', client: 999, rank: 0 }, target, 0);
  return Buffer.from(line.replaceAll(clientName(999), `visitor-${visit}`), 'latin1');
}

function lineOf({ name, client, le }: Line, target: number, padding: number): string {
  const from = clientName(client);
  const to = targetName(target);
  if (name === ownName) {
    return `${name}{source_workload="${from}",destination_workload="${to}"} ${'0'.repeat(valueDigits)}\n`;
  }
  const app = `app-${client}`;
  const labels: [string, string][] = [
    ['reporter', 'destination'],
    ['source_workload', from],
    ['source_canonical_service', app],
    ['source_canonical_revision', 'v1'],
    ['source_workload_namespace', 'books'],
    ['source_principal', `spiffe://cluster.local/${from}${'-'.repeat(padding)}`],
    ['source_app', app],
    ['source_version', 'v1'],
    ['source_cluster', 'k8s'],
    ['destination_workload', to],
    ['destination_workload_namespace', 'books'],
    ['destination_principal', 'spiffe://cluster.local/reviews'],
    ['destination_app', 'reviews'],
    ['destination_version', `v${(target % 3) + 1}`],
    ['destination_service', 'reviews.books'],
    ['destination_canonical_service', 'reviews'],
    ['destination_canonical_revision', `v${(target % 3) + 1}`],
    ['destination_service_name', 'reviews'],
    ['destination_service_namespace', 'books'],
    ['destination_cluster', 'k8s'],
    ['request_protocol', 'http'],
    ['response_code', '200'],
    ['grpc_response_status', ''],
    ['response_flags', '-'],
    ['connection_security_policy', 'mutual_tls'],
  ];
  if (le !== undefined) {
    labels.push(['le', le]);
  }
  const text = labels.map(([label, value]) => `${label}="${value}"`).join(',');
  return `${name}{${text}} ${'0'.repeat(valueDigits)}\n`;
}
