import assert from 'node:assert/strict';
import { decodeLogBlock, encodeLogBlock } from '../../src/codec/log-block/log-block.ts';
import { LogBlockBuilder } from '../../src/codec/log-block/log-block-builder.ts';
import type { LogBlock } from '../../src/model/log.ts';
import { describeCodec } from './codec-contract.ts';

const columns = ['seconds', 'nanos', 'flags', 'levels', 'offsets', 'bytes'] as const;

function comparable(block: LogBlock): unknown {
  const { attributes } = block;
  return [
    block.count,
    ...columns.map((column) => Array.from(block[column])),
    attributes && [Array.from(attributes.offsets), Array.from(attributes.bytes)],
  ];
}

function blockOf(...texts: string[]): LogBlock {
  const builder = new LogBlockBuilder();
  for (const [i, text] of texts.entries()) {
    const bytes = Buffer.from(text);
    builder.append({ seconds: 1_795_253_153 + i, nanos: i, flags: i % 8, level: i % 7 }, bytes, 0, bytes.length);
  }
  return builder.block();
}

/** Every second line has some. */
function attributed(...texts: string[]): LogBlock {
  const builder = new LogBlockBuilder();
  for (const [i, text] of texts.entries()) {
    const bytes = Buffer.from(text);
    const attributes = i % 2 === 0 ? Buffer.from(JSON.stringify({ line: i, text })) : undefined;
    const marks = { seconds: 1_795_253_153 + i, nanos: i, flags: 0, level: 0, ...(attributes && { attributes }) };
    builder.append(marks, bytes, 0, bytes.length);
  }
  return builder.block();
}

const lines = ['[2026-11-21T09:39:00Z] "GET /productpage HTTP/1.1" 200 -', '', '日志 🚀', 'panic: x'];

describeCodec<LogBlock>({
  name: 'log-block',
  decoder: { decode: decodeLogBlock },
  codec: { contentType: 'application/octet-stream', encode: encodeLogBlock, decode: decodeLogBlock },
  comparable,
  goldens: [
    {
      name: 'four lines',
      bytes: encodeLogBlock(blockOf(...lines)),
      check: (block) => {
        const { offsets, bytes } = block;
        const texts = lines.map((_, i) => Buffer.from(bytes.subarray(offsets[i], offsets[i + 1])).toString());
        assert.deepEqual(texts, lines);
      },
    },
    {
      name: 'three lines, two with attributes',
      bytes: encodeLogBlock(attributed('a', 'b', 'c')),
      check: ({ attributes }) => {
        assert.ok(attributes);
        const { offsets, bytes } = attributes;
        const texts = [0, 1, 2].map((i) => Buffer.from(bytes.subarray(offsets[i], offsets[i + 1])).toString());
        assert.deepEqual(texts, ['{"line":0,"text":"a"}', '', '{"line":2,"text":"c"}']);
      },
    },
  ],
  values: [
    attributed('x', 'y', 'z'),
    attributed(...Array.from({ length: 700 }, (_, i) => `${i}`)),
    blockOf(),
    blockOf(''),
    blockOf('x'.repeat(70_000), 'y'),
  ],
});
