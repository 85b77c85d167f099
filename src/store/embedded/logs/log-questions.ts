import { BridgeError } from '../../../contract/errors.ts';
import type { Answer, Question, TimeRange } from '../../../contract/store.ts';
import type { Slice } from '../slice.ts';
import { candidatesIn } from './candidates.ts';
import { type FoundLine, lineJson } from './found-lines.ts';
import { LineQuery } from './line-query.ts';
import { contextOf } from './log-context.ts';
import { countLines } from './log-counts.ts';
import type { LogPartition } from './log-partition.ts';
import { searchLines } from './log-search.ts';
import { tailLines } from './log-tail.ts';
import { answerLoki, isLokiQuestion, type LokiQuestion } from './loki-questions.ts';
import type { StreamLabels } from './stream-labels.ts';

export type LogQuestion = Extract<Question, { readonly kind: `logs.${string}` }> | LokiQuestion;

export function isLogQuestion(question: Question): question is LogQuestion {
  return question.kind.startsWith('logs.') || isLokiQuestion(question);
}

/** Puts questions to the partitions and gives the bytes of the answer. */
export class LogQuestions {
  readonly #source: { readonly partitions: readonly LogPartition[] };

  constructor(source: { readonly partitions: readonly LogPartition[] }) {
    this.#source = source;
  }

  async answer(question: LogQuestion, slice: Slice): Promise<Answer> {
    const { partitions } = this.#source;
    try {
      return await answerFrom(partitions, question, slice);
    } finally {
      for (const partition of partitions) {
        partition.forget();
      }
    }
  }
}

async function answerFrom(partitions: readonly LogPartition[], question: LogQuestion, slice: Slice): Promise<Answer> {
  if (isLokiQuestion(question)) {
    return answerLoki(partitions, question, slice);
  }
  switch (question.kind) {
    case 'logs.search': {
      const { lines, next } = await searchLines(partitions, question, slice);
      return linesAnswer(lines, next, slice);
    }
    case 'logs.tail': {
      const { lines, next } = await tailLines(partitions, question, slice);
      return linesAnswer(lines, next, slice);
    }
    case 'logs.context': {
      const { line, before, after } = await contextOf(partitions, question, slice);
      const text = (lines: readonly FoundLine[]): string =>
        `[${lines.map((each) => JSON.stringify(lineJson(each))).join(',')}]`;
      const body = `{"line":${JSON.stringify(lineJson(line))},"before":${text(before)},"after":${text(after)}}`;
      return { contentType: 'application/json', body: Buffer.from(body), count: 1 };
    }
    case 'logs.counts': {
      const counts = await countLines(partitions, question, slice);
      return json(counts, counts.total);
    }
    case 'logs.labels': {
      const labels = await labelsIn(partitions, question.range, slice);
      return list([...labels.keys()]);
    }
    case 'logs.labelValues': {
      const labels = await labelsIn(partitions, question.range, slice);
      return list([...(labels.get(question.name) ?? [])]);
    }
    default:
      question satisfies never;
      throw new BridgeError('BRIDGE_NOT_FOUND', 'the store does not know this question');
  }
}

/** The values of every label of the streams that have blocks in the range. */
async function labelsIn(
  partitions: readonly LogPartition[],
  range: TimeRange,
  slice: Slice,
): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const query = new LineQuery({ ...range, matchers: [], texts: [], levels: [] });
  const labels = new Labels();
  for (const partition of partitions) {
    for (const { facts, streams } of await candidatesIn(partition, query, slice)) {
      if (facts.stderrLines > 0) {
        labels.note('stream', 'stderr');
      }
      if (facts.stderrLines < facts.lines) {
        labels.note('stream', 'stdout');
      }
      for (const stream of streams) {
        labels.noteAll(stream);
      }
    }
  }
  return labels.values;
}

class Labels {
  readonly values = new Map<string, Set<string>>();
  readonly #noted = new Set<StreamLabels>();

  note(name: string, value: string): void {
    this.values.set(name, (this.values.get(name) ?? new Set()).add(value));
  }

  noteAll(stream: StreamLabels): void {
    if (!this.#noted.has(stream)) {
      this.#noted.add(stream);
      for (const [name, value] of Object.entries(stream)) {
        this.note(name, value);
      }
    }
  }
}

/** `{lines, next?}`. Many lines are much text: others have their turn in between. */
async function linesAnswer(lines: readonly FoundLine[], next: string | undefined, slice: Slice): Promise<Answer> {
  const texts: string[] = [];
  for (const line of lines) {
    texts.push(JSON.stringify(lineJson(line)));
    if (slice.over) {
      await slice.yield();
    }
  }
  const end = next === undefined ? '' : `,"next":${JSON.stringify(next)}`;
  const body = Buffer.from(`{"lines":[${texts.join(',')}]${end}}`);
  return { contentType: 'application/json', body, count: lines.length };
}

function list(names: string[]): Answer {
  return json(names.sort(), names.length);
}

function json(value: object, count: number): Answer {
  return { contentType: 'application/json', body: Buffer.from(JSON.stringify(value)), count };
}
