import type { Answer, Question, TimeRange } from '../../../contract/store.ts';
import { FieldBook } from '../../../logql/fields.ts';
import { parse, parseSelector } from '../../../logql/parse.ts';
import { Pipeline } from '../../../logql/pipeline.ts';
import type { Values } from '../../../logql/source.ts';
import { logLevels } from '../../../model/log.ts';
import { type Candidate, candidatesIn } from './candidates.ts';
import type { LokiAsking } from './loki-questions.ts';
import { LokiSelector } from './loki-selector.ts';
import type { StreamLabels } from './stream-labels.ts';

type Asked<K> = Extract<Question, { readonly kind: K }>;

function json(value: unknown, count: number): Answer {
  return { contentType: 'application/json', body: Buffer.from(JSON.stringify(value)), count };
}

/** Calls `take` with each block of the range that has lines of such streams. */
async function eachBlock(
  { partitions, slice }: LokiAsking,
  selector: LokiSelector,
  take: (block: Candidate) => void,
): Promise<void> {
  for (const partition of partitions) {
    for (const block of await candidatesIn(partition, selector, slice)) {
      take(block);
    }
  }
}

function selectorOf(query: string, range: TimeRange): LokiSelector {
  return new LokiSelector(query.trim() === '' || query.trim() === '{}' ? [] : parseSelector(query), range);
}

/** The values of each label of the streams that are meant; `level` has those of the lines. */
async function labelsOf(asking: LokiAsking, query: string, range: TimeRange): Promise<Map<string, Set<string>>> {
  const selector = selectorOf(query, range);
  const values = new Map<string, Set<string>>();
  const note = (name: string, value: string): void => {
    values.set(name, (values.get(name) ?? new Set()).add(value));
  };
  const seen = new Set<Values>();
  await eachBlock(asking, selector, ({ facts, streams }) => {
    for (const { labels } of selector.viewsIn(facts, streams)) {
      if (!seen.has(labels)) {
        seen.add(labels);
        for (const [name, value] of Object.entries(labels)) {
          note(name, value);
        }
      }
    }
    for (const level of logLevels.filter((_, i) => i > 0 && (facts.levels[i] ?? 0) > 0)) {
      note('level', level);
    }
  });
  return values;
}

export async function labelNames(asking: LokiAsking, { query, range }: Asked<'loki.labels'>): Promise<Answer> {
  const names = [...(await labelsOf(asking, query, range)).keys()].sort();
  return json(names, names.length);
}

export async function labelValues(
  asking: LokiAsking,
  { name, query, range }: Asked<'loki.labelValues'>,
): Promise<Answer> {
  const values = [...((await labelsOf(asking, query, range)).get(name) ?? [])].sort();
  return json(values, values.length);
}

export async function seriesIn(asking: LokiAsking, { selectors, range }: Asked<'loki.series'>): Promise<Answer> {
  const found = new Map<string, Values>();
  for (const query of selectors.length === 0 ? [''] : selectors) {
    const selector = selectorOf(query, range);
    const seen = new Set<Values>();
    await eachBlock(asking, selector, ({ facts, streams }) => {
      for (const { labels } of selector.viewsIn(facts, streams)) {
        if (!seen.has(labels)) {
          seen.add(labels);
          found.set(JSON.stringify(labels), labels);
        }
      }
    });
  }
  return json([...found.values()], found.size);
}

/** Of blocks that are only partly meant, the share by time is taken. */
export async function statsOf(asking: LokiAsking, { query, range }: Asked<'loki.stats'>): Promise<Answer> {
  const expr = query.trim() === '' ? undefined : parse(query);
  const selector = new LokiSelector(expr?.kind === 'log' ? expr.matchers : [], range);
  const streams = new Set<StreamLabels>();
  const stats = { streams: 0, chunks: 0, bytes: 0, entries: 0 };
  await eachBlock(asking, selector, ({ facts, streams: inBlock }) => {
    const meant = inBlock.filter((labels) => selector.viewsIn(facts, [labels]).length > 0);
    for (const labels of meant) {
      streams.add(labels);
    }
    const spanMs = Math.max(1, facts.maxMs - facts.minMs);
    const within = Math.min(facts.maxMs, range.endMs) - Math.max(facts.minMs, range.startMs);
    const share = facts.maxMs === facts.minMs ? 1 : Math.min(1, Math.max(0, within / spanMs));
    const part = share * (meant.length / Math.max(1, inBlock.length));
    stats.chunks += 1;
    stats.bytes += Math.round(facts.textBytes * part);
    stats.entries += Math.round(facts.lines * part);
  });
  return json({ ...stats, streams: streams.size }, stats.chunks);
}

export async function detectedLabels(
  asking: LokiAsking,
  { query, range }: Asked<'loki.detectedLabels'>,
): Promise<Answer> {
  const values = await labelsOf(asking, query, range);
  const list = [...values].map(([label, found]) => ({ label, cardinality: found.size }));
  return json({ detectedLabels: list }, list.length);
}

/** What the newest lines of the query have. */
export async function detectedFields(asking: LokiAsking, question: Asked<'loki.detectedFields'>): Promise<Answer> {
  const { query, range, lineLimit, limit, field } = question;
  const expr = parse(query);
  if (expr.kind !== 'log') {
    return json(field === undefined ? { fields: [], limit } : { values: [], limit }, 0);
  }
  const pipeline = new Pipeline(expr.stages);
  const book = new FieldBook(limit);
  let lines = 0;
  const { matchers } = expr;
  const { texts } = pipeline;
  await asking.source().scan(
    { matchers, texts, ...range, order: 'newest first' },
    {
      enough: () => lines >= lineLimit,
      visit: (line) => {
        const ms = line.seconds * 1000 + line.nanos / 1e6;
        if (lines < lineLimit && ms >= range.startMs && ms <= range.endMs && pipeline.run(line) !== undefined) {
          lines += 1;
          book.look(line);
        }
      },
    },
  );
  const answer = field === undefined ? { fields: book.fields(), limit } : { values: book.values(field), limit };
  return json(answer, lines);
}
