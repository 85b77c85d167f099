import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { encodeLine } from '../../codec/line-protocol/encode-line.ts';
import type { Point, Points } from '../../codec/points/point.ts';
import { encodePointsProto } from '../../codec/points/proto.ts';
import { RecordPoints } from '../../codec/points/record-points.ts';
import type { OutputRuntime, WriteRequest, WriteResult } from '../../contract/output.ts';
import type { Health } from '../../contract/runtime.ts';
import { attempt, type Sender } from '../../http/lazy-output.ts';
import { Poster } from '../../http/poster.ts';
import { reachOf } from '../../http/reach.ts';
import { healthOf, resultOfPost } from '../../http/status.ts';
import { type Signal, signals } from '../../model/batch.ts';
import type { DatawayConfig } from './dataway.ts';
import { categories, pointsOf } from './points.ts';

const compressed = promisify(gzip);
const contentTypes = {
  protobuf: 'application/protobuf; proto=com.guance.Point',
  'line-protocol': 'application/line-protocol',
} as const;

/** DataKit's wire to a Dataway: `POST /v1/write/<category>?token=…`, gzip. */
export class DatawaySender implements Sender {
  readonly #config: DatawayConfig;
  readonly #runtime: OutputRuntime;
  readonly #posters: ReadonlyMap<Signal, Poster>;
  readonly #points: RecordPoints;

  constructor(config: DatawayConfig, runtime: OutputRuntime) {
    this.#config = config;
    this.#runtime = runtime;
    this.#points = new RecordPoints(runtime.decode);
    this.#posters = new Map(signals.map((signal) => [signal, posterTo(categories[signal], config, runtime)]));
  }

  async write({ signal: of, records, items, id }: WriteRequest, signal: AbortSignal): Promise<WriteResult> {
    return await attempt(
      {
        records: records.length,
        encode: () => pointsOf(records, this.#points),
        post: (made) => this.#post({ of, made, records: records.length, items, id }, signal),
      },
      signal,
    );
  }

  /** Posts no points: whoever knows the token finds that the body is empty. */
  async check(): Promise<Health> {
    const health = await healthOf((signal) => this.write({ signal: 'metrics', records: [], items: 0, id: '' }, signal));
    return !health.ok && health.reason.includes('emptyBody') ? { ok: true } : health;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#posters.values()].map((poster) => poster.close()));
  }

  async #post(
    request: {
      readonly of: Signal;
      readonly made: Points;
      readonly records: number;
      readonly items: number;
      readonly id: string;
    },
    signal: AbortSignal,
  ): Promise<WriteResult> {
    const { of, made, records, items, id } = request;
    const { points, without } = made;
    const poster = this.#posters.get(of);
    if (poster !== undefined && (points.length > 0 || items === 0)) {
      const headers = { 'x-points': String(points.length), 'x-pkg-id': `dk_${id}` };
      const posted = await poster.send({ body: await this.#body(points), headers }, signal);
      const result = resultOfPost(posted, { records, nowMs: this.#runtime.clock.now() });
      if (result.status !== 'delivered' || without === 0) {
        return result;
      }
    }
    return { status: 'partial', rejected: without, reason: 'a point has no ends of series, NaN and infinities' };
  }

  #body(points: readonly Point[]): Promise<Buffer> {
    const bytes =
      this.#config.encoding === 'protobuf'
        ? encodePointsProto(points)
        : points.flatMap((point) => encodeLine(point) ?? []).join('\n');
    return compressed(bytes);
  }
}

function posterTo(category: string, config: DatawayConfig, { userAgent }: OutputRuntime): Poster {
  const url = new URL(config.url);
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/v1/write/${category}`;
  return new Poster({
    url: url.href,
    ...reachOf(config),
    protocolHeaders: { 'content-type': contentTypes[config.encoding], 'content-encoding': 'gzip' },
    userAgent,
  });
}
