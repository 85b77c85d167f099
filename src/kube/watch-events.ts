import { z } from 'zod';
import { ApiRefusal } from './api-client.ts';

/** A pod with every annotation at its largest takes about 1.5 MiB. */
const maxLineBytes = 16 * 1024 * 1024;

const eventSchema = z.object({ type: z.string(), object: z.unknown() });
const versionSchema = z.object({ metadata: z.object({ resourceVersion: z.string() }) });
const errorSchema = z.object({ code: z.int().nullish(), message: z.string().nullish() });

export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly object: unknown;
  /** From where a watch goes on behind this event. */
  readonly resourceVersion: string;
}

/**
 * Reads a watch: one JSON object a line. Throws ApiRefusal for an ERROR event (its code, such as 410, stands for the status),
 * and Error for a line that is too long or no event.
 */
export async function* watchEvents(chunks: AsyncIterable<Buffer>, onBytes: () => void): AsyncGenerator<WatchEvent> {
  let rest: Buffer[] = [];
  let restBytes = 0;
  for await (const chunk of chunks) {
    onBytes();
    let from = 0;
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, from)) {
      const line = Buffer.concat([...rest, chunk.subarray(from, end)]).toString('utf8');
      rest = [];
      restBytes = 0;
      from = end + 1;
      if (line.trim() !== '') {
        yield eventOf(line);
      }
    }
    if (from < chunk.length) {
      rest.push(chunk.subarray(from));
      restBytes += chunk.length - from;
    }
    if (restBytes > maxLineBytes) {
      throw new Error('a line of the watch does not end');
    }
  }
}

function eventOf(line: string): WatchEvent {
  const { type, object } = eventSchema.parse(JSON.parse(line));
  switch (type) {
    case 'ERROR': {
      const { code, message } = errorSchema.parse(object);
      throw new ApiRefusal(code ?? 500, message ?? 'the watch ended with an error');
    }
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
    case 'BOOKMARK':
      return { type, object, resourceVersion: versionOf(object) };
    default:
      throw new Error(`the watch has an event of type ${JSON.stringify(type.slice(0, 40))}`);
  }
}

/** Of an object or a list. */
export function versionOf(object: unknown): string {
  return versionSchema.parse(object).metadata.resourceVersion;
}
