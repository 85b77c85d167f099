/**
 * npm run bench -- store logs [--mib 1024] [--files 20] [--trickle-mib 64] [--dir DIR] [--json FILE]
 *
 * Lines in the embedded store. CRI files (`logs/corpus.ts`) are read and framed as the container input does, without a lane, and
 * committed in 4 MiB; the same without a store is measured first and taken off. Then questions over all of them, a second time
 * beside ingest, to see how long they hold it up. `trickle`: lines come five of a stream at a time and are committed by 40.
 * CPU is user and system time of all threads; bytes are taken per byte of the files.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { decodeLogBlock, encodeLogBlock } from '../../../src/codec/log-block/log-block.ts';
import type { LogQuery, Question } from '../../../src/contract/store.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import type { Batch, QueueRecord } from '../../../src/model/batch.ts';
import { EmbeddedStore } from '../../../src/store/embedded/embedded-store.ts';
import { collectLines } from '../logs/collect.ts';
import { writeCorpus } from '../logs/corpus.ts';
import { peakMegabytes } from '../zipkin/process-cost.ts';

const { values } = parseArgs({
  options: {
    mib: { type: 'string', default: '1024' },
    files: { type: 'string', default: '20' },
    'trickle-mib': { type: 'string', default: '64' },
    dir: { type: 'string', default: tmpdir() },
    json: { type: 'string' },
  },
});

const gib = 2 ** 30;
const corpusStartMs = Date.UTC(2026, 10, 21, 9);
const commitBytes = 4 * 2 ** 20;
const everything = { startMs: 0, endMs: 4e12, matchers: [], texts: [], levels: [] } satisfies LogQuery;

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

function recordOf(batch: Batch, seq: number, itemsBefore: number): QueueRecord {
  const { signal, format, items, origin, payload } = batch;
  const bytes = Buffer.concat(payload instanceof Uint8Array ? [payload] : payload);
  const cumItems = itemsBefore + items;
  return { seq, signal, format, items, cumItems, receivedAtMs: Date.now(), origin, payload: bytes };
}

/** Gives records to `commit` 4 MiB at a time, one call after the other. */
class Feed {
  readonly #commit: (records: readonly QueueRecord[]) => Promise<void>;
  #records: QueueRecord[] = [];
  #bytes = 0;
  #seq = 0;
  #items = 0;
  #turn = Promise.resolve();

  constructor(commit: (records: readonly QueueRecord[]) => Promise<void>) {
    this.#commit = commit;
  }

  readonly emit = async (batch: Batch): Promise<void> => {
    this.#seq += 1;
    const record = recordOf(batch, this.#seq, this.#items);
    this.#items = record.cumItems;
    this.#records.push(record);
    this.#bytes += record.payload.length;
    if (this.#bytes >= commitBytes) {
      await this.flush();
    }
  };

  flush(): Promise<void> {
    const records = this.#records;
    this.#records = [];
    this.#bytes = 0;
    this.#turn = this.#turn.then(() => this.#commit(records));
    return this.#turn;
  }
}

async function openStore(dir: string): Promise<EmbeddedStore> {
  const decodeSpans = (): never => {
    throw new Error('no spans here');
  };
  const options = { dir, retentionMs: 7 * 86_400_000, maxBytes: 20e9, clock: systemClock, decodeSpans };
  const store = new EmbeddedStore(options);
  await store.open();
  return store;
}

async function storedIn(store: EmbeddedStore): Promise<{ lines: number; bytes: number; partitions: number }> {
  const partitions = (await store.status()).partitions.filter(({ signal }) => signal === 'logs');
  const lines = partitions.reduce((sum, { items }) => sum + items, 0);
  return { lines, bytes: partitions.reduce((sum, { bytes }) => sum + bytes, 0), partitions: partitions.length };
}

async function commitTo(store: EmbeddedStore, records: readonly QueueRecord[], queue = 'bench'): Promise<void> {
  const [first] = records;
  if (first !== undefined) {
    const items = records.reduce((sum, record) => sum + record.items, 0);
    await store.commit({ signal: 'logs', records, items, id: `${queue}:${first.seq}-${records.at(-1)?.seq}` });
  }
}

async function millisOf(
  store: EmbeddedStore,
  question: Question,
): Promise<{ ms: number; cpuMs: number; count: number; body: string }> {
  const cpu = cpuSeconds();
  const began = performance.now();
  const { count, body } = await store.ask(question);
  const ms = performance.now() - began;
  return { ms, cpuMs: (cpuSeconds() - cpu) * 1000, count, body: Buffer.from(body).toString() };
}

/** The longest CPU time of this thread between two turns during `work`: what others had to wait, were the machine free. */
async function longestBlockMs(work: Promise<unknown>): Promise<number> {
  const state = { done: false };
  const ended = work.finally(() => {
    state.done = true;
  });
  let longest = 0;
  for (let last = threadCpuMs(); !state.done; ) {
    await nextTurn();
    const now = threadCpuMs();
    longest = Math.max(longest, now - last);
    last = now;
  }
  await ended;
  return longest;
}

function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1e3;
}

/** A word of 32 hex digits that stands in the middle of what was written. */
async function rareWord(store: EmbeddedStore): Promise<string> {
  const query = { ...everything, endMs: corpusStartMs + 300_000, texts: ['trace_id'] };
  const { body } = await millisOf(store, { kind: 'logs.search', query, limit: 50 });
  const word = /[0-9a-f]{32}/.exec(body)?.[0];
  if (word === undefined) {
    throw new Error('no id was found in the lines');
  }
  return word;
}

function questionsOver(word: string): Readonly<Record<string, Question>> {
  const quarter = { startMs: corpusStartMs, endMs: corpusStartMs + 900_000 };
  const search = (query: Partial<LogQuery>, limit = 100): Question => ({
    kind: 'logs.search',
    query: { ...everything, ...query },
    limit,
  });
  return {
    'rare word, all': search({ texts: [word] }),
    'absent word, all': search({ texts: ['0123456789abcdef0123456789abcdef'] }),
    'part of a word, all': search({ texts: [word.slice(4, 20)] }),
    'newest 100 of a common word': search({ texts: ['ratings'] }),
    'errors of 15 min with a text, newest 1,000': search({ ...quarter, levels: ['error'], texts: ['reviews'] }, 1000),
    'counts of 15 min, 60 steps': { kind: 'logs.counts', query: { ...everything, ...quarter }, stepMs: 15_000 },
    'counts of 15 min of errors with a text': {
      kind: 'logs.counts',
      query: { ...everything, ...quarter, levels: ['error'], texts: ['reviews'] },
      stepMs: 15_000,
    },
    labels: { kind: 'logs.labels', range: everything },
    ...logqlOver(word),
  };
}

/** The same and more as Loki's API asks it. */
function logqlOver(word: string): Readonly<Record<string, Question>> {
  const all = '{namespace=~".+"}';
  const nanos = (ms: number): bigint => BigInt(ms) * 1_000_000n;
  const dayMs = 86_400_000;
  const quarterMs = 900_000;
  const range = (query: string, lengthMs: number, steps = 60): Question => ({
    kind: 'loki.queryRange',
    query: {
      query,
      startNanos: nanos(corpusStartMs),
      endNanos: nanos(corpusStartMs + lengthMs),
      stepMs: lengthMs / steps,
      limit: 1000,
      direction: 'backward',
      encoding: 'categorized',
    },
  });
  return {
    'LogQL: rare word, all': range(`${all} |= "${word}"`, dayMs),
    'LogQL: errors of 15 min with a text': range(`{namespace=~".+", level="error"} |= "reviews"`, quarterMs),
    'LogQL: volume of lines by level, all': range(`sum by (detected_level) (count_over_time(${all}[24m]))`, dayMs),
    'LogQL: rate by app, all': range(`sum by (app) (rate(${all}[24m]))`, dayMs),
    'LogQL: rate of lines with a common text, all': range(`sum(rate(${all} |= "ratings" [24m]))`, dayMs),
    'LogQL: rate of 15 min by a field of JSON': range(
      `sum by (level) (rate(${all} | json | __error__="" [1m]))`,
      quarterMs,
    ),
  };
}

async function trickle(root: string, dir: string, mib: number): Promise<object> {
  const corpus = writeCorpus(root, 4, mib * 2 ** 20);
  const store = await openStore(dir);
  const streams: QueueRecord[][] = [];
  await collectLines(root, async (batch) => {
    streams.push(piecesOf(recordOf(batch, 0, 0), 5));
  });
  let seq = 0;
  let cumItems = 0;
  const cpu = cpuSeconds();
  for (let waiting: QueueRecord[] = []; streams.some((pieces) => pieces.length > 0); waiting = []) {
    for (const pieces of streams.slice(0, 8)) {
      const piece = pieces.pop();
      if (piece === undefined) {
        streams.splice(streams.indexOf(pieces), 1);
      } else {
        seq += 1;
        cumItems += piece.items;
        waiting.push({ ...piece, seq, cumItems });
      }
    }
    await commitTo(store, waiting, 'trickle');
  }
  const active = await storedIn(store);
  const ingestCpu = cpuSeconds() - cpu;
  // Its first line is now older than a partition lives.
  const later = { ...piecesOf(recordOf(await anyBatch(root), 0, 0), 1)[0], seq: seq + 1, cumItems: cumItems + 1 };
  await commitTo(store, [{ ...later, receivedAtMs: Date.now() + 7 * 3_600_000 } as QueueRecord], 'trickle');
  const sealCpu = cpuSeconds();
  const began = performance.now();
  const blockMs = await longestBlockMs(store.expire());
  const sealMs = performance.now() - began;
  const sealed = await storedIn(store);
  await store.close();
  return {
    commits: Math.ceil(seq / 8),
    ingestCpuSecondsPerGib: (ingestCpu / corpus.bytes) * gib,
    activeBytesPerByte: active.bytes / corpus.bytes,
    sealCpuSecondsPerGib: ((cpuSeconds() - sealCpu) / corpus.bytes) * gib,
    sealMs,
    longestBlockMs: blockMs,
    sealedBytesPerByte: sealed.bytes / corpus.bytes,
    lines: sealed.lines,
  };
}

async function anyBatch(root: string): Promise<Batch> {
  const batches: Batch[] = [];
  await collectLines(root, async (batch) => {
    if (batches.length === 0) {
      batches.push({ ...batch, payload: recordOf(batch, 0, 0).payload });
    }
  });
  const [batch] = batches;
  if (batch === undefined) {
    throw new Error('there are no lines');
  }
  return batch;
}

/** A record as records of so many lines, the first one last. */
function piecesOf(record: QueueRecord, lines: number): QueueRecord[] {
  const block = decodeLogBlock(record.payload);
  const pieces: QueueRecord[] = [];
  for (let from = 0; from < block.count; from += lines) {
    const to = Math.min(block.count, from + lines);
    const begin = block.offsets[from] ?? 0;
    const payload = encodeLogBlock({
      count: to - from,
      seconds: block.seconds.subarray(from, to),
      nanos: block.nanos.subarray(from, to),
      flags: block.flags.subarray(from, to),
      levels: block.levels.subarray(from, to),
      offsets: block.offsets.subarray(from, to + 1).map((offset) => offset - begin),
      bytes: block.bytes.subarray(begin, block.offsets[to]),
    });
    pieces.push({ ...record, items: to - from, payload: Buffer.from(payload) });
  }
  return pieces.reverse();
}

const place = mkdtempSync(join(values.dir, 'bench-store-logs-'));
try {
  const root = join(place, 'pods');
  const corpus = writeCorpus(root, Number(values.files), Number(values.mib) * 2 ** 20);
  const framing = new Feed(async () => undefined);
  const framingBegan = cpuSeconds();
  await collectLines(root, framing.emit);
  const framingCpu = cpuSeconds() - framingBegan;

  const store = await openStore(join(place, 'store'));
  let longestCommitMs = 0;
  const feed = new Feed(async (records) => {
    longestCommitMs = Math.max(longestCommitMs, await longestBlockMs(commitTo(store, records)));
  });
  const ingestBegan = cpuSeconds();
  await collectLines(root, feed.emit);
  await feed.flush();
  const ingestCpu = cpuSeconds() - ingestBegan - framingCpu;
  const active = await storedIn(store);
  const ingestPeakMegabytes = peakMegabytes(process.pid);
  await store.expire();
  const sealed = await storedIn(store);

  const word = await rareWord(store);
  const asked: Record<string, object> = {};
  for (const [name, question] of Object.entries(questionsOver(word))) {
    const first = await millisOf(store, question);
    const second = await millisOf(store, question);
    const blockMs = await longestBlockMs(store.ask(question));
    const { count } = first;
    asked[name] = { firstMs: first.ms, secondMs: second.ms, secondCpuMs: second.cpuMs, count, longestBlockMs: blockMs };
  }
  await store.close();
  const openBegan = performance.now();
  await (await openStore(join(place, 'store'))).close();
  const openMs = performance.now() - openBegan;
  rmSync(root, { recursive: true });
  rmSync(join(place, 'store'), { recursive: true });

  const report = {
    bytes: corpus.bytes,
    records: corpus.records,
    stored: sealed.lines,
    partitions: sealed.partitions,
    cpuSecondsPerGib: (ingestCpu / corpus.bytes) * gib,
    framingCpuSecondsPerGib: (framingCpu / corpus.bytes) * gib,
    activeBytesPerByte: active.bytes / corpus.bytes,
    sealedBytesPerByte: sealed.bytes / corpus.bytes,
    longestCommitBlockMs: longestCommitMs,
    ingestPeakMegabytes,
    asked,
    openMs,
    peakMegabytes: peakMegabytes(process.pid),
    trickle: await trickle(root, join(place, 'trickle'), Number(values['trickle-mib'])),
  };
  if (values.json !== undefined) {
    writeFileSync(values.json, JSON.stringify(report, undefined, 2));
  }
  console.log(JSON.stringify(report, undefined, 2));
} finally {
  rmSync(place, { recursive: true, force: true });
}
