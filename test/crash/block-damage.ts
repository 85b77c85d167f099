import { readFileSync, writeFileSync } from 'node:fs';
import { scan } from '../../src/record/scanner.ts';

/** Where a record of a block file stands. `kind` is the first letter of its header. */
export interface RecordAt {
  readonly offset: number;
  readonly end: number;
  readonly kind: string;
  readonly headerAt: number;
  readonly payloadAt: number;
}

/** Begin and end of every record, with the first byte of its header. */
export function recordsOf(path: string): RecordAt[] {
  const bytes = readFileSync(path);
  return [...scan(bytes)].flatMap((event) =>
    event.kind === 'record'
      ? {
          offset: event.offset,
          end: event.end,
          kind: String.fromCharCode(event.header[0] ?? 0),
          headerAt: event.offset + 20,
          payloadAt: event.offset + 20 + event.header.length,
        }
      : [],
  );
}

export function flip(path: string, offset: number): void {
  const bytes = readFileSync(path);
  bytes[offset] = (bytes[offset] ?? 0) ^ 0x10;
  writeFileSync(path, bytes);
}

/** Offsets that cut the file within and between its records. */
export function cutsOf(records: readonly RecordAt[]): number[] {
  const size = records.at(-1)?.end ?? 0;
  const within = records.flatMap(({ offset, end }) => [offset, offset + 1, offset + 10, offset + 30, end - 1]);
  return [...new Set([0, 1, size - 1, ...within])];
}

/** Places of every class within the records: magic, lengths, both checksums, header, payload, last byte. */
export function placesOf(records: readonly RecordAt[]): { what: string; offset: number; record: number }[] {
  return records.flatMap(({ offset, end, kind, headerAt, payloadAt }, record) => {
    const places: [string, number][] = [
      ['magic', offset],
      ['header length', offset + 4],
      ['payload length', offset + 9],
      ['header checksum', offset + 13],
      ['payload checksum', offset + 17],
      ['begin of the header', headerAt],
      ['middle of the header', (headerAt + payloadAt) >> 1],
      ['end of the header', payloadAt - 1],
      ...(end > payloadAt + 2
        ? ([
            ['begin of the payload', payloadAt],
            ['middle of the payload', (payloadAt + end) >> 1],
            ['end of the payload', end - 1],
          ] as [string, number][])
        : []),
    ];
    return places.map(([what, at]) => ({ what: `${what} of record ${record} (${kind})`, offset: at, record }));
  });
}

/** The number of the block, from 1 on, that the record is; 0 where it is none. */
export function blockNumber(records: readonly RecordAt[], record: number): number {
  return records[record]?.kind === 'B' ? records.slice(0, record + 1).filter(({ kind }) => kind === 'B').length : 0;
}
