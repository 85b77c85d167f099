import { STATUS_CODES } from 'node:http';
import type { HttpResponse } from '../contract/http.ts';

export interface ResponseFacts {
  readonly date: string;
  readonly bodyBytes: number;
  /** Undefined: the connection ends with this answer. */
  readonly keepAliveMs: number | undefined;
}

/** The head of an answer (RFC 9112 §4), with what node's own server would add. */
export function responseText(
  { status, headers }: HttpResponse,
  { date, bodyBytes, keepAliveMs }: ResponseFacts,
): string {
  let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n`;
  for (const name in headers) {
    text += `${name}: ${headers[name]}\r\n`;
  }
  const connection = keepAliveMs === undefined ? 'close' : `keep-alive\r\nkeep-alive: timeout=${keepAliveMs / 1000}`;
  return `${text}date: ${date}\r\nconnection: ${connection}\r\ncontent-length: ${bodyBytes}\r\n\r\n`;
}

/** An answer without a body, the last of its connection. */
export function failureText(status: string): string {
  return `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`;
}

/** What would be streamed is put together first. */
export async function wholeBody(body: string | AsyncIterable<string | Uint8Array>): Promise<Buffer> {
  if (typeof body === 'string') {
    return Buffer.from(body);
  }
  const parts: Buffer[] = [];
  for await (const part of body) {
    parts.push(Buffer.from(part));
  }
  return Buffer.concat(parts);
}
