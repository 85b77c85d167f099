import { BridgeError } from '../../../contract/errors.ts';
import type { Answer, Question } from '../../../contract/store.ts';
import { LogqlError } from '../../../logql/errors.ts';
import { queryInstant, queryRange } from '../../../logql/query.ts';
import type { ResultJson } from '../../../logql/result-json.ts';
import type { Control } from '../../../logql/source.ts';
import type { Slice } from '../slice.ts';
import type { LogPartition } from './log-partition.ts';
import { detectedFields, detectedLabels, labelNames, labelValues, seriesIn, statsOf } from './loki-catalogue.ts';
import { asBridgeError } from './loki-fault.ts';
import { LokiSource } from './loki-source.ts';
import { tailMessage } from './loki-tail.ts';
import { volume } from './loki-volume.ts';

export type LokiQuestion = Extract<Question, { readonly kind: `loki.${string}` }>;

export function isLokiQuestion(question: Question): question is LokiQuestion {
  return question.kind.startsWith('loki.');
}

/** Numbers that one query may hold: 8 bytes each. */
const maxNumbers = 12_000_000;
const maxSeries = 5_000;

/** What the store's partitions say to a question of Loki's HTTP API. */
export class LokiAsking {
  readonly partitions: readonly LogPartition[];
  readonly slice: Slice;

  constructor(partitions: readonly LogPartition[], slice: Slice) {
    this.partitions = partitions;
    this.slice = slice;
  }

  get control(): Control {
    const { slice } = this;
    return {
      maxNumbers,
      maxSeries,
      get over(): boolean {
        return slice.over;
      },
      yield: () => slice.yield(),
    };
  }

  source(): LokiSource {
    return new LokiSource(this.partitions, { slice: this.slice });
  }
}

export async function answerLoki(
  partitions: readonly LogPartition[],
  question: LokiQuestion,
  slice: Slice,
): Promise<Answer> {
  try {
    return await answerFrom(new LokiAsking(partitions, slice), question);
  } catch (error) {
    throw error instanceof LogqlError ? asBridgeError(error) : error;
  }
}

function answerFrom(asking: LokiAsking, question: LokiQuestion): Promise<Answer> {
  switch (question.kind) {
    case 'loki.query':
      return result(asking, (source, control) => queryInstant(question, source, control));
    case 'loki.queryRange': {
      const { query } = question;
      return result(asking, (source, control) => queryRange(query, source, control), query.encoding === 'categorized');
    }
    case 'loki.tail':
      return tailMessage(asking, question);
    case 'loki.labels':
      return labelNames(asking, question);
    case 'loki.labelValues':
      return labelValues(asking, question);
    case 'loki.series':
      return seriesIn(asking, question);
    case 'loki.stats':
      return statsOf(asking, question);
    case 'loki.detectedLabels':
      return detectedLabels(asking, question);
    case 'loki.detectedFields':
      return detectedFields(asking, question);
    case 'loki.volume':
      return volume(asking, question.query);
    default:
      question satisfies never;
      throw new BridgeError('BRIDGE_NOT_FOUND', 'the store does not know this question');
  }
}

/** `{resultType, result, stats}`. */
async function result(
  asking: LokiAsking,
  run: (source: LokiSource, control: Control) => Promise<ResultJson>,
  isCategorized = false,
): Promise<Answer> {
  const beganMs = performance.now();
  const source = asking.source();
  const found = await run(source, asking.control);
  const stats = statsJson(source, { seconds: (performance.now() - beganMs) / 1000, entries: found.count });
  const isLines = found.resultType === 'streams';
  const flags = isLines && isCategorized ? ',"encodingFlags":["categorize-labels"]' : '';
  const text = `{"resultType":"${found.resultType}","result":${found.result}${flags},"stats":${stats}}`;
  return { contentType: 'application/json', body: Buffer.from(text), count: found.count };
}

/** As Grafana's inspector reads it. What has no meaning here is 0. */
function statsJson(
  { lines, bytes, blocks }: LokiSource,
  { seconds, entries }: { readonly seconds: number; readonly entries: number },
): string {
  const perSecond = (count: number): number => Math.round(count / Math.max(seconds, 1e-6));
  const store = {
    totalChunksRef: blocks,
    totalChunksDownloaded: blocks,
    chunksDownloadTime: 0,
    chunk: {
      headChunkBytes: 0,
      headChunkLines: 0,
      decompressedBytes: bytes,
      decompressedLines: lines,
      compressedBytes: 0,
      totalDuplicates: 0,
    },
  };
  return JSON.stringify({
    summary: {
      bytesProcessedPerSecond: perSecond(bytes),
      linesProcessedPerSecond: perSecond(lines),
      totalBytesProcessed: bytes,
      totalLinesProcessed: lines,
      execTime: seconds,
      queueTime: 0,
      subqueries: 0,
      totalEntriesReturned: entries,
      splits: 0,
      shards: 0,
      totalPostFilterLines: entries,
      totalStructuredMetadataBytesProcessed: 0,
    },
    querier: { store },
    ingester: { totalReached: 0, totalChunksMatched: 0, totalBatches: 0, totalLinesSent: 0, store: {} },
  });
}
