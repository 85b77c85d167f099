import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Batch, Origin, Signal, TagEdits } from '../model/batch.ts';
import type { ScanEvent } from '../record/frame.ts';
import { RecordReader } from '../record/reader.ts';
import { tagEditsSchema, tagsSchema } from '../record/tag-edits.ts';

const count = z.number().min(0);
const header = z.object({
  reason: z.string(),
  atMs: count,
  seq: count,
  format: z.string(),
  receivedAtMs: count,
  items: count,
  origin: tagsSchema,
  scope: z.literal('cluster').optional(),
  edits: tagEditsSchema.optional(),
  dictionary: z.string().optional(),
  dictionaryBytes: count.optional(),
});

/** A record that was refused for good. */
export interface DeadLetter {
  readonly reason: string;
  /** When it was refused. */
  readonly atMs: number;
  readonly receivedAtMs: number;
  readonly batch: Batch & { readonly payload: Uint8Array };
  /** Of the file, behind it. */
  readonly end: number;
}

/** `now` is written to; `before` was until that had grown to its cap. */
export interface DeadLetterPaths {
  readonly before: string;
  readonly now: string;
}

/** In `<dataDir>/dead-letters/<output>`. */
export function deadLetterPaths(dir: string, signal: Signal): DeadLetterPaths {
  return { before: join(dir, `${signal}.old.seg`), now: join(dir, `${signal}.seg`) };
}

/** Bytes and identity of a file; undefined if it is not there. */
export async function fileFacts(path: string): Promise<{ readonly bytes: number; readonly inode: number } | undefined> {
  return stat(path).then(
    ({ size, ino }) => ({ bytes: size, inode: ino }),
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') {
        return undefined;
      }
      throw error;
    },
  );
}

/** The good ones of a file, oldest first; what is damaged is passed over. None if there is no file. */
export async function* readDeadLetters(path: string, signal: Signal): AsyncGenerator<DeadLetter, void, undefined> {
  if ((await fileFacts(path)) === undefined) {
    return;
  }
  const reader = await RecordReader.open(path);
  try {
    for (let events = await reader.read(); events.length > 0; events = await reader.read()) {
      yield* lettersOf(events, signal);
    }
    yield* lettersOf(reader.finish(), signal);
  } finally {
    await reader.close();
  }
}

function lettersOf(events: readonly ScanEvent[], signal: Signal): readonly DeadLetter[] {
  return events.flatMap((event) => (event.kind === 'record' ? (letterOf(event, signal) ?? []) : []));
}

function letterOf(
  { header: bytes, payload, end }: { readonly header: Buffer; readonly payload: Buffer; readonly end: number },
  signal: Signal,
): DeadLetter | undefined {
  const facts = parsed(bytes);
  if (facts === undefined) {
    return undefined;
  }
  const { reason, atMs, receivedAtMs, items, origin, scope, edits, dictionary, dictionaryBytes = 0 } = facts;
  const payloadEnd = payload.length - dictionaryBytes;
  const batch = {
    signal,
    format: facts.format as Batch['format'],
    items,
    origin: origin as Origin,
    payload: payload.subarray(0, payloadEnd),
    ...(scope === undefined ? {} : { scope }),
    ...(edits === undefined ? {} : { edits: edits as TagEdits }),
    ...(dictionary === undefined ? {} : { dictionary: { id: dictionary, bytes: payload.subarray(payloadEnd) } }),
  };
  return { reason, atMs, receivedAtMs, batch, end };
}

function parsed(bytes: Buffer): z.output<typeof header> | undefined {
  try {
    return header.safeParse(JSON.parse(bytes.toString())).data;
  } catch {
    return undefined;
  }
}
