import { crc32 } from 'node:zlib';
import type { OutputRuntime, WriteRequest, WriteResult } from '../../contract/output.ts';
import type { Health } from '../../contract/runtime.ts';
import { attempt, type Sender } from '../../http/lazy-output.ts';
import { healthOf } from '../../http/status.ts';
import { type Signal, signals } from '../../model/batch.ts';
import type { ClickhouseConfig } from './clickhouse.ts';
import { ClickhouseClient } from './client.ts';
import { type InsertFacts, resultOfException, speaksOfTables } from './exceptions.ts';
import { Rows } from './rows.ts';
import { Schema } from './schema.ts';
import { tableOf } from './statements.ts';
import { insertStatement, tableNameOf } from './tables.ts';

/** One insert for each request. */
export class ClickhouseSender implements Sender {
  readonly #config: ClickhouseConfig;
  readonly #runtime: OutputRuntime;
  readonly #client: ClickhouseClient;
  readonly #schema: Schema;
  readonly #rows: Rows;

  constructor(config: ClickhouseConfig, runtime: OutputRuntime) {
    this.#config = config;
    this.#runtime = runtime;
    this.#client = new ClickhouseClient(config, runtime);
    this.#rows = new Rows(runtime.decode);
    this.#schema = new Schema(this.#client, {
      place: config,
      by: runtime.userAgent,
      nowMs: () => runtime.clock.now(),
    });
  }

  async write(request: WriteRequest, signal: AbortSignal): Promise<WriteResult> {
    const { signal: of, records } = request;
    return await attempt(
      {
        records: records.length,
        encode: () => this.#rows.of(of, records),
        post: (rows) => this.#insert(request, rows, signal),
      },
      signal,
    );
  }

  /** Reads what a write would need, and makes nothing. */
  async check(): Promise<Health> {
    return await healthOf((signal) =>
      attempt({ records: 1, encode: () => undefined, post: () => this.#look(signal) }, signal),
    );
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  async #insert(
    { signal: of, records, id }: WriteRequest,
    rows: readonly Buffer[],
    signal: AbortSignal,
  ): Promise<WriteResult> {
    const problem = this.#config.create_schema ? await this.#schema.ensure(signal) : undefined;
    if (problem !== undefined) {
      return problem;
    }
    const statement = insertStatement(this.#config, of);
    const answer = await this.#client.insert({ statement, token: this.#token(of, id, rows), rows }, signal);
    if (answer.ok) {
      return { status: 'delivered' };
    }
    if (speaksOfTables(answer.exception)) {
      this.#schema.doubt();
    }
    return resultOfException(answer.exception, this.#facts(records.length));
  }

  /**
   * The same request has the same token. Two outputs into one table, or one that was given other filters meanwhile, may have
   * equal ids for different rows: those must not be taken for repeats.
   */
  #token(of: Signal, id: string, rows: readonly Buffer[]): string {
    const sum = rows.reduce((before, part) => crc32(part, before), 0);
    return `${this.#runtime.name} ${tableNameOf(of)} ${id} ${sum.toString(16)}`;
  }

  async #look(signal: AbortSignal): Promise<WriteResult> {
    if (this.#config.create_schema) {
      const found = await this.#schema.version(signal);
      return ('status' in found ? found : this.#schema.tooNew(found.version)) ?? { status: 'delivered' };
    }
    const named = signals.map((one) => `(SELECT count() FROM ${tableOf(this.#config, tableNameOf(one))} WHERE 0)`);
    const answer = await this.#client.count(`SELECT ${named.join(' + ')}`, signal);
    return answer.ok ? { status: 'delivered' } : resultOfException(answer.exception, this.#facts(1));
  }

  #facts(records: number): InsertFacts {
    return { records, nowMs: this.#runtime.clock.now() };
  }
}
