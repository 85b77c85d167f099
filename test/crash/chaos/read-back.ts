import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Daemon } from '../../e2e/daemon.ts';
import { storedCopies, storedLines } from '../stored.ts';
import { idPattern, Page, traceIdOf } from './feeds.ts';
import { Counter } from './oracle.ts';

interface FileLine {
  readonly signal: string;
  readonly name?: string;
  readonly stale?: boolean;
  readonly value?: number;
  readonly labels?: Readonly<Record<string, string>>;
}

/** What the file output wrote, in order. */
export async function inFile(path: string): Promise<Counter> {
  const counter = new Counter();
  for await (const text of createInterface({ input: createReadStream(path) })) {
    const line: FileLine = JSON.parse(text);
    if (line.stale === true) {
      continue;
    }
    if (line.name === 'chaos_scraped') {
      counter.add(line.signal, Page.idOf(line.labels?.['series'] ?? '', line.value ?? 0));
    } else {
      const [id] = text.match(idPattern) ?? [];
      if (id !== undefined) {
        counter.add(line.signal, id);
      }
    }
  }
  return counter;
}

type Copies = ReadonlyMap<string, number>;

/** What the store of a running daemon answers: spans that were asked for, samples, browser data. */
export async function inStore(daemon: Daemon, spanIds: readonly string[]): Promise<Copies> {
  const copies = new Map<string, number>();
  const traces = await storedCopies(daemon, spanIds.map(traceIdOf));
  for (const id of spanIds) {
    const count = traces.get(traceIdOf(id));
    if (count !== undefined) {
      copies.set(id, count);
    }
  }
  for (const [id, count] of [...(await samples(daemon)), ...(await points(daemon))]) {
    copies.set(id, count);
  }
  return copies;
}

/** The same of lines, from the files of a store that nobody writes. */
export async function linesInStore(dir: string): Promise<Copies> {
  const copies = new Map<string, number>();
  for (const [message, count] of await storedLines(dir)) {
    const [id] = message.match(idPattern) ?? [];
    if (id !== undefined) {
      copies.set(id, (copies.get(id) ?? 0) + count);
    }
  }
  return copies;
}

interface Row {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly (readonly [number, string])[];
}

async function samples(daemon: Daemon): Promise<Copies> {
  const copies = new Map<string, number>();
  const count = (id: string): void => {
    copies.set(id, (copies.get(id) ?? 0) + 1);
  };
  const query = '{__name__=~"chaos_.+"}[3h]';
  const answer = await fetch(`${daemon.url}/api/v1/query`, { method: 'POST', body: new URLSearchParams({ query }) });
  const text = await answer.text();
  if (!answer.ok) {
    throw new Error(`the store says ${answer.status}: ${text.slice(0, 500)}`);
  }
  for (const { metric, values } of JSON.parse(text).data.result as readonly Row[]) {
    for (const [, value] of values) {
      count(
        metric['__name__'] === 'chaos_scraped'
          ? Page.idOf(metric['series'] ?? '', Number(value))
          : (metric['id'] ?? ''),
      );
    }
  }
  return copies;
}

async function points(daemon: Daemon): Promise<Copies> {
  const copies = new Map<string, number>();
  for (let before: string | undefined = ''; before !== undefined; ) {
    const query = new URLSearchParams({
      start: '0',
      end: String(4e12),
      limit: '5000',
      ...(before !== '' && { before }),
    });
    const answer = await fetch(`${daemon.url}/api/native/rum/points?${query}`);
    const page = (await answer.json()) as { points: { tags: { view_id: string } }[]; next?: string };
    for (const { tags } of page.points) {
      copies.set(tags.view_id, (copies.get(tags.view_id) ?? 0) + 1);
    }
    before = page.next;
  }
  return copies;
}
