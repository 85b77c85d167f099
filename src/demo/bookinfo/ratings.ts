import { systemClock } from '../../lib/clock.ts';
import { type AppContext, type Application, json, type MakeApplication, numberIn, type Reply } from './application.ts';
import { DatabaseClient } from './database-client.ts';

/** One in so many requests goes wrong, or takes long, so that there is something to find. */
const every = { slow: 17, failed: 23 } as const;
const slowMs = 600;
const usualMs = 3;
const ownRatings = { Reviewer1: 5, Reviewer2: 4 };

/** `ratings`: plain lines, and now and then a stack over several lines. v2 has its ratings from mongodb. */
export const ratings: MakeApplication = (context) =>
  context.workload.version === 'v1' ? ratingsV1(context) : ratingsV2(context);

function ratingsV1(context: AppContext): Application {
  return rating(context, async (id) => json(200, { id, ratings: ownRatings }));
}

function ratingsV2(context: AppContext): Application {
  const client = new DatabaseClient((line) => context.write('stderr', line));
  const application = rating(context, async (id) => {
    const found = await client.ask({ find: 'ratings', filter: { productId: id } });
    return found === undefined
      ? json(500, { error: 'could not connect to ratings database' })
      : json(200, { id, ratings: found });
  });
  return { ...application, start: ({ tcp }) => client.start(tcp), stop: async () => client.stop() };
}

function rating({ write }: AppContext, read: (id: number | undefined) => Promise<Reply>): Application {
  let asked = 0;
  return {
    answer: async ({ path, headers }) => {
      asked += 1;
      const id = numberIn(path);
      await systemClock.sleep(asked % every.slow === 0 ? slowMs : usualMs);
      if (asked % every.failed === 0) {
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
      return read(id);
    },
    served: ({ method, path }, { status }, durationMs) =>
      write('stdout', `${method} ${path} ${status} ${durationMs.toFixed(1)} ms`),
  };
}
