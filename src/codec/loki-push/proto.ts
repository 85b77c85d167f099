import { isUtf8 } from 'node:buffer';
import { Reader, Writer } from 'protobufjs/minimal.js';
import { BridgeError } from '../../contract/errors.ts';
import { labelText, parseLabelText } from './label-text.ts';
import type { Label, PushEntry, PushStream } from './push.ts';

/*
 * logproto.PushRequest (Loki, pkg/push/push.proto):
 *     PushRequest  1 streams: Stream
 *     Stream       1 labels: string · 2 entries: Entry · 3 hash: uint64
 *     Entry        1 timestamp: Timestamp · 2 line: string · 3 structuredMetadata: LabelPair
 *     Timestamp    1 seconds: int64 · 2 nanos: int32
 *     LabelPair    1 name: string · 2 value: string
 */
const lengthDelimited = 2;

/** Before snappy. Bytes that are not UTF-8 are replaced. */
export function encodePushProto(streams: readonly PushStream[]): Uint8Array {
  const writer = Writer.create();
  for (const { labels, entries } of streams) {
    writer.uint32(tag(1)).fork();
    writer.uint32(tag(1)).string(labelText(labels));
    for (const entry of entries) {
      writeEntry(writer.uint32(tag(2)).fork(), entry);
      writer.ldelim();
    }
    writer.ldelim();
  }
  return writer.finish();
}

function writeEntry(writer: Writer, { seconds, nanos, line, metadata }: PushEntry): void {
  writer.uint32(tag(1)).fork().uint32(8).int64(seconds);
  writer.uint32(16).int32(nanos).ldelim();
  writer.uint32(tag(2)).bytes(isUtf8(line) ? line : Buffer.from(textOf(line)));
  for (const [name, value] of metadata) {
    writer.uint32(tag(3)).fork().uint32(tag(1)).string(name);
    writer.uint32(tag(2)).string(value).ldelim();
  }
}

function tag(field: number): number {
  return (field << 3) | lengthDelimited;
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString();
}

/** After snappy. Lines are views of `bytes`. Throws BRIDGE_DECODE. */
export function decodePushProto(bytes: Uint8Array): PushStream[] {
  const streams: PushStream[] = [];
  try {
    const reader = Reader.create(bytes);
    eachField(reader, bytes.length, (field) => {
      if (field !== 1) {
        return false;
      }
      streams.push(readStream(reader, endOf(reader)));
      return true;
    });
  } catch (cause) {
    if (cause instanceof BridgeError) {
      throw cause;
    }
    throw new BridgeError('BRIDGE_DECODE', 'not a push request: the protobuf message is cut or broken', { cause });
  }
  return streams;
}

function readStream(reader: Reader, end: number): PushStream {
  let labels: Label[] = [];
  const entries: PushEntry[] = [];
  eachField(reader, end, (field) => {
    if (field === 1) {
      labels = parseLabelText(reader.string());
    } else if (field === 2) {
      entries.push(readEntry(reader, endOf(reader)));
    } else {
      return false;
    }
    return true;
  });
  return { labels, entries };
}

function readEntry(reader: Reader, end: number): PushEntry {
  let time = { seconds: 0, nanos: 0 };
  let line: Uint8Array = new Uint8Array(0);
  const metadata: Label[] = [];
  eachField(reader, end, (field) => {
    if (field === 1) {
      time = readTime(reader, endOf(reader));
    } else if (field === 2) {
      line = reader.bytes();
    } else if (field === 3) {
      metadata.push(readPair(reader, endOf(reader)));
    } else {
      return false;
    }
    return true;
  });
  return { ...time, line, metadata };
}

function readTime(reader: Reader, end: number): { seconds: number; nanos: number } {
  const time = { seconds: 0, nanos: 0 };
  eachField(reader, end, (field) => {
    if (field === 1) {
      time.seconds = Number(reader.int64());
    } else if (field === 2) {
      time.nanos = reader.int32();
    } else {
      return false;
    }
    return true;
  });
  return time;
}

function readPair(reader: Reader, end: number): Label {
  let [name, value] = ['', ''];
  eachField(reader, end, (field) => {
    if (field === 1) {
      name = reader.string();
    } else if (field === 2) {
      value = reader.string();
    } else {
      return false;
    }
    return true;
  });
  return [name, value];
}

/** Of a message that begins here. Throws when it goes past the end of the bytes. */
function endOf(reader: Reader): number {
  const length = reader.uint32();
  const end = reader.pos + length;
  if (end > reader.len) {
    throw new RangeError('a message goes past the end');
  }
  return end;
}

/** `read` says whether it has taken the field; others are skipped, those of a wrong wire type are an error. */
function eachField(reader: Reader, end: number, read: (field: number) => boolean): void {
  while (reader.pos < end) {
    const key = reader.uint32();
    if (!read(key >>> 3)) {
      reader.skipType(key & 7);
    }
  }
  if (reader.pos !== end) {
    throw new RangeError('a field goes past the end of its message');
  }
}
