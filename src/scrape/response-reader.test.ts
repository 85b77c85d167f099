import { describe, expect, test } from '@jest/globals';
import { PageBuffer } from './page-buffers.ts';
import { ResponseReader } from './response-reader.ts';

/** Feeds the bytes in pieces, then closes; gives the body, or why there is none. */
function read(text: string, { piece = Number.POSITIVE_INFINITY, max = 1_000, close = false } = {}): string {
  const bytes = Buffer.from(text, 'latin1');
  const page = new PageBuffer();
  const reader = new ResponseReader(page, max);
  let done = false;
  try {
    for (let at = 0; at < bytes.length && !done; at += piece) {
      page.append(bytes.subarray(at, Math.min(bytes.length, at + piece)));
      done = reader.advance();
    }
    done ||= close && reader.closed();
  } catch (error) {
    return error instanceof Error ? `${error.constructor.name}: ${error.message}` : 'no error';
  }
  const body = page.bytes.toString('latin1', reader.from, reader.to);
  return done ? `${reader.head.status} ${body}${reader.reusable ? '' : ' (last)'}` : 'not done';
}

const good: readonly (readonly [what: string, text: string, expected: string])[] = [
  ['a counted body', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello', '200 hello'],
  ['an empty body', 'HTTP/1.1 200 OK\r\ncontent-length:0\r\n\r\n', '200 '],
  [
    'chunks',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n00a;x=y\r\n, dear all\r\n0\r\n\r\n',
    '200 hello, dear all',
  ],
  [
    'chunks with trailers',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n1\r\na\r\n0\r\nX: y\r\nZ: 1\r\n\r\n',
    '200 a',
  ],
  ['no chunks', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n', '200 '],
  ['no content', 'HTTP/1.1 204 No Content\r\n\r\n', '204 '],
  ['a status without words', 'HTTP/1.1 503\r\ncontent-length: 1\r\n\r\nx', '503 x'],
  [
    'interim responses first',
    'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx',
    '200 x',
  ],
  ['a server that closes', 'HTTP/1.1 200 OK\r\nConnection: Close\r\ncontent-length: 1\r\n\r\nx', '200 x (last)'],
  ['an old server', 'HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\nx', '200 x (last)'],
  [
    'an old server that keeps the connection',
    'HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 1\r\n\r\nx',
    '200 x',
  ],
];

describe('a response', () => {
  test.each(good)('with %s is read, in whatever pieces it comes', (_, text, expected) => {
    for (let piece = 1; piece <= text.length; piece++) {
      expect([piece, read(text, { piece })]).toEqual([piece, expected]);
    }
  });

  test.each(good)('with %s is not done a byte before its end', (_, text) => {
    for (let end = 0; end < text.length; end++) {
      expect([end, read(text.slice(0, end), { close: true })]).toEqual([end, 'not done']);
    }
  });

  test('without a length ends when the sender closes', () => {
    const text = 'HTTP/1.1 200 OK\r\n\r\nhello';
    expect(read(text)).toBe('not done');
    expect(read(text, { close: true, piece: 3 })).toBe('200 hello (last)');
  });

  test('with more bytes behind it uses up its connection', () => {
    expect(read('HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nxHTTP/1.1')).toBe('200 x (last)');
  });

  test('keeps its headers, repeated ones together', () => {
    const page = new PageBuffer();
    const reader = new ResponseReader(page, 10);
    page.append(Buffer.from('HTTP/1.1 200 OK\r\nX-A: 1\r\nx-a:  2 \r\nB: c:d\r\ncontent-length: 0\r\n\r\n'));
    expect(reader.advance()).toBe(true);
    expect(Object.fromEntries(reader.head.headers)).toEqual({ 'x-a': '1, 2', b: 'c:d', 'content-length': '0' });
  });

  test.each([
    ['HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n', 'the page is larger than 10 bytes'],
    ['HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nb\r\n', 'the page is larger than 10 bytes'],
    ['HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n6\r\n123456\r\n5\r\n', 'the page is larger than 10 bytes'],
    ['HTTP/1.1 200 OK\r\n\r\n12345678901', 'the page is larger than 10 bytes'],
    ['HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n', '"-1" is no content length'],
    ['HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n', '"1, 2" is no content length'],
    [
      'HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n',
      'transfer encoding "gzip, chunked" is not understood',
    ],
    ['HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nx\r\n', 'the size of a chunk cannot be read'],
    ['HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab\r\n', 'a chunk is longer than it says'],
    [`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${'1'.repeat(5_000)}`, 'a line between chunks does not end'],
    ['SSH-2.0-OpenSSH_9.2\r\n\r\n', 'what answers there does not speak HTTP/1.1'],
    ['HTTP/2 200\r\n\r\n', 'what answers there does not speak HTTP/1.1'],
    ['HTTP/1.1 200 OK\r\nno colon\r\n\r\n', 'a header of the response cannot be read'],
    [`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(70_000)}`, 'the head of the response does not end'],
  ])('%j is a fault', (text, message) => {
    expect(read(text, { max: 10 })).toBe(`ResponseFault: ${message}`);
    expect(read(text, { max: 10, piece: text.length > 1_000 ? 999 : 1 })).toBe(`ResponseFault: ${message}`);
  });

  test('of any chunks leaves no more in memory than its body', () => {
    const page = new PageBuffer();
    const reader = new ResponseReader(page, 10_000_000);
    page.append(Buffer.from('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n'));
    for (let i = 0; i < 20_000; i++) {
      page.append(Buffer.from('2\r\nab\r\n'));
      expect(reader.advance()).toBe(false);
    }
    page.append(Buffer.from('0\r\n\r\n'));
    expect(reader.advance()).toBe(true);
    expect(page.bytes.toString('latin1', reader.from, reader.to)).toBe('ab'.repeat(20_000));
    expect(page.bytes.length).toBeLessThanOrEqual(65_536);
  });
});
