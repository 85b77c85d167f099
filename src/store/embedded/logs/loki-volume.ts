import type { Answer, LokiVolumeQuery } from '../../../contract/store.ts';
import type { AggregateExpr } from '../../../logql/ast.ts';
import { parseSelector } from '../../../logql/parse.ts';
import { evaluatedAt, evaluatedOver } from '../../../logql/query.ts';
import type { LokiAsking } from './loki-questions.ts';

/** Bytes of lines by labels: what Grafana's log volume and Logs Drilldown ask for. `{resultType, result}`. */
export async function volume(asking: LokiAsking, query: LokiVolumeQuery): Promise<Answer> {
  const matchers = parseSelector(query.query);
  const named = query.targetLabels.length > 0 ? query.targetLabels : [...new Set(matchers.map(({ name }) => name))];
  const { startMs, endMs, stepMs } = query;
  const means = { source: asking.source(), control: asking.control };
  const found =
    stepMs === undefined
      ? await evaluatedAt(bytesBy(named, query, endMs - startMs), endMs, means)
      : await evaluatedOver(
          bytesBy(named, query, stepMs),
          { startMs, stepMs, count: Math.floor((endMs - startMs) / stepMs) + 1 },
          means,
        );
  const body = Buffer.from(`{"resultType":"${found.resultType}","result":${found.result}}`);
  return { contentType: 'application/json', body, count: found.count };

  function bytesBy(names: readonly string[], { limit }: LokiVolumeQuery, rangeMs: number): AggregateExpr {
    const log = { kind: 'log', matchers, stages: [] } as const;
    const range = {
      kind: 'range',
      op: 'bytes_over_time',
      parameter: 0,
      log,
      rangeMs: Math.max(1, rangeMs),
      offsetMs: 0,
    } as const;
    const grouping = { without: false, names };
    const sum: AggregateExpr = { kind: 'aggregate', op: 'sum', parameter: 0, grouping, inner: range };
    return { kind: 'aggregate', op: 'topk', parameter: limit, inner: sum };
  }
}
