/**
 * npm run bench -- log-stages [--mib 256] [--files 20] [--rounds 3] [--dir DIR] [--json FILE]
 *
 * What one GiB of CRI log files costs, page cache warm: found, read, framed and encoded as records (`framed`); the same through a
 * lane, on disk before it counts (`durable`); and its records as lines of JSON (`ndjson`: encoded; `file`: through the file output).
 * CPU is user and system time of all threads. Medians of the rounds.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ByteSink } from '../../src/codec/ndjson/byte-sink.ts';
import { writeNdjson } from '../../src/codec/ndjson/ndjson.ts';
import { RecordDecoders } from '../../src/codec/record-decoder.ts';
import { Lane } from '../../src/lane/lane.ts';
import { systemClock } from '../../src/lib/clock.ts';
import type { Batch, QueueRecord } from '../../src/model/batch.ts';
import { file } from '../../src/outputs/file/file.ts';
import { FileOutput } from '../../src/outputs/file/file-output.ts';
import { benchRuntime, collectLines } from './logs/collect.ts';
import { type Corpus, writeCorpus } from './logs/corpus.ts';
import { peakMegabytes } from './zipkin/process-cost.ts';

const { values } = parseArgs({
  options: {
    mib: { type: 'string', default: '256' },
    files: { type: 'string', default: '20' },
    rounds: { type: 'string', default: '3' },
    dir: { type: 'string', default: tmpdir() },
    json: { type: 'string' },
  },
});

const gib = 2 ** 30;
function payloadOf(batch: Batch): Buffer {
  return Buffer.concat(batch.payload instanceof Uint8Array ? [batch.payload] : batch.payload);
}

function recordOf(batch: Batch, seq: number): QueueRecord {
  const { signal, format, items, origin } = batch;
  return { seq, signal, format, items, cumItems: seq, receivedAtMs: 0, origin, payload: payloadOf(batch) };
}

interface Stage {
  readonly name: string;
  /** Resolves with the records that went through. */
  run(root: string, dir: string): Promise<number>;
}

const stages: readonly Stage[] = [
  {
    name: 'framed',
    run: (root) => collectLines(root, async (batch) => void payloadOf(batch)),
  },
  {
    name: 'durable',
    run: async (root, dir) => {
      const lane = await Lane.open({
        signal: 'logs',
        dir: join(dir, 'queue'),
        segmentBytes: 64 * 2 ** 20,
        maxBytes: 64 * gib,
        freeBytes: () => 64 * gib,
        minFreeBytes: 0,
        clock: systemClock,
        log: benchRuntime.log,
      });
      const items = await collectLines(root, (batch, position) => lane.append(batch, position));
      await lane.close();
      return items;
    },
  },
  {
    name: 'framed + ndjson',
    run: (root) => {
      const sink = new ByteSink();
      const decode = new RecordDecoders();
      let seq = 0;
      return collectLines(root, async (batch) => {
        sink.at = 0;
        seq += 1;
        writeNdjson(sink, recordOf(batch, seq), decode);
      });
    },
  },
  {
    name: 'framed + file',
    run: async (root, dir) => {
      const output = new FileOutput(file.config.parse({}), {
        ...benchRuntime,
        name: 'file',
        dataDir: dir,
        decode: new RecordDecoders(),
      });
      let waiting: QueueRecord[] = [];
      let seq = 0;
      const flush = async (): Promise<void> => {
        const records = waiting;
        waiting = [];
        const request = { signal: 'logs' as const, records, items: records.length, id: `bench:${seq}` };
        const result = await output.write(request, new AbortController().signal);
        if (result.status !== 'delivered') {
          throw new Error(`the file was not written: ${JSON.stringify(result)}`);
        }
      };
      const items = await collectLines(root, async (batch) => {
        seq += 1;
        waiting.push(recordOf(batch, seq));
        // As delivery does: 4 MiB a request.
        if (waiting.length >= 16) {
          await flush();
        }
      });
      await flush();
      await output.stop();
      return items;
    },
  },
];

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

async function measured(stage: Stage, root: string, corpus: Corpus, round: number): Promise<number> {
  const dir = join(root, '..', `${stage.name.replaceAll(' ', '')}-${round}`);
  mkdirSync(dir);
  const before = process.cpuUsage();
  const began = performance.now();
  const items = await stage.run(root, dir);
  const { user, system } = process.cpuUsage(before);
  const perGib = ((user + system) / 1e6) * (gib / corpus.bytes);
  if (items !== corpus.records) {
    throw new Error(`${stage.name}: ${items} records came of ${corpus.records}`);
  }
  const mbPerSecond = corpus.bytes / 1e3 / (performance.now() - began);
  console.log(
    `${stage.name.padEnd(16)} round ${round}: ${perGib.toFixed(2)} CPU-s/GiB (user ${((user / 1e6) * (gib / corpus.bytes)).toFixed(2)}), ${mbPerSecond.toFixed(0)} MB/s, VmHWM ${peakMegabytes(process.pid).toFixed(0)} MB`,
  );
  rmSync(dir, { recursive: true });
  return perGib;
}

const place = mkdtempSync(join(values.dir, 'bench-logs-'));
try {
  const root = join(place, 'pods');
  const corpus = writeCorpus(root, Number(values.files), Number(values.mib) * 2 ** 20);
  console.log(
    `${corpus.records} records, ${corpus.bytes} bytes, ${(corpus.bytes / corpus.records).toFixed(0)} a record`,
  );
  readFileSync(join(root, '..', 'pods', `bench_pod-0_00000000-0000-4000-8000-${'0'.repeat(12)}`, 'app', '0.log'));
  const results = new Map<string, number[]>(stages.map((stage) => [stage.name, []]));
  for (let round = 1; round <= Number(values.rounds); round++) {
    for (const stage of stages) {
      results.get(stage.name)?.push(await measured(stage, root, corpus, round));
    }
  }
  const summary = Object.fromEntries([...results].map(([name, costs]) => [name, Number(median(costs).toFixed(2))]));
  console.log('median CPU-s per GiB', summary);
  if (values.json !== undefined) {
    writeFileSync(
      values.json,
      JSON.stringify({ bench: 'logs', ...values, ...corpus, cpuSecondsPerGib: summary }, null, 2),
    );
  }
} finally {
  rmSync(place, { recursive: true, force: true });
}
