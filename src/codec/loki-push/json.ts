import { BridgeError } from '../../contract/errors.ts';
import type { Label, PushEntry, PushStream } from './push.ts';

/** `{"streams":[{"stream":{...labels},"values":[["<ns>","<line>",{...metadata}]]}]}` (Loki, HTTP API, "Ingest logs"). */
export function encodePushJson(streams: readonly PushStream[]): Buffer {
  const wire = streams.map(({ labels, entries }) => ({
    stream: Object.fromEntries(labels),
    values: entries.map(({ seconds, nanos, line, metadata }) => {
      const text = Buffer.from(line.buffer, line.byteOffset, line.length).toString();
      const value: unknown[] = [`${seconds}${String(nanos).padStart(9, '0')}`, text];
      return metadata.length === 0 ? value : [...value, Object.fromEntries(metadata)];
    }),
  }));
  return Buffer.from(JSON.stringify({ streams: wire }));
}

/** Throws BRIDGE_DECODE with the path of what is wrong. */
export function decodePushJson(bytes: Uint8Array): PushStream[] {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString());
  } catch (cause) {
    throw new BridgeError('BRIDGE_DECODE', 'not a push request: no JSON', { cause });
  }
  if (!isObject(value) || !Array.isArray(value['streams'])) {
    throw bad('streams', 'a list');
  }
  return value['streams'].map(streamOf);
}

function streamOf(value: unknown, index: number): PushStream {
  const at = `streams[${index}]`;
  if (!isObject(value) || !Array.isArray(value['values'])) {
    throw bad(`${at}.values`, 'a list');
  }
  const labels = labelsOf(value['stream'], `${at}.stream`).filter(([, text]) => text !== '');
  labels.sort(([a], [b]) => (a < b ? -1 : 1));
  return { labels, entries: value['values'].map((entry, i) => entryOf(entry, `${at}.values[${i}]`)) };
}

function entryOf(value: unknown, at: string): PushEntry {
  if (!Array.isArray(value)) {
    throw bad(at, '["<ns since 1970>", "<line>"]');
  }
  const [time, line, metadata = {}]: readonly unknown[] = value;
  if (typeof time !== 'string' || !/^\d{1,19}$/.test(time)) {
    throw bad(`${at}[0]`, 'ns since 1970 as a string');
  }
  if (typeof line !== 'string') {
    throw bad(`${at}[1]`, 'a string');
  }
  const digits = time.padStart(10, '0');
  return {
    seconds: Number(digits.slice(0, -9)),
    nanos: Number(digits.slice(-9)),
    line: Buffer.from(line),
    metadata: labelsOf(metadata, `${at}[2]`),
  };
}

function labelsOf(value: unknown, at: string): Label[] {
  if (!isObject(value)) {
    throw bad(at, 'an object of strings');
  }
  return Object.entries(value).map(([name, text]) => {
    if (typeof text !== 'string') {
      throw bad(`${at}.${name}`, 'a string');
    }
    return [name, text];
  });
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function bad(at: string, expected: string): BridgeError {
  return new BridgeError('BRIDGE_DECODE', `not a push request: ${at} should be ${expected}`);
}
