import { systemClock } from '../../lib/clock.ts';
import { json, type MakeApplication, numberIn } from './application.ts';

/** Bookinfo has one book, with the number 0. */
const theBook = 0;
/** One in so many requests takes long, so that there is something to find. */
const slowEvery = 29;
const slowMs = 350;
const usualMs = 2;

/** `21/Nov/2026:15:50:04 +0000`, as servers of the web write it. */
function webTime(): string {
  const [, day, month, year, time] =
    /^\w+, (\d+) (\w+) (\d+) (\S+)/.exec(new Date(systemClock.now()).toUTCString()) ?? [];
  return `${day}/${month}/${year}:${time} +0000`;
}

/** `details`: plain lines in the manner of a small web server, on stderr. */
export const details: MakeApplication = ({ write }) => {
  let asked = 0;
  return {
    answer: async ({ path }) => {
      asked += 1;
      const id = numberIn(path);
      await systemClock.sleep(asked % slowEvery === 0 ? slowMs : usualMs);
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
