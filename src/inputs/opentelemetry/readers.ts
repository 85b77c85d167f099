import { logBlockFormat, logBlockParts } from '../../codec/log-block/log-block.ts';
import { readLogsRequest } from '../../codec/otlp/messages-in.ts';
import { otlpLogBlocks } from '../../codec/otlp/otlp-logs.ts';
import { checkOtlpTraces, checkOtlpTracesJson } from '../../codec/otlp/otlp-traces.ts';
import { BridgeError } from '../../contract/errors.ts';
import type { Batch } from '../../model/batch.ts';

/** What OTLP carries. */
export type OtlpSignal = 'traces' | 'logs';
export type Encoding = 'protobuf' | 'json';

export interface ReadOptions {
  readonly nowMs: number;
  /** Of a log line. */
  readonly maxLineBytes: number;
}

/** What a request holds. */
export interface Content {
  readonly batches: readonly Omit<Batch, 'edits'>[];
  /** Items that are not taken, and what is wrong with the first of them. */
  readonly rejected: number;
  readonly firstFault?: string;
}

/** By signal. Each is synchronous and pure, and throws BRIDGE_DECODE where nothing can be made of the whole request. */
export type Readers = Readonly<Record<OtlpSignal, (body: Buffer, encoding: Encoding, options: ReadOptions) => Content>>;

export const readers: Readers = { traces: readTraces, logs: readLogs };

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

function readLogs(body: Buffer, encoding: Encoding, options: ReadOptions): Content {
  const { blocks, ...rest } = otlpLogBlocks(readLogsRequest(body, encoding), options);
  const batches = blocks.map(({ origin, block }) => {
    const format = logBlockFormat(block);
    return { signal: 'logs', origin, format, payload: logBlockParts(block), items: block.count } as const;
  });
  return { batches, ...rest };
}
