/** Pages of metrics to be scraped: each asks for a new value in every line. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Pages {
  readonly urls: readonly string[];
  close(): Promise<void>;
}

/** So many targets of so many series each, on one port. */
export async function servePages(targets: number, series: number): Promise<Pages> {
  const asked = new Map<string, number>();
  const server: Server = createServer((request, response) => {
    const path = request.url ?? '';
    const round = (asked.get(path) ?? 0) + 1;
    asked.set(path, round);
    const body = Buffer.from(pageOf(path, series, round));
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4', 'content-length': body.length }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    urls: Array.from({ length: targets }, (_, i) => `http://127.0.0.1:${port}/pod-${i}`),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function pageOf(path: string, series: number, round: number): string {
  const lines = ['# HELP istio_requests_total Requests.', '# TYPE istio_requests_total counter'];
  for (let i = 0; i < series; i += 1) {
    const labels = `reporter="destination",source_workload="productpage-v${i % 7}",destination_service="reviews.prod.svc.cluster.local",request_protocol="http",response_code="200",connection_security_policy="mutual_tls",pod="${path.slice(1)}",route="${i}"`;
    lines.push(`istio_requests_total{${labels}} ${round * 10 + (i % 10)}`);
  }
  return `${lines.join('\n')}\n`;
}
