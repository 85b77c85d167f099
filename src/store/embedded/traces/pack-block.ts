import { constants, zstdCompressSync } from 'node:zlib';
import type { PackedBlock } from '../blocks/block-format.ts';
import type { BuiltBlock } from './block-builder.ts';
import type { BlockSummary } from './block-summary.ts';

export function packBlock({ columns, summary }: BuiltBlock): PackedBlock<BlockSummary> {
  const payload = zstdCompressSync(columns, { params: { [constants.ZSTD_c_compressionLevel]: 1 } });
  return { summary, payload };
}
