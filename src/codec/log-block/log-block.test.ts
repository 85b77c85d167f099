import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { BridgeError } from '../../contract/errors.ts';
import { type LogBlock, logFlags, logLevels } from '../../model/log.ts';
import { sniffLevel } from './level.ts';
import { decodeLogBlock, encodeLogBlock, logBlockParts } from './log-block.ts';
import { LogBlockBuilder, type LogMarks } from './log-block-builder.ts';

/** Two records, "a" of stdout and "" of stderr, written out by hand. */
const golden = Buffer.from(
  [
    '4d4c4231 02000000 01000000 00000000',
    '00d0b668 ffffffff',
    '01000000 ffc99a3b',
    '00000000 01000000 01000000',
    '00 03',
    '05 00',
    '61',
  ]
    .join('')
    .replaceAll(' ', ''),
  'hex',
);

interface TestRecord extends LogMarks {
  readonly text: Uint8Array;
}

function blockOf(records: readonly TestRecord[]): LogBlock {
  const builder = new LogBlockBuilder(1, 1);
  for (const record of records) {
    builder.append(record, record.text, 0, record.text.length);
  }
  return builder.block();
}

function recordsOf(block: LogBlock): TestRecord[] {
  return Array.from({ length: block.count }, (_, i) => ({
    seconds: block.seconds[i]!,
    nanos: block.nanos[i]!,
    flags: block.flags[i]!,
    level: block.levels[i]!,
    text: Uint8Array.from(block.bytes.subarray(block.offsets[i], block.offsets[i + 1])),
  }));
}

const someRecords = fc.array(
  fc.record({
    seconds: fc.nat({ max: 0xffff_ffff }),
    nanos: fc.nat({ max: 999_999_999 }),
    flags: fc.nat({ max: 7 }),
    level: fc.nat({ max: logLevels.length - 1 }),
    text: fc.uint8Array({ maxLength: 100 }),
  }),
  { maxLength: 40 },
);

describe('the bytes of a log block', () => {
  test('are read as written down in the golden bytes', () => {
    expect(recordsOf(decodeLogBlock(golden))).toEqual([
      { seconds: 0x68b6d000, nanos: 1, flags: 0, level: logLevels.indexOf('error'), text: Uint8Array.of(97) },
      {
        seconds: 0xffff_ffff,
        nanos: 999_999_999,
        flags: logFlags.stderr | logFlags.truncated,
        level: 0,
        text: new Uint8Array(0),
      },
    ]);
  });

  test('come out of the encoder as in the golden bytes', () => {
    expect(Buffer.from(encodeLogBlock(decodeLogBlock(golden))).toString('hex')).toBe(golden.toString('hex'));
  });

  test('carry any records there and back, from any place in memory', () => {
    fc.assert(
      fc.property(someRecords, fc.nat({ max: 3 }), (records, shift) => {
        const encoded = encodeLogBlock(blockOf(records));
        const moved = new Uint8Array(encoded.length + shift);
        moved.set(encoded, shift);
        expect(recordsOf(decodeLogBlock(moved.subarray(shift)))).toEqual(records);
      }),
      { numRuns: 200 },
    );
  });

  test.each([0, 1, 2, 3])('are read from a Buffer that begins %i bytes behind a multiple of 4', (offset) => {
    const memory = Buffer.from(new ArrayBuffer(offset + golden.length));
    golden.copy(memory, offset);
    expect(recordsOf(decodeLogBlock(memory.subarray(offset)))).toEqual(
      recordsOf(decodeLogBlock(new Uint8Array(golden))),
    );
  });

  test('of a builder that was cleared hold only what came after', () => {
    const builder = new LogBlockBuilder(4, 4);
    const marks = { seconds: 1, nanos: 2, flags: 0, level: 0 };
    builder.append(marks, Buffer.from('before'), 0, 6);
    builder.clear();
    builder.append(marks, Buffer.from('xafterx'), 1, 6);
    const decoded = decodeLogBlock(Buffer.concat(logBlockParts(builder.block())));
    expect(Buffer.from(decoded.bytes).toString()).toBe('after');
    expect(decoded.count).toBe(1);
  });

  test('throw BRIDGE_DECODE and nothing else at every truncation and every flipped byte', () => {
    const decode = (bytes: Uint8Array): string => {
      try {
        decodeLogBlock(bytes);
        return 'decoded';
      } catch (error) {
        return error instanceof BridgeError ? error.code : String(error);
      }
    };
    for (let length = 0; length < golden.length; length++) {
      expect(decode(golden.subarray(0, length))).toBe('BRIDGE_DECODE');
    }
    for (let at = 0; at < golden.length; at++) {
      for (const flip of [0x01, 0x80, 0xff]) {
        const bitten = Buffer.from(golden);
        bitten[at]! ^= flip;
        expect(['decoded', 'BRIDGE_DECODE']).toContain(decode(bitten));
      }
    }
    expect(decode(Buffer.concat([golden, Buffer.of(0)]))).toBe('BRIDGE_DECODE');
  });

  test('refuse a count that no file of this size can hold, without allocating for it', () => {
    const huge = Buffer.from(golden);
    huge.writeUInt32LE(0xffff_ffff, 4);
    expect(() => decodeLogBlock(huge)).toThrow(/not a log block/);
  });
});

describe('the level of a line', () => {
  test.each([
    ['{"level":"warn","msg":"x"}', 'warn'],
    ['{"msg":"an error","level":"INFO"}', 'info'],
    ['{"time":1,"severity": "ERROR"}', 'error'],
    ['{"level":50,"msg":"pino"}', 'error'],
    ['{"level":10}', 'trace'],
    ['{"level":3,"msg":"syslog"}', 'error'],
    ['{"level":7}', 'debug'],
    ['{"log.level":"debug"}', 'debug'],
    ['{"lvl":"crit"}', 'fatal'],
    ['{"msg":"\\"level\\":\\"error\\""}', 'unknown'],
    ['{"level":"verbose"}', 'unknown'],
    ['{"level":', 'unknown'],
    ['{"start_time":"2026-11-21T09:39:00.695Z","method":"GET","response_code":503}', 'unknown'],
    ['E1121 09:39:00.695877       1 reflector.go:138] failed', 'error'],
    ['I1121 09:39:00.695877       1 main.go:1] ok', 'info'],
    ['Error: it broke', 'unknown'],
    ['2026-11-21T09:39:00.695877Z\tinfo\tads\tXDS: Pushing', 'info'],
    ['[2026-11-21 09:39:00.695][12][warning][upstream] no healthy host', 'warn'],
    ['2026-11-21 09:39:00,123 ERROR [main] c.e.Foo - boom', 'error'],
    ['time="2026-11-21T09:39:00Z" level=error msg="x"', 'error'],
    ['ts=2026-11-21T09:39:00Z level="debug" caller=x', 'debug'],
    ['<critical> x', 'fatal'],
    ['WARNING: deprecated', 'warn'],
    ['GET /error/fatal HTTP/1.1', 'unknown'],
    ['there was an error in info mode', 'unknown'],
    [`${'x'.repeat(100)} ERROR`, 'unknown'],
    ['', 'unknown'],
    ['ERR', 'error'],
    ['INFORMER', 'unknown'],
    ['{"Timestamp":"2026-11-21","Level":"Information"}', 'info'],
    ['{"@t":"2026-11-21","@l":"Warning","@m":"x"}', 'warn'],
    ['{"SeverityText":"ERROR"}', 'error'],
    ['{"level":"informations"}', 'info'],
    ['{"level":"misinformation"}', 'unknown'],
    ['fail: Microsoft.AspNetCore.Server.Kestrel[13]', 'error'],
    ['dbug: Program[0]', 'debug'],
    ['site: example.com', 'unknown'],
    ['<34>1 2026-11-21T09:39:00Z host su - - - x', 'fatal'],
    ['<165>1 2026-11-21T09:39:00Z host app - - - x', 'info'],
    ['<html>', 'unknown'],
    ['SEVERE: it broke', 'error'],
    ['2026-11-21T09:39:00.123456Z 0 [Note] ready', 'info'],
  ])('%j is %s', (line, level) => {
    const bytes = Buffer.from(`stdout F ${line}\nERROR`);
    expect(logLevels[sniffLevel(bytes, 9, 9 + Buffer.byteLength(line))]).toBe(level);
  });

  test('never reads beyond the line, whatever follows', () => {
    expect(sniffLevel(Buffer.from('<34>'), 0, 3)).toBe(0);
    expect(sniffLevel(Buffer.from('fail: x'), 0, 5)).toBe(0);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 90 }), fc.uint8Array({ maxLength: 20 }), (line, after) => {
        const alone = sniffLevel(Buffer.from(line), 0, line.length);
        const followed = sniffLevel(Buffer.concat([line, Buffer.from('\n'), after]), 0, line.length);
        expect(followed).toBe(alone);
      }),
    );
  });
});
