import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { RecordPoints } from '../../codec/points/record-points.ts';
import type { OutputRuntime, WriteRequest, WriteResult } from '../../contract/output.ts';
import type { Health } from '../../contract/runtime.ts';
import { attempt, type Sender } from '../../http/lazy-output.ts';
import { type Posted, Poster } from '../../http/poster.ts';
import { reachOf } from '../../http/reach.ts';
import { healthOf, resultOfPost } from '../../http/status.ts';
import type { InfluxdbConfig } from './influxdb.ts';
import { type Lines, linesOf } from './lines.ts';

const compressed = promisify(gzip);

/** InfluxDB 1.x HTTP API, POST /write; version 2 takes the same lines. */
export class InfluxdbSender implements Sender {
  readonly #runtime: OutputRuntime;
  readonly #poster: Poster;
  readonly #points: RecordPoints;

  constructor(config: InfluxdbConfig, runtime: OutputRuntime) {
    this.#runtime = runtime;
    this.#points = new RecordPoints(runtime.decode);
    this.#poster = new Poster({
      url: writeUrl(config),
      ...reachOf(config),
      protocolHeaders: { 'content-type': 'text/plain; charset=utf-8', 'content-encoding': 'gzip' },
      userAgent: runtime.userAgent,
    });
  }

  async write({ records, items }: WriteRequest, signal: AbortSignal): Promise<WriteResult> {
    return await attempt(
      {
        records: records.length,
        encode: () => linesOf(records, this.#points),
        post: (lines) => this.#post(lines, { records: records.length, items }, signal),
      },
      signal,
    );
  }

  /** Posts no lines, which a server takes whose database is there. */
  async check(): Promise<Health> {
    return await healthOf((signal) => this.write({ signal: 'metrics', records: [], items: 0, id: '' }, signal));
  }

  async close(): Promise<void> {
    await this.#poster.close();
  }

  async #post(
    { text, without }: Lines,
    { records, items }: { readonly records: number; readonly items: number },
    signal: AbortSignal,
  ): Promise<WriteResult> {
    if (text !== '' || items === 0) {
      const posted = await this.#poster.post(await compressed(text), signal);
      const dropped = droppedPoints(posted);
      if (dropped !== undefined) {
        return { status: 'partial', rejected: Math.min(items, without + dropped), reason: posted.text };
      }
      const result = resultOfPost(posted, { records, nowMs: this.#runtime.clock.now() });
      if (result.status !== 'delivered' || without === 0) {
        return result;
      }
    }
    return { status: 'partial', rejected: without, reason: 'line protocol has no ends of series, NaN and infinities' };
  }
}

function writeUrl({ url: text, database, retention_policy: policy }: InfluxdbConfig): string {
  const url = new URL(text);
  if (url.pathname === '/' || url.pathname === '') {
    url.pathname = '/write';
    url.searchParams.set('db', database);
    url.searchParams.set('precision', 'ns');
    if (policy !== undefined) {
      url.searchParams.set('rp', policy);
    }
  }
  return url.href;
}

/**
 * A 400 (version 2: 422) may speak of single points, such as a field that is of another type there: the others are
 * written. Of lines that it cannot read it counts none.
 */
function droppedPoints({ status, text }: Posted): number | undefined {
  const count = status === 400 || status === 422 ? /partial write:.* dropped=(\d+)/.exec(text)?.[1] : undefined;
  return count === undefined ? undefined : Math.max(1, Number(count));
}
