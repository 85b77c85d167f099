import { decodeWriteRequest, type WriteVersion } from '../../codec/remote-write/decode.ts';
import { KnownFamilies } from '../../codec/remote-write/known-families.ts';
import { type WriteRefusal, type WrittenFrames, writtenFrames } from '../../codec/remote-write/written-frames.ts';
import { hasCode } from '../../contract/errors.ts';
import type { HttpRequest, HttpResponse } from '../../contract/http.ts';
import { plainText } from '../../http/exchange.ts';
import { inflateSnappy } from '../../http/snappy-body.ts';
import type { Batch } from '../../model/batch.ts';

export interface Refused {
  readonly items: number;
  readonly reason: WriteRefusal | 'too_large' | 'unsupported';
  readonly message: string;
}

/** What a request brought, and what its sender is told once that is on disk. */
export interface Received {
  readonly batches: readonly Batch[];
  readonly refused: readonly Refused[];
  readonly exemplarsLeftOut: number;
  readonly response: HttpResponse;
}

const snappyLimits = { maxBytes: 100 * 1024 * 1024, otherwise: 'the body is not compressed by snappy (block format)' };
const types = 'application/x-protobuf, with proto=prometheus.WriteRequest or proto=io.prometheus.write.v2.Request';

/**
 * Remote-write 1.0 (prometheus/docs, remote_write_spec.md) and 2.0 (remote_write_spec_2_0.md). What is good of a request is taken.
 * 2.0 then wants to be told with 400 that something was not, beside how much was written; 1.0 has no such answer, and a sender of it
 * would count all as lost: it gets 400 only where nothing could be taken.
 */
export class Receiver {
  readonly #families = new KnownFamilies();

  /** Reads a request to the end of what can be said without storing it. */
  receive({ headers, body }: HttpRequest): Received {
    const type = headers['content-type'] ?? '';
    const version = versionOf(type);
    const coding = headers['content-encoding']?.trim().toLowerCase() ?? 'snappy';
    if (version === undefined) {
      return unsupported(`the content type ${JSON.stringify(type.slice(0, 200))} is not taken, but ${types}`);
    }
    if (coding !== 'snappy') {
      return unsupported(`the content encoding ${JSON.stringify(coding.slice(0, 40))} is not taken, but snappy`);
    }
    try {
      const request = decodeWriteRequest(inflateSnappy(body, snappyLimits), version);
      this.#families.learn(request.metadata);
      return received(writtenFrames(request, this.#families), version);
    } catch (error) {
      if (hasCode(error, 'BRIDGE_DECODE')) {
        return refusal('malformed', error.message, 400);
      }
      if (hasCode(error, 'BRIDGE_TOO_LARGE')) {
        return refusal('too_large', error.message, 413);
      }
      throw error;
    }
  }
}

/** Without a type it is 1.0, as Prometheus takes it. */
function versionOf(type: string): WriteVersion | undefined {
  const [media = '', ...parameters] = type
    .toLowerCase()
    .split(';')
    .map((part) => part.trim());
  if (media === '' || media === 'application/x-protobuf') {
    const proto = parameters.find((one) => one.startsWith('proto='))?.slice('proto='.length);
    const named = proto?.replaceAll('"', '');
    return named === undefined || named === 'prometheus.writerequest'
      ? '1.0'
      : named === 'io.prometheus.write.v2.request'
        ? '2.0'
        : undefined;
  }
  return undefined;
}

function received(written: WrittenFrames, version: WriteVersion): Received {
  const refused = Array.from(written.refused, ([reason, { items, message }]) => ({ items, reason, message }));
  const batches = written.frames.map(({ payload, dictionary, items }): Batch => {
    // A series may come by way of one agent now and by another then: it must not be told apart by that.
    return { signal: 'metrics', format: 'metric-frame', payload, items, origin: {}, scope: 'cluster', dictionary };
  });
  const headers = version === '1.0' ? undefined : writtenHeaders(written);
  const isRefused = refused.length > 0 && (version === '2.0' || written.samples === 0);
  const said = refused.map(({ items, message }) => `${items} not taken: ${message}`).join('; ');
  const response = isRefused ? plainText(400, said, headers) : { status: 204, ...(headers && { headers }) };
  return { batches, refused, exemplarsLeftOut: written.exemplarsLeftOut, response };
}

function writtenHeaders({ samples, exemplars }: WrittenFrames): Readonly<Record<string, string>> {
  return {
    'x-prometheus-remote-write-samples-written': String(samples),
    'x-prometheus-remote-write-histograms-written': '0',
    'x-prometheus-remote-write-exemplars-written': String(exemplars),
  };
}

function unsupported(message: string): Received {
  return refusal('unsupported', message, 415);
}

function refusal(reason: Refused['reason'], message: string, status: number): Received {
  return {
    batches: [],
    refused: [{ items: 1, reason, message }],
    exemplarsLeftOut: 0,
    response: plainText(status, message),
  };
}
