import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { BridgeError, hasCode } from '../../../contract/errors.ts';
import { paddedTraceId, type Span } from '../../../model/span.ts';
import { systemDisk } from '../../../record/disk.ts';
import { writeWholeFile } from '../blocks/whole-file.ts';
import type { DamageBook } from '../damage-book.ts';
import type { Slice } from '../slice.ts';
import { BlockBuilder } from './block-builder.ts';
import { BlockView } from './block-view.ts';
import { readTrace, spansOf, type TraceSource } from './trace-reader.ts';

/**
 * A file for each pinned trace, `<padded id>.pin`: u32 crc32 of what follows, u32 length of the facts, the facts as JSON, and the
 * spans as one block (`block-layout.ts`), zstd.
 */
const headBytes = 8;
const ending = '.pin';
const maxColumnsBytes = 256 * 1024 * 1024;
const mostPins = 10_000;
/** Spans of a pinned trace that come later than this after are not copied. */
const renewedForMs = 3_600_000;

/** What is listed of a pinned trace. */
export interface PinFacts {
  /** As it was sent: 16 or 32 digits. */
  readonly traceId: string;
  readonly pinnedAtMs: number;
  readonly spans: number;
  readonly errors: number;
  /** Of the root, or of the first span. */
  readonly service?: string;
  readonly name?: string;
  readonly startMs?: number;
  readonly durationMs?: number;
}

interface Pin {
  readonly facts: PinFacts;
  readonly bytes: number;
}

export interface PinnedTracesOptions {
  readonly dir: string;
  readonly maxBytes: number;
  readonly damage: DamageBook;
}

/** Copies of traces that somebody wants to keep: no retention touches them. */
export class PinnedTraces {
  readonly #options: PinnedTracesOptions;
  /** By padded id. */
  readonly #pins = new Map<string, Pin>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: PinnedTracesOptions) {
    this.#options = options;
  }

  /** Reads what there is; what cannot be read is named, and left as it is. */
  open(): void {
    const { dir, damage } = this.#options;
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    for (const file of readdirSync(dir).filter((name) => name.endsWith(ending))) {
      const path = join(dir, file);
      const bytes = readFileSync(path);
      const read = partsOf(bytes);
      if (read === undefined) {
        damage.note({ file: path, offset: 0, bytes: bytes.length, reason: 'a pinned trace fails its checksum' });
      } else {
        this.#pins.set(file.slice(0, -ending.length), { facts: read.facts, bytes: bytes.length });
      }
    }
  }

  get bytes(): number {
    return [...this.#pins.values()].reduce((sum, pin) => sum + pin.bytes, 0);
  }

  /** The latest pin first. */
  list(): { readonly maxBytes: number; readonly bytes: number; readonly traces: readonly object[] } {
    const pins = [...this.#pins.values()].sort((a, b) => b.facts.pinnedAtMs - a.facts.pinnedAtMs);
    const traces = pins.map(({ facts, bytes }) => ({ ...facts, bytes }));
    return { maxBytes: this.#options.maxBytes, bytes: this.bytes, traces };
  }

  find(traceId: string): PinFacts | undefined {
    return this.#pins.get(paddedTraceId(traceId))?.facts;
  }

  /** The ids, padded, of all that are pinned. */
  ids(): string[] {
    return [...this.#pins.keys()];
  }

  /** Undefined where it is not pinned, or cannot be read, which is named. */
  view(traceId: string): BlockView | undefined {
    const padded = paddedTraceId(traceId);
    if (!this.#pins.has(padded)) {
      return undefined;
    }
    const path = this.#path(padded);
    const bytes = readFileSync(path);
    const read = partsOf(bytes);
    if (read === undefined) {
      this.#options.damage.note({
        ...{ file: path, offset: 0, bytes: bytes.length },
        reason: 'a pinned trace fails its checksum',
      });
      return undefined;
    }
    return new BlockView(zstdDecompressSync(read.block, { maxOutputLength: maxColumnsBytes }));
  }

  /** Keeps all of these spans, in place of those kept before. Rejects with BRIDGE_TOO_LARGE where there is no room. */
  pin(spans: readonly Span[], pinnedAtMs: number): Promise<PinFacts> {
    return this.#inTurn(async () => {
      const facts = factsOf(spans, pinnedAtMs);
      const padded = paddedTraceId(facts.traceId);
      const file = fileOf(facts, spans);
      const others = this.bytes - (this.#pins.get(padded)?.bytes ?? 0);
      const { maxBytes } = this.#options;
      if (others + file.length > maxBytes || this.#pins.size >= mostPins) {
        const message = `pinned traces take ${others} bytes and may take ${maxBytes}, and this one takes ${file.length}; unpin some, or set [store] pinned_max_bytes`;
        throw new BridgeError('BRIDGE_TOO_LARGE', message);
      }
      await writeWholeFile(this.#path(padded), [file]);
      this.#pins.set(padded, { facts, bytes: file.length });
      return facts;
    });
  }

  /** False where it was not pinned. */
  unpin(traceId: string): Promise<boolean> {
    return this.#inTurn(async () => {
      const padded = paddedTraceId(traceId);
      if (!this.#pins.has(padded)) {
        return false;
      }
      const path = this.#path(padded);
      await rm(path, { force: true });
      await systemDisk.syncDirOf(path);
      this.#pins.delete(padded);
      return true;
    });
  }

  #path(padded: string): string {
    return join(this.#options.dir, padded + ending);
  }

  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(run);
    this.#turn = done.catch(() => undefined);
    return done;
  }
}

/** Takes spans into the copies that came after somebody pinned the trace. */
export async function renewPins(source: TraceSource, nowMs: number, slice: Slice): Promise<void> {
  const { pins } = source;
  for (const traceId of pins.ids()) {
    const facts = pins.find(traceId);
    if (facts !== undefined && nowMs - facts.pinnedAtMs < renewedForMs) {
      const spans = spansOf(readTrace(source, traceId));
      if (spans.length > facts.spans) {
        // Without room for it the copy stays as it is.
        await pins.pin(spans, facts.pinnedAtMs).catch(unlessFull);
      }
    }
    if (slice.over) {
      await slice.yield();
    }
  }
}

function unlessFull(error: unknown): void {
  if (!hasCode(error, 'BRIDGE_TOO_LARGE')) {
    throw error;
  }
}

function factsOf(spans: readonly Span[], pinnedAtMs: number): PinFacts {
  const root = spans.find(({ parentId }) => parentId === undefined) ?? spans[0];
  const begins = spans.flatMap(({ timestamp }) => (timestamp === undefined ? [] : [timestamp]));
  const ends = spans.flatMap(({ timestamp, duration = 0 }) => (timestamp === undefined ? [] : [timestamp + duration]));
  const begin = begins.reduce((least, at) => Math.min(least, at), Number.POSITIVE_INFINITY);
  const end = ends.reduce((most, at) => Math.max(most, at), Number.NEGATIVE_INFINITY);
  const service = root?.localEndpoint?.serviceName;
  const name = root?.rawName ?? root?.name;
  return {
    traceId: root?.traceId ?? '',
    pinnedAtMs,
    spans: spans.length,
    errors: spans.filter(({ tags }) => tags?.['error'] !== undefined).length,
    ...(service !== undefined && { service }),
    ...(name !== undefined && { name }),
    ...(begins.length > 0 && { startMs: begin / 1000, durationMs: (end - begin) / 1000 }),
  };
}

function fileOf(facts: PinFacts, spans: readonly Span[]): Buffer {
  const builder = new BlockBuilder();
  for (const [index, span] of spans.entries()) {
    builder.add(span, { seq: 0, index }, 0);
  }
  const json = Buffer.from(JSON.stringify(facts));
  const file = Buffer.concat([Buffer.alloc(headBytes), json, zstdCompressSync(builder.finish().columns)]);
  file.writeUInt32LE(json.length, 4);
  file.writeUInt32LE(crc32(file.subarray(4)), 0);
  return file;
}

function partsOf(file: Buffer): { readonly facts: PinFacts; readonly block: Buffer } | undefined {
  if (file.length < headBytes || file.readUInt32LE(0) !== crc32(file.subarray(4))) {
    return undefined;
  }
  const blockAt = headBytes + file.readUInt32LE(4);
  return { facts: JSON.parse(file.toString('utf8', headBytes, blockAt)), block: file.subarray(blockAt) };
}
