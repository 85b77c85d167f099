import { BridgeError } from '../../../contract/errors.ts';
import type { Answer, Question, RumQuery } from '../../../contract/store.ts';
import type { Slice } from '../slice.ts';
import { errorGroups } from './error-groups.ts';
import { overviewOf } from './overview.ts';
import { pointList } from './point-list.ts';
import { PointQuery, textsOf } from './point-query.ts';
import { resourceGroups } from './resource-groups.ts';
import type { RumPartition } from './rum-partition.ts';
import { sessionList } from './session-list.ts';
import { sessionTimeline } from './session-timeline.ts';
import { viewTable } from './view-table.ts';
import { visitPages } from './visit.ts';

export type RumQuestion = Extract<Question, { readonly kind: `rum.${string}` }>;

export function isRumQuestion(question: Question): question is RumQuestion {
  return question.kind.startsWith('rum.');
}

/** Values that are held while they are counted. */
const mostValues = 10_000;

/** Puts questions to the partitions and gives the bytes of the answer. */
export class RumQuestions {
  readonly #source: { readonly partitions: readonly RumPartition[] };

  constructor(source: { readonly partitions: readonly RumPartition[] }) {
    this.#source = source;
  }

  async answer(question: RumQuestion, slice: Slice): Promise<Answer> {
    const { partitions } = this.#source;
    switch (question.kind) {
      case 'rum.overview':
        return json(await overviewOf(partitions, question, slice), 1);
      case 'rum.views': {
        const answer = await viewTable(partitions, question, slice);
        return json(answer, answer.views.length);
      }
      case 'rum.errors': {
        const answer = await errorGroups(partitions, question, slice);
        return json(answer, answer.errors.length);
      }
      case 'rum.resources': {
        const answer = await resourceGroups(partitions, question, slice);
        return json(answer, answer.resources.length);
      }
      case 'rum.sessions': {
        const answer = await sessionList(partitions, question, slice);
        return json(answer, answer.sessions.length);
      }
      case 'rum.session': {
        const { timeline, count } = await sessionTimeline(partitions, question, slice);
        return json(timeline, count);
      }
      case 'rum.points': {
        const answer = await pointList(partitions, question, slice);
        return json(answer, answer.points.length);
      }
      case 'rum.values': {
        const values = await valuesOf(partitions, question, slice);
        return json(values, values.length);
      }
      default:
        question satisfies never;
        throw new BridgeError('BRIDGE_NOT_FOUND', 'the store does not know this question');
    }
  }
}

/** The most frequent first. */
async function valuesOf(
  partitions: readonly RumPartition[],
  { name, query, limit }: { readonly name: string; readonly query: RumQuery; readonly limit: number },
  slice: Slice,
): Promise<readonly string[]> {
  const all = new PointQuery(query);
  const counts = new Map<string, number>();
  await visitPages(partitions, all, slice, (page) => {
    const text = textsOf(page, name);
    for (const at of all.pointsIn(page)) {
      const value = text(at);
      const count = counts.get(value);
      if (value !== '' && (count !== undefined || counts.size < mostValues)) {
        counts.set(value, (count ?? 0) + 1);
      }
    }
  });
  return [...counts]
    .sort(([a, many], [b, more]) => more - many || (a < b ? -1 : 1))
    .slice(0, limit)
    .map(([value]) => value);
}

function json(value: object, count: number): Answer {
  return { contentType: 'application/json', body: Buffer.from(JSON.stringify(value)), count };
}
