import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { WriteRequestEncoder } from '../../src/codec/remote-write/remote-write.ts';
import { evaluateInstant, evaluateRange, type QueryResult } from '../../src/promql/promql.ts';
import { resultJson } from '../../src/promql/result-json.ts';
import type { SampleSource } from '../../src/promql/source.ts';
import { describeWith } from '../components/needs.ts';
import { type Prometheus, startPrometheus } from '../components/prometheus.ts';
import { sampleSource } from '../fakes/sample-source.ts';
import { type TempDir, tempDir } from '../fakes/temp-dir.ts';
import { meshSamples, type Recording } from '../promql/mesh-samples.ts';
import { queries, wrongQueries } from '../promql/queries.ts';

const control = { over: false, yield: () => Promise.resolve(), maxSamples: 50_000_000 };
const scrapes = 240;
const spanMs = scrapes * 15_000;

type Point = readonly [seconds: number, value: string];
interface Data {
  readonly resultType: string;
  readonly result: Point | readonly { metric: Record<string, string>; value?: Point; values?: readonly Point[] }[];
}
interface Reply {
  readonly data?: Data;
  readonly errorType?: string;
  readonly error?: string;
}

interface Rows {
  readonly type: string;
  /** Labels as JSON, and the points of each series. */
  readonly rows: readonly (readonly [labels: string, points: readonly Point[]])[];
}

function rowsOf({ resultType, result }: Data, query: string): Rows {
  if (resultType === 'scalar' || resultType === 'string') {
    return { type: resultType, rows: [['', [result as Point]]] };
  }
  const series = result as Exclude<Data['result'], Point>;
  const rows = series.map(({ metric, value, values }) => {
    const labels = JSON.stringify(Object.entries(metric).sort(([a], [b]) => (a < b ? -1 : 1)));
    return [labels, values ?? (value === undefined ? [] : [value])] as const;
  });
  const isOrdered = resultType === 'vector' && /^(?:sort|topk\(|bottomk\()/.test(query);
  return { type: resultType, rows: isOrdered ? rows : rows.toSorted(([a], [b]) => (a < b ? -1 : 1)) };
}

/** Rounded where releases add up in another order; both sides the same way. */
function difference(ours: Rows, theirs: Rows): string | undefined {
  if (ours.type !== theirs.type || ours.rows.length !== theirs.rows.length) {
    return `${ours.rows.length} series of a ${ours.type}, not ${theirs.rows.length} of a ${theirs.type}`;
  }
  for (const [index, [labels, points]] of theirs.rows.entries()) {
    const [ourLabels, ourPoints = []] = ours.rows[index] ?? [];
    if (ourLabels !== labels || ourPoints.length !== points.length) {
      return `${ourLabels} with ${ourPoints.length} points, not ${labels} with ${points.length}`;
    }
    const at = points.findIndex((point, place) => !samePoint(ourPoints[place], point));
    if (at >= 0) {
      return `${labels}: ${ourPoints[at]}, not ${points[at]}`;
    }
  }
  return undefined;
}

function samePoint(ours: Point | undefined, theirs: Point): boolean {
  if (ours === undefined || ours[0] !== theirs[0]) {
    return false;
  }
  const [one, two] = [Number(ours[1]), Number(theirs[1])];
  const close = Math.abs(one - two) <= 1e-9 * Math.max(Math.abs(one), Math.abs(two));
  return ours[1] === theirs[1] || close;
}

/** Which two series are named, and how a regular expression is put in brackets, differs from release to release. */
function common(message: string): string {
  return message.replace(/\[\{.*\}\]/, '[both]').replace(/`\^.*`$/, '`pattern`');
}

async function write(prometheus: Prometheus, { frames }: Recording): Promise<void> {
  const encoder = new WriteRequestEncoder({ maxRequestBytes: 1_000_000, maxTemplateBytes: 1_000_000 });
  for (const request of encoder.encode(frames)) {
    const answer = await fetch(prometheus.writeUrl, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-protobuf',
        'content-encoding': 'snappy',
        'x-prometheus-remote-write-version': '0.1.0',
      },
      body: new Uint8Array(request),
    });
    if (answer.status !== 204) {
      throw new Error(`Prometheus refused the samples: ${answer.status} ${await answer.text()}`);
    }
  }
}

describeWith('prometheus', (program) => {
  const fromMs = Math.floor((Date.now() - spanMs) / 60_000) * 60_000;
  // Not on a whole second, and never at the time of a sample.
  const instants = [0.25, 0.42, 0.5, 0.77, 0.99].map(
    (part) => Math.floor((fromMs + spanMs * part) / 1_000) * 1_000 + 731,
  );
  const range = { startMs: fromMs - 60_269, endMs: fromMs + spanMs + 600_000, stepMs: 47_000 };
  let dir: TempDir;
  let prometheus: Prometheus;
  let source: SampleSource;

  beforeAll(async () => {
    dir = await tempDir();
    prometheus = await startPrometheus({ program, dir: join(dir.path, 'prometheus'), config: 'global: {}\n' });
    const recording = meshSamples(fromMs, scrapes);
    source = sampleSource(recording.samples);
    await write(prometheus, recording);
  }, 180_000);

  afterAll(async () => {
    await prometheus?.stop();
    await dir?.remove();
  });

  async function asked(path: string, parameters: Readonly<Record<string, string | number>>): Promise<Reply> {
    const body = new URLSearchParams(
      Object.entries(parameters).map(([name, value]): [string, string] => [name, String(value)]),
    );
    const answer = await fetch(`${prometheus.url}/api/v1/${path}`, { method: 'POST', body });
    return (await answer.json()) as Reply;
  }

  function compared(query: string, ours: QueryResult, theirs: Reply): string | undefined {
    if (theirs.data === undefined) {
      return `Prometheus refused it: ${theirs.error}`;
    }
    return difference(rowsOf(JSON.parse(resultJson(ours)) as Data, query), rowsOf(theirs.data, query));
  }

  describe('has the same answers', () => {
    test.each(queries)('at single times: %s', async (query) => {
      for (const timeMs of instants) {
        const ours = await evaluateInstant(query, timeMs, source, control);
        const theirs = await asked('query', { query, time: timeMs / 1_000 });
        expect([timeMs, compared(query, ours, theirs)]).toEqual([timeMs, undefined]);
      }
    });

    test.each(queries)('over a range: %s', async (query) => {
      const ours = await evaluateRange(query, range, source, control);
      const theirs = await asked('query_range', {
        query,
        start: range.startMs / 1_000,
        end: range.endMs / 1_000,
        step: range.stepMs / 1_000,
      });
      expect(compared(query, ours, theirs)).toBeUndefined();
    });
  });

  test.each(wrongQueries)('says the same about what is wrong: %s', async (query) => {
    const [timeMs = 0] = instants;
    const theirs = await asked('query', { query, time: timeMs / 1_000 });
    const said = await evaluateInstant(query, timeMs, source, control).then(
      (result) => ({ fault: 'none', message: resultJson(result) }),
      (error: { fault: string; message: string }) => error,
    );
    const errorType = said.fault === 'syntax' ? 'bad_data' : 'execution';
    const message = said.fault === 'syntax' ? `invalid parameter "query": ${said.message}` : said.message;
    expect([errorType, common(message)]).toEqual([theirs.errorType, common(theirs.error ?? '')]);
  });
});
