import { z } from 'zod';
import type { StoreReader } from '../contract/store.ts';
import { placeOf } from './prometheus-targets.ts';
import type { ListedTarget, TargetList } from './target-list.ts';

const vectorSchema = z.object({
  result: z.array(z.object({ metric: z.record(z.string(), z.string()), value: z.tuple([z.number(), z.string()]) })),
});

type Labels = Readonly<Record<string, string>>;

/**
 * The targets of other daemons, as the store has them: a hub's agents scrape, and what they send tells of each scrape. Why one
 * is down, and when it was scraped, only its agent knows. `own` are those that this daemon scrapes by itself.
 */
export async function storedTargets(
  store: StoreReader,
  own: TargetList,
  signal: AbortSignal,
): Promise<readonly ListedTarget[]> {
  const ask = async (
    query: string,
  ): Promise<ReadonlyMap<string, { readonly labels: Labels; readonly value: number }>> => {
    const { body } = await store.ask({ kind: 'prom.query', query, timeMs: own.nowMs }, signal);
    const { result } = vectorSchema.parse(JSON.parse(Buffer.from(body).toString('utf8')));
    return new Map(
      result.map(({ metric: { __name__: _, ...labels }, value }) => [
        keyOf(labels),
        { labels, value: Number(value[1]) },
      ]),
    );
  };
  const [up, took, samples] = await Promise.all([
    ask('up'),
    ask('scrape_duration_seconds'),
    ask('scrape_samples_scraped'),
  ]);
  const known = new Set(own.targets.map(({ url, source }) => `${source} ${placeOf(url).address}`));
  return [...up]
    .filter(([, { labels }]) => !known.has(`${labels['job']} ${labels['instance']}`))
    .map(([key, { labels, value }]): ListedTarget => {
      const { instance = '', job = '', namespace, pod } = labels;
      const seconds = took.get(key)?.value;
      const count = samples.get(key)?.value;
      return {
        id: `store ${key}`,
        input: 'store',
        url: instance,
        state: value === 1 ? 'up' : 'down',
        intervalMs: 0,
        ...(seconds !== undefined && { durationMs: seconds * 1000 }),
        ...(count !== undefined && { samples: count }),
        ...(namespace !== undefined && { namespace }),
        ...(pod !== undefined && { pod }),
        rule: '',
        source: job,
        labels,
        leftOut: [],
      };
    });
}

function keyOf(labels: Labels): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}
