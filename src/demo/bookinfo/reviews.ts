import { systemClock } from '../../lib/clock.ts';
import type { Answer } from '../mesh/http-get.ts';
import { json, type MakeApplication, numberIn } from './application.ts';

const reviewsText = [
  { reviewer: 'Reviewer1', text: 'Two pairs of twins and not one of them knows; I laughed all the way home.' },
  { reviewer: 'Reviewer2', text: 'Short and quick, though thinner than his other plays.' },
];
const starColours: Readonly<Record<string, string>> = { v2: 'black', v3: 'red' };

/** Longer than productpage has patience, as it is in Bookinfo; repaired, shorter. */
const ratingsWithinMs = { usual: 10_000, repaired: 2500 } as const;

/** `reviews`: one JSON object a line. v1 has no stars and asks nobody, v2 has black ones, v3 red ones. */
export const reviews: MakeApplication = ({ workload: { version, pod }, write, conditions }) => {
  const color = starColours[version];
  return {
    answer: async (visit) => {
      const id = numberIn(visit.path);
      const answer = (list: readonly object[]) => json(200, { id, podname: pod, clustername: 'demo', reviews: list });
      if (color === undefined) {
        return answer(reviewsText);
      }
      const withinMs = ratingsWithinMs[conditions().timeoutsRepaired ? 'repaired' : 'usual'];
      const stars = starsIn(await visit.call({ service: 'ratings', path: `/ratings/${id}`, withinMs }));
      if (stars.length > 0) {
        return answer(reviewsText.map((one, n) => ({ ...one, rating: stars[n] && { stars: stars[n], color } })));
      }
      const rating = { error: 'Ratings service is currently unavailable' };
      return {
        ...answer(reviewsText.map((one) => ({ ...one, rating }))),
        problem: 'the ratings service is not to be had',
      };
    },
    served: ({ path, headers }, { status, problem }, durationMs) => {
      const line = {
        time: new Date(systemClock.now()).toISOString(),
        level: problem === undefined ? 'info' : 'error',
        msg: problem ?? 'reviews answered',
        trace_id: headers['x-b3-traceid'] ?? '',
        path,
        status,
        duration_ms: Math.round(durationMs),
      };
      write('stdout', JSON.stringify(line));
    },
  };
};

/** Stars by reviewer; empty where they are not to be had. */
function starsIn(answer: Answer | undefined): readonly number[] {
  if (answer?.status !== 200) {
    return [];
  }
  const found: { ratings: Record<string, number> } = JSON.parse(answer.body.toString());
  return Object.values(found.ratings);
}
