import { BridgeError } from '../../contract/errors.ts';
import type { HttpRequest } from '../../contract/http.ts';
import { type Signal, signals } from '../../model/batch.ts';
import { oldestParcelVersion, parcelType, parcelVersion } from '../../record/parcel.ts';

/** What stands in the headers of a request (docs/hub.md, "The protocol"). */
export interface ParcelHead {
  readonly signal: Signal;
  /** Names the agent's lane together with `seq`. */
  readonly queueId: string;
  readonly ancestors: readonly { readonly queueId: string; readonly seq: number }[];
  /** Of the agent. */
  readonly node: string | undefined;
  /** Of the parcel once it is inflated. */
  readonly bytes: number;
  /** The agent's clock, ms since 1970. */
  readonly sentMs: number | undefined;
  /** `meshbridge/0.1.0` */
  readonly userAgent: string;
}

const queueIdForm = /^[0-9a-f]{16}$/;
const typeForm = /^([a-z]+\/[a-z.]+)\s*(?:;\s*version=(\d+))?$/;

/** Throws BRIDGE_DECODE, and BRIDGE_UNSUPPORTED for what a later version may send. */
export function headOf({ headers }: HttpRequest): ParcelHead {
  const [, type, version] = typeForm.exec(headers['content-type']?.trim().toLowerCase() ?? '') ?? [];
  if (type !== parcelType || version === undefined || Number(version) < oldestParcelVersion) {
    throw new BridgeError('BRIDGE_DECODE', `Content-Type must be "${parcelType}; version=${parcelVersion}"`);
  }
  if (Number(version) > parcelVersion) {
    throw new BridgeError('BRIDGE_UNSUPPORTED', `parcels of version ${version} are not known here`);
  }
  if (headers['content-encoding'] !== 'zstd') {
    throw new BridgeError('BRIDGE_DECODE', 'Content-Encoding must be zstd');
  }
  const signal = signals.find((one) => one === headers['x-meshbridge-signal']);
  const queueId = headers['x-meshbridge-queue'] ?? '';
  if (signal === undefined || !queueIdForm.test(queueId)) {
    throw new BridgeError('BRIDGE_DECODE', 'X-Meshbridge-Signal and X-Meshbridge-Queue must name a lane');
  }
  return {
    signal,
    queueId,
    ancestors: ancestorsOf(headers['x-meshbridge-ancestors']),
    node: nodeOf(headers['x-meshbridge-node']),
    bytes: whole(headers['x-meshbridge-bytes'], 'X-Meshbridge-Bytes'),
    sentMs:
      headers['x-meshbridge-sent'] === undefined ? undefined : whole(headers['x-meshbridge-sent'], 'X-Meshbridge-Sent'),
    userAgent: headers['user-agent'] ?? '',
  };
}

const mostNodeLength = 255;

/** A name that cannot be one is left out: it is only shown. */
function nodeOf(text: string | undefined): string | undefined {
  try {
    const node = decodeURIComponent(text ?? '').slice(0, mostNodeLength);
    return node === '' ? undefined : node;
  } catch {
    return undefined;
  }
}

function ancestorsOf(text: string | undefined): ParcelHead['ancestors'] {
  return (text ?? '')
    .split(',')
    .filter((part) => part !== '')
    .map((part) => {
      const [queueId = '', seq] = part.trim().split(':');
      if (!queueIdForm.test(queueId)) {
        throw new BridgeError('BRIDGE_DECODE', 'X-Meshbridge-Ancestors must be a list of QUEUE:SEQ');
      }
      return { queueId, seq: whole(seq, 'X-Meshbridge-Ancestors') };
    });
}

function whole(text: string | undefined, name: string): number {
  const number = /^\d{1,16}$/.test(text ?? '') ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(number)) {
    throw new BridgeError('BRIDGE_DECODE', `${name} must be a whole number`);
  }
  return number;
}
