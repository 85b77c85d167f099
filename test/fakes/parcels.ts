import { zstdCompressSync } from 'node:zlib';
import type { QueueRecord } from '../../src/model/batch.ts';
import { ParcelWriter, parcelType, parcelVersion } from '../../src/record/parcel.ts';

export interface ParcelRequest {
  readonly body: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

/** A queue id: 16 hex digits. */
export function queueIdOf(number: number): string {
  return number.toString(16).padStart(16, '0');
}

/** What an agent posts for these records of the lane `queueId`, with all dictionaries unless told otherwise. */
export function parcelRequest(
  records: readonly QueueRecord[],
  queueId: string,
  wanted: (dictionaryId: string) => boolean = () => true,
): ParcelRequest {
  const parcel = new ParcelWriter().pack(records, wanted);
  return {
    body: zstdCompressSync(parcel),
    headers: {
      'content-type': `${parcelType}; version=${parcelVersion}`,
      'content-encoding': 'zstd',
      'user-agent': 'meshbridge/9.9.9',
      'x-meshbridge-signal': records[0]?.signal ?? 'metrics',
      'x-meshbridge-queue': queueId,
      'x-meshbridge-bytes': String(parcel.length),
      'x-meshbridge-sent': String(Date.UTC(2026, 10, 21, 12)),
    },
  };
}
