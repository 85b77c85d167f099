import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { logRecord } from '../../test/fakes/log-records.ts';
import { spanRecord } from '../../test/fakes/requests.ts';
import { MemoryLog } from '../../test/fakes/runtime.ts';
import { type TempDir, tempDir } from '../../test/fakes/temp-dir.ts';
import { until } from '../../test/fakes/until.ts';
import type { TapQuestion } from '../api/tap.ts';
import { Lane } from '../lane/lane.ts';
import { systemClock } from '../lib/clock.ts';
import { parseSelector } from '../lib/selector.ts';
import { type QueueRecord, type Signal, signals } from '../model/batch.ts';
import { RecordingReader } from '../record/recording.ts';
import { Taps } from './taps.ts';

const mib = 1024 * 1024;
let dir: TempDir;
let lanes: Record<Signal, Lane>;
let taps: Taps;
let gone: AbortController;

beforeEach(async () => {
  dir = await tempDir();
  const opened = await Promise.all(signals.map(async (signal) => [signal, await openLane(signal)] as const));
  lanes = Object.fromEntries(opened) as Record<Signal, Lane>;
  taps = new Taps(() => ({ lanes, node: 'n1', log: new MemoryLog() }));
  gone = new AbortController();
});

afterEach(async () => {
  gone.abort();
  taps.close();
  await Promise.all(Object.values(lanes).map((lane) => lane.close()));
  await dir.remove();
});

function openLane(signal: Signal): Promise<Lane> {
  return Lane.open({
    signal,
    dir: join(dir.path, signal),
    segmentBytes: mib,
    maxBytes: 64 * mib,
    freeBytes: () => Number.MAX_SAFE_INTEGER,
    minFreeBytes: 0,
    clock: systemClock,
    log: new MemoryLog(),
  });
}

function append({ signal, format, payload, items, origin }: QueueRecord): Promise<void> {
  return lanes[signal].append({ signal, format, payload, items, origin });
}

const hex = (id: number): string => id.toString(16).padStart(16, '0');
const span = (id: number, services = ['reviews']): QueueRecord =>
  spanRecord(
    services.map((serviceName) => ({ traceId: '1', id: hex(id), localEndpoint: { serviceName } })),
    { seq: 1 },
  );
const line = (message: string, namespace = 'prod'): QueueRecord =>
  logRecord([{ message, timeNanos: 1n }], { seq: 1, origin: { namespace } });

/** Reads a tap in the background. */
class Looker {
  readonly chunks: Uint8Array[] = [];
  readonly ended: Promise<void>;

  constructor(question: Partial<TapQuestion> = {}, signal = gone.signal) {
    this.ended = this.#read(taps.open({ signals, form: 'items', ...question }, signal));
  }

  get said(): readonly Record<string, unknown>[] {
    const text = Buffer.concat(this.chunks).toString().trimEnd();
    return text === '' ? [] : text.split('\n').map((one) => JSON.parse(one));
  }

  get items(): readonly Record<string, unknown>[] {
    return this.said.filter((one) => 'signal' in one && !('tap' in one));
  }

  async #read(stream: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const chunk of stream) {
      this.chunks.push(Buffer.from(chunk));
    }
  }
}

function selector(text: string) {
  const { selector: parsed } = parseSelector(text);
  if (parsed === undefined) {
    throw new Error(text);
  }
  return parsed;
}

async function began(looker: Looker): Promise<void> {
  await until(() => looker.chunks.length > 0, { what: 'the head' });
}

describe('a tap', () => {
  test('shows what comes after it was opened, of all lanes, as the file output writes it', async () => {
    await append(line('before'));
    const looker = new Looker();
    await began(looker);
    await append(line('after'));
    await append(span(1));
    await until(() => looker.items.length === 2, { what: 'both items' });
    expect(looker.items.map(({ signal }) => signal).toSorted()).toEqual(['logs', 'traces']);
    expect(looker.items).toContainEqual(
      expect.objectContaining({ signal: 'logs', message: 'after', namespace: 'prod' }),
    );
    expect(looker.said[0]).toMatchObject({ tap: 'open', node: 'n1' });
  });

  test('shows the signals and items that are asked for, and no more of them than that', async () => {
    const looker = new Looker({ signals: ['traces'], selector: selector('{service=~"r.*"}'), limit: 3 });
    await began(looker);
    await append(line('not asked for'));
    await append(span(1, ['reviews', 'details', 'ratings']));
    await append(span(2, ['reviews', 'ratings']));
    await looker.ended;
    expect(looker.items.map(({ id, localEndpoint }) => [id, localEndpoint])).toEqual([
      [hex(1), { serviceName: 'reviews' }],
      [hex(1), { serviceName: 'ratings' }],
      [hex(2), { serviceName: 'reviews' }],
    ]);
  });

  test('records whole records, those of which an item is meant', async () => {
    const looker = new Looker({ form: 'records', selector: selector('{namespace="prod"}'), limit: 2 });
    await began(looker);
    await append(line('one'));
    await append(line('other', 'dev'));
    await append(line('two'));
    await looker.ended;
    const reader = new RecordingReader();
    const parts = [...reader.add(Buffer.concat(looker.chunks))];
    const records = parts.flatMap((part) => (part.kind === 'records' ? part.records : []));
    expect(records.map(({ seq, origin }) => [seq, origin])).toEqual([
      [1, { namespace: 'prod' }],
      [3, { namespace: 'prod' }],
    ]);
    expect(parts[0]).toMatchObject({ kind: 'head', head: { match: '{namespace="prod"}' } });
  });

  test('that is too slow goes on at the end, and is told how much it missed; nothing waits for it', async () => {
    const stream = taps.open({ signals: ['traces'], form: 'items' }, gone.signal)[Symbol.asyncIterator]();
    await stream.next();
    const many = Array.from({ length: 10_000 }, (_, i) => ({ traceId: '1', id: String(i) }));
    for (let i = 0; i < 11; i++) {
      await append(spanRecord(many, { seq: 1 }));
    }
    const note = Buffer.from((await stream.next()).value ?? []).toString();
    expect(JSON.parse(note)).toEqual({ tap: 'skipped', signal: 'traces', items: 110_000 });
    await append(span(1));
    const next = Buffer.from((await stream.next()).value ?? []).toString();
    expect(JSON.parse(next)).toMatchObject({ signal: 'traces', id: hex(1) });
    await stream.return?.();
  });

  test('passes by a record that cannot be decoded', async () => {
    const looker = new Looker({ limit: 1 });
    await began(looker);
    await append({ ...span(1), payload: Buffer.from('no json') });
    await append(span(2));
    await looker.ended;
    expect(looker.items.map(({ id }) => id)).toEqual([hex(2)]);
  });

  test('ends with its caller, and with the daemon, which says so', async () => {
    const leaver = new AbortController();
    const one = new Looker({}, leaver.signal);
    const other = new Looker();
    await began(other);
    leaver.abort();
    await one.ended;
    taps.close();
    await other.ended;
    expect(other.said.at(-1)).toEqual({ tap: 'end' });
    expect(() => taps.open({ signals, form: 'items' }, gone.signal)).toThrow(
      expect.objectContaining({ code: 'BRIDGE_OVERLOADED' }),
    );
  });

  test('is refused when eight are open, and has room again when one has ended', async () => {
    const leaver = new AbortController();
    const first = new Looker({}, leaver.signal);
    const others = Array.from({ length: 7 }, () => new Looker());
    expect(() => taps.open({ signals, form: 'items' }, gone.signal)).toThrow(
      expect.objectContaining({ code: 'BRIDGE_OVERLOADED' }),
    );
    leaver.abort();
    await first.ended;
    const ninth = new Looker();
    gone.abort();
    await Promise.all([...others, ninth].map(({ ended }) => ended));
  });
});
