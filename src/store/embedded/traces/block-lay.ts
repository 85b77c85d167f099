import { BridgeError } from '../../../contract/errors.ts';
import type { BlockCounts, ByteColumn, FloatColumn, RefColumn } from './block-layout.ts';
import { floatColumns, refColumns, sectionsOf, writeCounts } from './block-layout.ts';
import type { GrowingFloats, GrowingWords } from './growing.ts';

/** The columns of a block before they are laid one behind the other. */
export interface BlockContent {
  readonly strings: readonly string[];
  /** 16 or 32 hex digits each. */
  readonly traceIds: string[];
  /** 16 hex digits each. */
  readonly spanIds: string[];
  /** 16 hex digits each; zeros where there is none. */
  readonly parentIds: string[];
  readonly flags: GrowingWords;
  readonly endpointPort: GrowingWords;
  readonly floats: Readonly<Record<FloatColumn, GrowingFloats>>;
  readonly refs: Readonly<Record<RefColumn, GrowingWords>>;
}

/** Two-byte refs hold 0 to 65,535, and some refs are one larger than an index. */
const narrowRefs = 65_534;

export function layBlock(content: BlockContent): Buffer {
  const text = content.strings.join('');
  const ascii = Buffer.byteLength(text) === text.length;
  const lengths = content.strings.map((each) => (ascii ? each.length : Buffer.byteLength(each)));
  const counts = countsOf(content, ascii ? text.length : sum(lengths), ascii);
  const sections = sectionsOf(counts);
  // Not from the pool: views need the begin of the memory on a multiple of 8.
  const target = Buffer.from(new ArrayBuffer(sections.totalBytes));
  writeCounts(target, counts);
  for (const [name] of floatColumns) {
    new Float64Array(target.buffer, sections.floats[name]).set(content.floats[name].view());
  }
  for (const [name] of refColumns) {
    const refs = counts.wide ? Uint32Array : Uint16Array;
    new refs(target.buffer, sections.refs[name]).set(content.refs[name].view());
  }
  layBytes(target, content, sections.bytes);
  new Uint32Array(target.buffer, sections.bytes.stringBytes).set(lengths);
  if (ascii) {
    target.write(text, sections.bytes.text, 'latin1');
  } else {
    // One by one: halves of a surrogate pair that meet at a border must not become one character.
    layTexts(target, sections.bytes.text, content.strings);
  }
  return target;
}

function layTexts(target: Buffer, from: number, strings: readonly string[]): void {
  let at = from;
  for (const text of strings) {
    at += target.write(text, at);
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

function countsOf(content: BlockContent, textBytes: number, ascii: boolean): BlockCounts {
  const { refs, floats } = content;
  const largest = Math.max(
    content.strings.length,
    refs.pairKey.length,
    refs.endpointService.length,
    refs.tagPair.length,
  );
  return {
    spans: content.spanIds.length,
    traces: content.traceIds.length,
    strings: content.strings.length,
    pairs: refs.pairKey.length,
    endpoints: refs.endpointService.length,
    annotations: floats.annotationTime.length,
    tags: refs.tagPair.length,
    textBytes,
    wide: Math.max(largest, floats.annotationTime.length) > narrowRefs,
    ascii,
  };
}

function layBytes(target: Buffer, content: BlockContent, at: Readonly<Record<ByteColumn, number>>): void {
  const { traceIds } = content;
  writeHex(
    target,
    at.traceId,
    traceIds.map((id) => id.padStart(32, '0')),
    16,
  );
  writeHex(target, at.spanId, content.spanIds, 8);
  writeHex(target, at.parentId, content.parentIds, 8);
  for (let i = 0; i < traceIds.length; i++) {
    target[at.traceWide + i] = traceIds[i]?.length === 32 ? 1 : 0;
  }
  target.set(content.flags.view(), at.flags);
  new Uint16Array(target.buffer, at.endpointPort).set(content.endpointPort.view());
}

function writeHex(target: Buffer, at: number, ids: readonly string[], bytesEach: number): void {
  const written = target.write(ids.join(''), at, 'hex');
  if (written !== ids.length * bytesEach) {
    throw new BridgeError('BRIDGE_DECODE', 'a span with an id that is not lower-case hex of its width');
  }
}
