import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { CollectorRig, PodLogs } from '../../../test/fakes/pod-logs.ts';
import { type TempDir, tempDir } from '../../../test/fakes/temp-dir.ts';

let dir: TempDir;
let logs: PodLogs;
let rig: CollectorRig;

beforeEach(async () => {
  dir = await tempDir();
  logs = new PodLogs(dir.path);
  rig = new CollectorRig(dir.path);
});

afterEach(async () => {
  await rig.stop();
  await dir.remove();
});

describe('a real rotation by containerd', () => {
  const samples = join(process.env['MESHBRIDGE_SHARED'] ?? '../shared', 'samples/cri');
  const long = 'x'.repeat(40_000);
  const wanted: readonly (string | Buffer)[] = [
    ...lineNumbers(0, 5),
    long,
    'line 6',
    '',
    Buffer.concat([Buffer.of(0xff, 0xfe), Buffer.from('bad')]),
    'to stderr',
    ...lineNumbers(7, 29),
    'no newline at end',
  ];

  test('gives every line once, byte by byte', async () => {
    for (const name of ['0.log.20261121-093900', '0.log']) {
      logs.append(readFileSync(join(samples, name)), name);
    }
    await rig.rest();
    expect(rig.lines.map((line) => line.bytes.toString('latin1'))).toEqual(
      wanted.map((line) => Buffer.from(line).toString('latin1')),
    );
    expect(rig.lines.filter((line) => line.stream === 'stderr').map((line) => line.text)).toEqual(['to stderr']);
    // Of a record in three fragments the time is that of the first.
    expect(rig.lines[6]?.time).toBe(`${Date.UTC(2026, 10, 21, 9, 38, 58) / 1000}.084005827`);
  });

  test.each([1, 7, 4_096, 16_385, 65_536])('also when it is written in pieces of %d bytes', async (size) => {
    for (const name of ['0.log.20261121-093900', '0.log']) {
      const bytes = readFileSync(join(samples, name));
      // One byte at a time only where lines begin and end; the long line would take all day.
      const step = size === 1 ? 512 : size;
      for (let at = 0; at < bytes.length; at += step) {
        logs.append(bytes.subarray(at, at + step), name === '0.log' ? '1.log' : '0.log');
        await rig.turn();
      }
    }
    await rig.rest();
    const [first, second] = [rig.lines.filter((_, i) => i < wanted.length - 13), rig.lines.slice(-13)];
    expect([...first, ...second].map((line) => line.bytes.toString('latin1'))).toEqual(
      wanted.map((line) => Buffer.from(line).toString('latin1')),
    );
  });
});

function lineNumbers(first: number, last: number): readonly string[] {
  return Array.from({ length: last - first + 1 }, (_, i) => `line ${first + i}`);
}

describe('partial lines', () => {
  test('fluent-bit#4387, VictoriaLogs#1215: of stdout and stderr that interleave are joined per stream', async () => {
    logs.append(
      [
        logs.line('out 1, ', 'P'),
        logs.line('err 1, ', 'P', 'stderr'),
        logs.line('out 2, ', 'P'),
        logs.line('err 2', 'F', 'stderr'),
        logs.line('whole err', 'F', 'stderr'),
        logs.line('out 3'),
      ].join(''),
    );
    await rig.turn();
    expect(rig.lines.map(({ stream, text }) => [stream, text])).toEqual([
      ['stderr', 'err 1, err 2'],
      ['stderr', 'whole err'],
      ['stdout', 'out 1, out 2, out 3'],
    ]);
  });

  test('containerd#4813: without an end are given out after a while, and not before', async () => {
    logs.append(logs.line('done') + logs.line('prompt> ', 'P'));
    await rig.turn();
    await rig.pass(4_500);
    expect(rig.texts).toEqual(['done']);
    await rig.pass(1_000);
    expect(rig.texts).toEqual(['done', 'prompt> ']);
  });

  test('split inside a UTF-8 sequence come out as they were', async () => {
    const text = Buffer.from('é€😀'.repeat(10));
    const pieces = Array.from({ length: text.length }, (_, i) => text.subarray(i, i + 1));
    pieces.forEach((piece, i) => {
      const [head = '', tail = ''] = logs.line('@', i === pieces.length - 1 ? 'F' : 'P').split('@');
      logs.append(Buffer.concat([Buffer.from(head), piece, Buffer.from(tail)]));
    });
    await rig.turn();
    expect(rig.texts).toEqual([text.toString()]);
  });

  test('of docker are joined until a newline, and CRLF ends a line too', async () => {
    const entry = (log: string, stream: string): string =>
      `${JSON.stringify({ log, stream, time: '2026-11-21T09:39:00.1Z' })}\n`;
    logs.append(
      entry('out 1, ', 'stdout') +
        entry('"err" <é>\r\n', 'stderr') +
        entry('out 2\n', 'stdout') +
        entry('\n', 'stdout'),
    );
    await rig.turn();
    expect(rig.texts).toEqual(['"err" <é>', 'out 1, out 2', '']);
  });
});

describe('lines of any shape', () => {
  test('lose a carriage return at their end only', async () => {
    logs.append(logs.line('a\r') + logs.line('b\rc') + logs.line('d', 'P') + logs.line('\r'));
    await rig.turn();
    expect(rig.texts).toEqual(['a', 'b\rc', 'd']);
  });

  test('of no known format are kept as they are, with the time of the line before', async () => {
    logs.append(`${logs.line('good')}no header at all\n{"log":\n\n`);
    logs.append(logs.line('half', 'P'));
    logs.append(`torn head\n${logs.line('good again')}`);
    await rig.turn();
    expect(rig.texts).toEqual(['good', 'no header at all', '{"log":', 'half', 'torn head', 'good again']);
    expect(rig.lines[1]?.time).toBe(rig.lines[0]?.time);
    await rig.turn();
    expect(rig.runtime.log.at('warn')).toHaveLength(1);
  });

  test('that a writer has not ended yet are waited for', async () => {
    const line = logs.line('in two writes');
    logs.append(line.slice(0, 20));
    await rig.turn();
    expect(rig.texts).toEqual([]);
    logs.append(line.slice(20));
    await rig.turn();
    expect(rig.texts).toEqual(['in two writes']);
  });

  test('fluent-bit#370: longer than the limit are cut, marked, and followed by the next one', async () => {
    await rig.stop();
    rig = new CollectorRig(dir.path, { maxLineBytes: 10 });
    logs.append(logs.line('0123456789') + logs.line('0123456789a') + logs.line('12345678€'));
    logs.append(logs.line('01234', 'P') + logs.line('56789', 'P') + logs.line('abc', 'P') + logs.line('def', 'P'));
    logs.append(logs.line('ghi') + logs.line('next'));
    await rig.turn();
    expect(rig.lines.map(({ text, truncated }) => [text, truncated])).toEqual([
      ['0123456789', false],
      ['0123456789', true],
      ['12345678', true],
      ['0123456789', true],
      ['next', false],
    ]);
    expect(rig.collector.logs[0]?.cutBytes).toBe(1 + 3 + 9);
  });

  test('contrib#36020: longer than the read buffer are whole up to the limit, of both formats', async () => {
    const long = 'abcdefgh'.repeat(100_000);
    const longer = 'abcdefgh'.repeat(200_000);
    logs.append(logs.line(long) + logs.line('between') + logs.line(longer, 'F', 'stderr') + logs.line('end'));
    await rig.turn();
    expect(rig.lines.map(({ text, truncated, stream }) => [text.length, truncated, stream])).toEqual([
      [800_000, false, 'stdout'],
      [7, false, 'stdout'],
      [1_048_576, true, 'stderr'],
      [3, false, 'stdout'],
    ]);
    expect(rig.texts[0] === long).toBe(true);
  });

  test('longer than the read buffer and never ended are given out when their file is gone', async () => {
    logs.append(logs.line('x'.repeat(600_000)).trimEnd());
    await rig.turn();
    expect(rig.texts).toEqual([]);
    logs.remove();
    await rig.rest();
    expect(rig.texts.map((text) => text.length)).toEqual([600_000]);
  });
});

describe('what is found', () => {
  test('carries the pod and container of its path', async () => {
    new PodLogs(dir.path, 'istio-system_gw.v1_0123/istio-proxy').write('1');
    await rig.turn();
    expect(rig.runtime.emitted[0]?.origin).toEqual({
      namespace: 'istio-system',
      pod: 'gw.v1',
      podUid: '0123',
      container: 'istio-proxy',
    });
  });

  test('from the end leaves out what was there before, over a crash too, and reads later files whole', async () => {
    logs.write('old');
    await rig.stop();
    rig = new CollectorRig(dir.path, { from: 'end' });
    await rig.turn();
    rig = await rig.crash();
    logs.write('new');
    const later = new PodLogs(dir.path, 'default_web-2_0b7d/app');
    later.write('of another pod');
    await rig.turn();
    expect([...rig.texts].sort()).toEqual(['new', 'of another pod']);
  });

  test('is read in turns, so that a large file does not keep the others waiting', async () => {
    const large = new PodLogs(dir.path, 'default_a-large_1/app');
    large.append(large.line('x'.repeat(1_000)).repeat(3_000));
    logs.write('small');
    await rig.turn();
    const at = rig.runtime.emitted.findIndex((emission) => emission.origin.pod === 'web-1');
    expect(at).toBeLessThan(4);
    expect(rig.lines).toHaveLength(3_001);
  });
});
