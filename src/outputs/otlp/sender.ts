import { gzipSync } from 'node:zlib';
import { partialSuccessOf } from '../../codec/otlp/messages.ts';
import type { OutputRuntime, WriteRequest, WriteResult } from '../../contract/output.ts';
import type { Health } from '../../contract/runtime.ts';
import { GrpcClient, misconfiguredCodes, passingCodes } from '../../http/grpc/grpc-client.ts';
import { attempt, type Sender } from '../../http/lazy-output.ts';
import { Poster } from '../../http/poster.ts';
import { headersOf, reachOf, tlsOptions } from '../../http/reach.ts';
import { healthOf, resultOfPost } from '../../http/status.ts';
import type { Signal } from '../../model/batch.ts';
import { Bodies, type Sent } from './body.ts';
import type { OtlpOutputConfig } from './otlp.ts';

interface Attempt {
  /** Of this request. */
  readonly records: number;
  readonly signal: AbortSignal;
}

const rejectedKeys = ['rejectedSpans', 'rejectedDataPoints', 'rejectedLogRecords'];

type Way = (body: Buffer, attempt: Attempt) => Promise<WriteResult>;

const paths = { traces: '/v1/traces', metrics: '/v1/metrics', logs: '/v1/logs' } as const;
const methods = {
  metrics: '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
  traces: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
  logs: '/opentelemetry.proto.collector.logs.v1.LogsService/Export',
} as const;

/** OTLP 1.x (opentelemetry-proto, docs/specification.md): one receiver, and the ways to it. */
export class OtlpSender implements Sender {
  readonly #config: OtlpOutputConfig;
  readonly #runtime: OutputRuntime;
  readonly #ways: Readonly<Record<Sent, Way>>;
  readonly #bodies: Bodies;
  readonly #closing: (() => Promise<void>)[] = [];

  constructor(config: OtlpOutputConfig, runtime: OutputRuntime) {
    this.#config = config;
    this.#runtime = runtime;
    this.#ways =
      config.protocol === 'grpc'
        ? this.#grpc()
        : { traces: this.#http('traces'), metrics: this.#http('metrics'), logs: this.#http('logs') };
    this.#bodies = new Bodies({
      encoding: config.protocol === 'http/json' ? 'json' : 'protobuf',
      shared: config.shared_spans,
      decode: runtime.decode,
    });
  }

  async write({ signal: of, records }: WriteRequest, signal: AbortSignal): Promise<WriteResult> {
    const way = this.#ways[sentOf(of)];
    return await attempt(
      {
        records: records.length,
        encode: () => this.#bodies.of(sentOf(of), records),
        post: (body) => way(body, { records: records.length, signal }),
      },
      signal,
    );
  }

  /** Sends a request without anything in it; a receiver of one signal alone answers where it takes that. */
  async check(): Promise<Health> {
    const first = await this.#checkOf('traces');
    for (const other of ['metrics', 'logs'] as const) {
      if (first.ok || (await this.#checkOf(other)).ok) {
        return { ok: true };
      }
    }
    return first;
  }

  async close(): Promise<void> {
    await Promise.all(this.#closing.map((close) => close()));
  }

  async #checkOf(signal: Sent): Promise<Health> {
    return await healthOf((aborted) => this.write({ signal, records: [], items: 0, id: '' }, aborted));
  }

  #http(of: Sent): Way {
    const { url, compression, protocol } = this.#config;
    const { userAgent, clock } = this.#runtime;
    const type = protocol === 'http/json' ? 'application/json' : 'application/x-protobuf';
    const gzip = compression === 'gzip';
    const poster = new Poster({
      url: withPath(url, paths[of]),
      ...reachOf(this.#config),
      protocolHeaders: { 'content-type': type, ...(gzip && { 'content-encoding': 'gzip' }) },
      userAgent,
    });
    this.#closing.push(() => poster.close());
    return async (body, { records, signal }) => {
      const posted = await poster.post(gzip ? gzipSync(body, { level: 1 }) : body, signal);
      const result = resultOfPost(posted, { records, nowMs: clock.now() });
      return result.status === 'delivered' ? partial(posted.body, protocol === 'http/json') : result;
    };
  }

  #grpc(): Readonly<Record<Sent, Way>> {
    const { url, tls, proxy_url: proxyUrl } = this.#config;
    const client = new GrpcClient({
      url,
      headers: async () => await headersOf(new URL(url), this.#config, this.#runtime.userAgent),
      tls: async () => (tls === undefined ? {} : await tlsOptions(tls)),
      proxyUrl,
    });
    this.#closing.push(() => client.close());
    const way = (of: Sent): Way => {
      return async (body, { records, signal }) => {
        const { code, text, message } = await client.call(methods[of], body, signal);
        return code === 0 ? partial(message, false) : resultOfCode(code, text, records);
      };
    };
    return { traces: way('traces'), metrics: way('metrics'), logs: way('logs') };
  }
}

/** The signal's path stands behind the base address, unless the address has it already. */
function withPath(base: string, path: string): string {
  const url = new URL(base);
  if (!url.pathname.endsWith(path)) {
    url.pathname = url.pathname.replace(/(\/v1\/(traces|logs|metrics))?\/*$/, '') + path;
  }
  return url.href;
}

function partial(answer: Buffer, isJson: boolean): WriteResult {
  const found = isJson ? partialOfJson(answer) : partialSuccessOf(answer);
  return found === undefined
    ? { status: 'delivered' }
    : { status: 'partial', rejected: found.rejected, reason: found.message || 'no reason given' };
}

function partialOfJson(answer: Buffer): { readonly rejected: number; readonly message: string } | undefined {
  try {
    const { partialSuccess } = JSON.parse(answer.toString()) as { partialSuccess?: Readonly<Record<string, unknown>> };
    const rejected = Number(rejectedKeys.map((key) => partialSuccess?.[key]).find((one) => one !== undefined) ?? 0);
    return rejected > 0 ? { rejected, message: String(partialSuccess?.['errorMessage'] ?? '') } : undefined;
  } catch {
    return undefined;
  }
}

/** RUM is not among the signals of this output. */
function sentOf(signal: Signal): Sent {
  return signal === 'rum' ? 'logs' : signal;
}

function resultOfCode(code: number, text: string, records: number): WriteResult {
  const reason = `gRPC ${code}${text === '' ? '' : `: ${text}`}`;
  if (passingCodes.has(code)) {
    return { status: 'retry', reason, cause: 'busy' };
  }
  if (misconfiguredCodes.has(code)) {
    return { status: 'retry', reason, cause: 'misconfigured' };
  }
  return records > 1 ? { status: 'split', reason } : { status: 'rejected', reason };
}
