import { isDeepStrictEqual } from 'node:util';
import type { LoadedConfig } from '../../config/load.ts';

type Fixed = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** Settings that are read once: what they open or hold stays as it is while the process runs. */
function fixedOf({ server, queue, store, tracing, kubernetes }: LoadedConfig): Fixed {
  const { node_name, token_secret } = kubernetes;
  const { off: _, ...written } = store;
  return { server, queue, store: written, tracing, kubernetes: { node_name, token_secret } };
}

/** Key paths, such as `server.listen`, whose values differ from those of the start. */
export function atNextStart(atStart: LoadedConfig, now: LoadedConfig): readonly string[] {
  const before = fixedOf(atStart);
  const after = fixedOf(now);
  return Object.entries(after).flatMap(([table, values]) =>
    [...new Set([...Object.keys(values), ...Object.keys(before[table] ?? {})])]
      .filter((key) => !isDeepStrictEqual(values[key], before[table]?.[key]))
      .map((key) => `${table}.${key}`),
  );
}
