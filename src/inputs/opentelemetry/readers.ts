import { logBlockFormat, logBlockParts } from '../../codec/log-block/log-block.ts';
import { readLogsRequest, readMetricsRequest } from '../../codec/otlp/messages-in.ts';
import { otlpLogBlocks } from '../../codec/otlp/otlp-logs.ts';
import { otlpMetricFrames } from '../../codec/otlp/otlp-metrics.ts';
import { checkOtlpTraces, checkOtlpTracesJson } from '../../codec/otlp/otlp-traces.ts';
import { BridgeError } from '../../contract/errors.ts';
import type { Batch } from '../../model/batch.ts';

/** What OTLP carries. */
export type OtlpSignal = 'traces' | 'metrics' | 'logs';
export type Encoding = 'protobuf' | 'json';

export interface ReadOptions {
  readonly nowMs: number;
  /** Of a log line. */
  readonly maxLineBytes: number;
  /** Attributes of the resource that become labels of each series. */
  readonly promote: readonly string[];
}

/** What a request holds. */
export interface Content {
  readonly batches: readonly Omit<Batch, 'edits'>[];
  /** Items that are not taken, and what is wrong with the first of them. */
  readonly rejected: number;
  readonly firstFault?: string;
  /** Data points that became something else than they were. */
  readonly converted?: number;
}

/** By signal. Each is synchronous and pure, and throws BRIDGE_DECODE where nothing can be made of the whole request. */
export type Readers = Readonly<Record<OtlpSignal, (body: Buffer, encoding: Encoding, options: ReadOptions) => Content>>;

export const readers: Readers = { traces: readTraces, metrics: readMetrics, logs: readLogs };

/** Spans stay the sender's bytes. */
function readTraces(body: Buffer, encoding: Encoding): Content {
  const isJson = encoding === 'json';
  const checked = isJson ? checkOtlpTracesJson(body) : checkOtlpTraces(body);
  if (!checked.ok) {
    throw new BridgeError('BRIDGE_DECODE', checked.reason);
  }
  const { items, rejected, firstFault } = checked;
  const batch = { signal: 'traces', origin: {}, format: isJson ? 'otlp-traces-json' : 'otlp-traces' } as const;
  return {
    batches: items === 0 ? [] : [{ ...batch, payload: body, items }],
    rejected,
    ...(firstFault !== undefined && { firstFault }),
  };
}

function readMetrics(body: Buffer, encoding: Encoding, options: ReadOptions): Content {
  const { frames, ...rest } = otlpMetricFrames(readMetricsRequest(body, encoding), options);
  const batches = frames.map((frame) => ({ signal: 'metrics', format: 'metric-frame', ...frame }) as const);
  return { batches, ...rest };
}

function readLogs(body: Buffer, encoding: Encoding, options: ReadOptions): Content {
  const { blocks, ...rest } = otlpLogBlocks(readLogsRequest(body, encoding), options);
  const batches = blocks.map(({ origin, block }) => {
    const format = logBlockFormat(block);
    return { signal: 'logs', origin, format, payload: logBlockParts(block), items: block.count } as const;
  });
  return { batches, ...rest };
}
