import { Histogram } from './histogram.ts';
import { type Beholder, customerLabels, istioLabels } from './istio-labels.ts';
import type { ConnectionReport, Report, RequestReport } from './reports.ts';

const histograms = ['istio_request_duration_milliseconds', 'istio_request_bytes', 'istio_response_bytes'] as const;

/** What people ask with can differ without end; what is beyond is counted in none. */
const maxCustomerSeries = 1000;

interface RequestSeries {
  requests: number;
  /** In the order of `histograms`. */
  readonly histograms: readonly [Histogram, Histogram, Histogram];
  readonly messages: { sent: number; received: number } | undefined;
}

interface ConnectionSeries {
  sent: number;
  received: number;
  opened: number;
  closed: number;
}

/** What was already counted of an open connection. */
interface Counted {
  readonly sent: number;
  readonly received: number;
}

/** Istio's standard metrics of one pod, counted from what its Envoy reports. */
export class IstioMetrics {
  readonly #beholder: Beholder;
  readonly #requests = new Map<string, RequestSeries>();
  readonly #connections = new Map<string, ConnectionSeries>();
  readonly #customers = new Map<string, number>();
  readonly #open = new Map<string, Counted>();
  #receivedBytes = 0;
  #sentBytes = 0;

  constructor(beholder: Beholder) {
    this.#beholder = beholder;
  }

  /** Bytes that came in and went out, of all that was reported. */
  get traffic(): { readonly receivedBytes: number; readonly sentBytes: number } {
    return { receivedBytes: this.#receivedBytes, sentBytes: this.#sentBytes };
  }

  count(report: Report): void {
    if (report.kind === 'request') {
      this.#countRequest(report);
    } else {
      this.#countConnection(report);
    }
  }

  /** In Prometheus' text format. */
  render(): string {
    const lines = ['# TYPE istio_build gauge', 'istio_build{component="proxy",tag="demo"} 1'];
    this.#renderRequests(lines);
    this.#renderMessages(lines);
    this.#renderConnections(lines);
    renderCounter(lines, 'istio_customer_request_count', this.#customers);
    return `${lines.join('\n')}\n`;
  }

  #countRequest(report: RequestReport): void {
    const labels = istioLabels(report, this.#beholder);
    let series = this.#requests.get(labels);
    if (series === undefined) {
      series = {
        requests: 0,
        histograms: [new Histogram(), new Histogram(), new Histogram()],
        messages: report.grpc && { sent: 0, received: 0 },
      };
      this.#requests.set(labels, series);
    }
    series.requests += 1;
    const [duration, request, response] = series.histograms;
    duration.observe(report.durationMs);
    request.observe(report.requestBytes);
    response.observe(report.responseBytes);
    this.#countTraffic(report, report.requestBytes, report.responseBytes);
    if (series.messages !== undefined && report.grpc !== undefined) {
      series.messages.sent += report.grpc.sent;
      series.messages.received += report.grpc.received;
    }
    if (report.reporter === 'destination') {
      this.#countCustomer(customerLabels(report, this.#beholder.self));
    }
  }

  #countCustomer(labels: string): void {
    const before = this.#customers.get(labels);
    if (before !== undefined || this.#customers.size < maxCustomerSeries) {
      this.#customers.set(labels, (before ?? 0) + 1);
    }
  }

  #countConnection(report: ConnectionReport): void {
    // Only the end of a connection knows how it ended; until then it is of the series without flags.
    const labels = istioLabels(report.phase === 'closed' ? report : { ...report, responseFlags: '-' }, this.#beholder);
    const series = this.#connections.get(labels) ?? { sent: 0, received: 0, opened: 0, closed: 0 };
    this.#connections.set(labels, series);
    const counted = this.#open.get(report.id) ?? { sent: 0, received: 0 };
    const [asked, answered] = [report.receivedBytes - counted.received, report.sentBytes - counted.sent];
    series.sent += answered;
    series.received += asked;
    this.#countTraffic(report, asked, answered);
    series.opened += this.#open.has(report.id) ? 0 : 1;
    this.#open.set(report.id, { sent: report.sentBytes, received: report.receivedBytes });
    if (report.phase === 'closed') {
      series.closed += 1;
      this.#open.delete(report.id);
    }
  }

  /** What is asked comes in at the destination, and goes out at the source. */
  #countTraffic({ reporter }: Report, askedBytes: number, answeredBytes: number): void {
    const isSource = reporter === 'source';
    this.#sentBytes += isSource ? askedBytes : answeredBytes;
    this.#receivedBytes += isSource ? answeredBytes : askedBytes;
  }

  #renderRequests(lines: string[]): void {
    lines.push('# TYPE istio_requests_total counter');
    for (const [labels, { requests }] of this.#requests) {
      lines.push(`istio_requests_total{${labels}} ${requests}`);
    }
    for (const [n, name] of histograms.entries()) {
      lines.push(`# TYPE ${name} histogram`);
      for (const [labels, series] of this.#requests) {
        series.histograms[n]?.render(lines, name, labels);
      }
    }
  }

  #renderMessages(lines: string[]): void {
    const grpc = [...this.#requests].flatMap(([labels, { messages }]) =>
      messages === undefined ? [] : [{ labels, ...messages }],
    );
    const column = (name: 'sent' | 'received') => grpc.map((one) => [one.labels, one[name]] as const);
    renderCounter(lines, 'istio_request_messages_total', column('sent'));
    renderCounter(lines, 'istio_response_messages_total', column('received'));
  }

  #renderConnections(lines: string[]): void {
    const column = (name: keyof ConnectionSeries) =>
      [...this.#connections].map(([labels, series]) => [labels, series[name]] as const);
    renderCounter(lines, 'istio_tcp_sent_bytes_total', column('sent'));
    renderCounter(lines, 'istio_tcp_received_bytes_total', column('received'));
    renderCounter(lines, 'istio_tcp_connections_opened_total', column('opened'));
    renderCounter(lines, 'istio_tcp_connections_closed_total', column('closed'));
  }
}

/** A family without samples is left out. */
function renderCounter(lines: string[], name: string, samples: Iterable<readonly [string, number]>): void {
  const rows = [...samples].map(([labels, value]) => `${name}{${labels}} ${value}`);
  if (rows.length > 0) {
    lines.push(`# TYPE ${name} counter`, ...rows);
  }
}
