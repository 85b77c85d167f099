import { systemClock } from '../../lib/clock.ts';
import type { Answer } from '../mesh/http-get.ts';
import { type Application, type MakeApplication, numberIn, type Reply } from './service.ts';

/** Bookinfo has one book, with the number 0. */
const theBook = 0;
/** One in so many requests goes wrong, or takes long, so that there is something to find. */
const every = { slowDetails: 29, slowRatings: 17, failedRatings: 23 } as const;
const slowMs = { details: 350, ratings: 600 } as const;

const reviewsText = [
  { reviewer: 'Reviewer1', text: 'Two pairs of twins and not one of them knows; I laughed all the way home.' },
  { reviewer: 'Reviewer2', text: 'Short and quick, though thinner than his other plays.' },
];
const starColours: Readonly<Record<string, string>> = { v2: 'black', v3: 'red' };

function json(status: number, body: object): Reply {
  return { status, body: JSON.stringify(body) };
}

/** `21/Nov/2026:15:50:04 +0000`, as servers of the web write it. */
function webTime(): string {
  const [, day, month, year, time] =
    /^\w+, (\d+) (\w+) (\d+) (\S+)/.exec(new Date(systemClock.now()).toUTCString()) ?? [];
  return `${day}/${month}/${year}:${time} +0000`;
}

/** `details`: plain lines in the manner of a small web server, on stderr. */
const details: MakeApplication = (_, write) => {
  let asked = 0;
  return {
    answer: async ({ path }) => {
      asked += 1;
      const id = numberIn(path);
      await systemClock.sleep(asked % every.slowDetails === 0 ? slowMs.details : 2);
      if (id !== theBook) {
        return json(404, { error: `there is no book ${id}` });
      }
      return json(200, {
        id,
        author: 'William Shakespeare',
        year: 1595,
        type: 'paperback',
        pages: 200,
        language: 'English',
      });
    },
    served: ({ method, path, headers }, { status, body }) =>
      write('stderr', `${headers.host} - - [${webTime()}] "${method} ${path} HTTP/1.1" ${status} ${body.length}`),
  };
};

/** `ratings`: plain lines, and now and then a stack over several lines. */
const ratings: MakeApplication = (_, write) => {
  let asked = 0;
  return {
    answer: async ({ path, headers }) => {
      asked += 1;
      const id = numberIn(path);
      await systemClock.sleep(asked % every.slowRatings === 0 ? slowMs.ratings : 3);
      if (asked % every.failedRatings === 0) {
        write('stderr', `ERROR cannot read the ratings of product ${id} trace=${headers['x-b3-traceid'] ?? ''}`);
        write('stderr', 'Error: connection to the ratings table was lost');
        for (const [name, line] of [
          ['readRatings', 61],
          ['Router.handle', 214],
          ['Server.onRequest', 33],
        ] as const) {
          write('stderr', `    at ${name} (/opt/microservices/ratings.js:${line}:17)`);
        }
        return json(500, { error: 'the ratings cannot be read' });
      }
      return json(200, { id, ratings: { Reviewer1: 5, Reviewer2: 4 } });
    },
    served: ({ method, path }, { status }, durationMs) =>
      write('stdout', `${method} ${path} ${status} ${durationMs.toFixed(1)} ms`),
  };
};

/** `reviews`: one JSON object a line. v1 has no stars, v2 black ones, v3 red ones. */
const reviews: MakeApplication = ({ version, pod }, write): Application => {
  const color = starColours[version];
  return {
    answer: async (visit) => {
      const id = numberIn(visit.path);
      const answer = (list: readonly object[]) => ({ id, podname: pod, clustername: 'demo', reviews: list });
      if (color === undefined) {
        return json(200, answer(reviewsText));
      }
      const stars = starsIn(await visit.call('ratings', `/ratings/${id}`));
      const rated = reviewsText.map((one, n) => ({ ...one, rating: stars[n] && { stars: stars[n], color } }));
      if (stars.length > 0) {
        return json(200, answer(rated));
      }
      const unrated = reviewsText.map((one) => ({
        ...one,
        rating: { error: 'Ratings service is currently unavailable' },
      }));
      return { ...json(200, answer(unrated)), problem: 'the ratings service is not to be had' };
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

const applications: Readonly<Record<string, MakeApplication>> = { details, ratings, reviews };

/** Undefined for a workload that has no application of its own here. */
export function applicationOf(app: string): MakeApplication | undefined {
  return applications[app];
}
