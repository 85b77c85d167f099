import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { hasCode } from '../contract/errors.ts';
import { encodeRecord, maxHeaderBytes, prefixBytes, recordBytes, type ScanEvent } from './frame.ts';
import { FrameScanner, scan } from './scanner.ts';

const records = [
  { header: 'first', payload: 'a'.repeat(40) },
  { header: 'second', payload: '' },
  { header: 'third', payload: 'c'.repeat(17) },
  { header: '', payload: 'd' },
];

function fileOf(list: readonly { header: string; payload: string }[]): { bytes: Buffer; offsets: number[] } {
  const total = list.reduce((sum, r) => sum + recordBytes(r.header.length, r.payload.length), 0);
  const bytes = Buffer.alloc(total);
  const offsets: number[] = [];
  let at = 0;
  for (const record of list) {
    offsets.push(at);
    const half = record.payload.length >> 1;
    const parts = [Buffer.from(record.payload.slice(0, half)), Buffer.from(record.payload.slice(half))];
    at = encodeRecord(bytes, at, Buffer.from(record.header), parts);
  }
  return { bytes, offsets };
}

function brief(events: Iterable<ScanEvent>): string[] {
  return Array.from(events, (e) => (e.kind === 'record' ? `record ${e.header}` : `${e.kind} ${e.offset}+${e.bytes}`));
}

/** Every byte must be told exactly once. */
function covered(events: readonly ScanEvent[]): number {
  let at = 0;
  for (const event of events) {
    expect(event.offset).toBe(at);
    at = event.kind === 'record' ? event.end : event.offset + event.bytes;
  }
  return at;
}

test('what was written is read back, header and payload', () => {
  const { bytes, offsets } = fileOf(records);
  const events = [...scan(bytes)];
  expect(events.map((e) => (e.kind === 'record' ? [e.offset, `${e.header}`, `${e.payload}`] : e))).toEqual(
    records.map((r, i) => [offsets[i], r.header, r.payload]),
  );
});

test('the layout on disk is the documented one', () => {
  const { bytes } = fileOf([{ header: 'hi', payload: 'data' }]);
  expect(bytes.toString('hex')).toBe(
    ['fe4d4201', '02000000', '04000000', '0ec2a4e5', '63f3f3ad', '6869', '64617461'].join(''),
  );
});

test('a record past the caps is refused before anything is written', () => {
  const target = Buffer.alloc(10);
  let thrown: unknown;
  try {
    encodeRecord(target, 0, Buffer.alloc(maxHeaderBytes + 1), []);
  } catch (error) {
    thrown = error;
  }
  expect(hasCode(thrown, 'BRIDGE_TOO_LARGE')).toBe(true);
  expect(target).toEqual(Buffer.alloc(10));
});

test('a flipped bit anywhere costs the record it hits and no other', () => {
  const { bytes, offsets } = fileOf(records);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const bitten = Buffer.from(bytes);
    bitten[bit >> 3] = (bitten[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    const hit = offsets.findLastIndex((offset) => offset <= bit >> 3);
    const events = [...scan(bitten)];
    expect(covered(events)).toBe(bytes.length);
    expect(brief(events).filter((line) => line.startsWith('record'))).toEqual(
      records.filter((_, i) => i !== hit).map((r) => `record ${r.header}`),
    );
  }
});

test('a flipped bit of the payload or its checksum leaves the header readable; one of the header or a length does not', () => {
  const { bytes, offsets } = fileOf(records);
  const at = offsets[2] ?? 0;
  const headerAt = (byte: number): string | undefined => {
    const bitten = Buffer.from(bytes);
    bitten[at + byte] = (bitten[at + byte] ?? 0) ^ 4;
    const event = [...scan(bitten)].find((e) => e.kind !== 'record');
    return event?.kind === 'damage' ? event.header?.toString() : 'no damage';
  };
  const payloadCrc = [16, 17, 18, 19];
  const payload = Array.from({ length: 17 }, (_, i) => prefixBytes + 5 + i);
  expect([...payloadCrc, ...payload].map(headerAt)).toEqual(Array.from({ length: 21 }, () => 'third'));
  const rest = [...Array(16).keys(), ...Array.from({ length: 5 }, (_, i) => prefixBytes + i)];
  expect(rest.map(headerAt)).toEqual(rest.map(() => undefined));
});

test('a file cut at any byte keeps every whole record and tells the rest as torn', () => {
  const { bytes, offsets } = fileOf(records);
  const ends = [...offsets.slice(1), bytes.length];
  for (let length = 0; length <= bytes.length; length++) {
    const whole = ends.filter((end) => end <= length);
    const end = whole.at(-1) ?? 0;
    expect(brief(scan(bytes.subarray(0, length)))).toEqual([
      ...whole.map((_, i) => `record ${records[i]?.header}`),
      ...(end < length ? [`torn ${end}+${length - end}`] : []),
    ]);
  }
});

test('a magic inside rubbish, with a length that reaches past the end, does not hide what follows', () => {
  const rubbish = Buffer.from('fe4d4201ffff0000ffff0000', 'hex');
  const { bytes } = fileOf(records);
  expect(brief(scan(Buffer.concat([rubbish, bytes])))[0]).toBe(`damage 0+${rubbish.length}`);
  expect(brief(scan(Buffer.concat([rubbish, bytes])))).toHaveLength(records.length + 1);
});

test('a record inside a payload is found only if it may stand there', () => {
  const inner = fileOf([{ header: 'inner', payload: 'x' }]).bytes;
  const outer = Buffer.alloc(recordBytes(5, inner.length));
  encodeRecord(outer, 0, Buffer.from('outer'), [inner]);
  outer[4] = 9;
  expect(brief(scan(outer))).toContain('record inner');
  expect(brief(scan(outer, 0, (header) => header.toString() === 'outer'))).toEqual([`torn 0+${outer.length}`]);
});

test('windows of any size tell what one look at the whole tells', () => {
  const rubbish = fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes));
  const good = fc
    .record({ header: fc.string({ maxLength: 9 }), payload: fc.string({ maxLength: 60 }) })
    .map(({ header, payload }) => {
      const bytes = Buffer.alloc(recordBytes(Buffer.byteLength(header), Buffer.byteLength(payload)));
      encodeRecord(bytes, 0, Buffer.from(header), [Buffer.from(payload)]);
      return bytes;
    });
  const magicOnly = fc.constant(Buffer.from('fe4d4201', 'hex'));
  fc.assert(
    fc.property(
      fc.array(fc.oneof(good, good, rubbish, magicOnly), { maxLength: 8 }),
      fc.integer({ min: 1, max: 64 }),
      (parts, step) => {
        const bytes = Buffer.concat(parts);
        const scanner = new FrameScanner();
        const events: ScanEvent[] = [];
        for (let end = 0; end < bytes.length; end += step) {
          scanner.window(Buffer.concat([scanner.rest, bytes.subarray(end, end + step)]));
          for (let event = scanner.next(); event !== undefined; event = scanner.next()) {
            events.push(event);
          }
        }
        for (let event = scanner.finish(); event !== undefined; event = scanner.finish()) {
          events.push(event);
        }
        expect(brief(events)).toEqual(brief(scan(bytes)));
        expect(covered(events)).toBe(bytes.length);
      },
    ),
  );
});
