import { BridgeError } from '../../../contract/errors.ts';
import type { Answer, Question } from '../../../contract/store.ts';
import { LogqlError } from '../../../logql/errors.ts';
import { type Entry, instantOf, runLogQuery } from '../../../logql/log-query.ts';
import { parse } from '../../../logql/parse.ts';
import { nanosText, streamsJson } from '../../../logql/result-json.ts';
import { arrivalText, compareArrivals, parseArrival } from './arrival.ts';
import { newestArrival } from './log-tail.ts';
import type { LokiAsking } from './loki-questions.ts';
import { LokiSource } from './loki-source.ts';

const endOfTime = instantOf(BigInt(2 ** 32) * 1_000_000_000n);

/** What came after `after`, oldest first; without it the newest lines from a time on. */
export async function tailMessage(
  { partitions, slice, control }: LokiAsking,
  question: Extract<Question, { readonly kind: 'loki.tail' }>,
): Promise<Answer> {
  const expr = parse(question.query);
  if (expr.kind !== 'log') {
    throw new LogqlError('syntax', 'tail: only a log selector is supported');
  }
  const newest = newestArrival(partitions);
  const begin = question.after === undefined ? undefined : parseArrival(question.after);
  if (question.after !== undefined && begin === undefined) {
    throw new BridgeError('BRIDGE_DECODE', '`after` is not what an earlier answer gave');
  }
  const recent = begin === undefined ? partitions : partitions.filter(({ arrivedMs }) => arrivedMs >= begin.ms);
  const source = new LokiSource(recent, {
    slice,
    // What comes while this question runs is left to the next.
    arrived: (arrival) =>
      compareArrivals(arrival, newest) <= 0 && (begin === undefined || compareArrivals(arrival, begin) > 0),
    ...(begin === undefined ? {} : { after: begin }),
  });
  const from = instantOf(begin === undefined ? question.startNanos : 0n);
  // One more, to know whether there are more.
  const range = { from, to: endOfTime, limit: question.limit + 1, direction: 'backward' as const };
  const found = (await runLogQuery(expr, range, source)).toReversed();
  const entries = found.slice(-question.limit);
  // The newest lines that are asked for at first leave out none.
  const dropped = begin === undefined ? [] : found.slice(0, -question.limit).map(droppedEntry);
  const streams = await streamsJson(entries, question.encoding, control);
  const flags = question.encoding === 'categorized' ? ',"encodingFlags":["categorize-labels"]' : '';
  const next = arrivalText(begin !== undefined && compareArrivals(newest, begin) < 0 ? begin : newest);
  const text = `${next}\n{"streams":${streams},"dropped_entries":${JSON.stringify(dropped)}${flags}}`;
  return { contentType: 'application/json', body: Buffer.from(text), count: entries.length };
}

function droppedEntry(entry: Entry): object {
  return { labels: entry.parts.stream, timestamp: nanosText(entry) };
}
