import assert from 'node:assert/strict';
import { decodeLogBlock, encodeLogBlock } from '../../src/codec/log-block/log-block.ts';
import { LogBlockBuilder } from '../../src/codec/log-block/log-block-builder.ts';
import type { LogBlock } from '../../src/model/log.ts';
import { describeCodec } from './codec-contract.ts';

const columns = ['seconds', 'nanos', 'flags', 'levels', 'offsets', 'bytes'] as const;

function comparable(block: LogBlock): unknown {
  return [block.count, ...columns.map((column) => Array.from(block[column]))];
}

function blockOf(...texts: string[]): LogBlock {
  const builder = new LogBlockBuilder();
  for (const [i, text] of texts.entries()) {
    const bytes = Buffer.from(text);
    builder.append({ seconds: 1_795_253_153 + i, nanos: i, flags: i % 8, level: i % 7 }, bytes, 0, bytes.length);
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
  ],
  values: [blockOf(), blockOf(''), blockOf('x'.repeat(70_000), 'y')],
});
