import { Readable } from 'node:stream';
import { createGzip, createZstdCompress } from 'node:zlib';
import type { OutputRuntime } from '../../contract/output.ts';
import { type Posted, Poster } from '../../http/poster.ts';
import { reachOf } from '../../http/reach.ts';
import type { ClickhouseConfig } from './clickhouse.ts';
import type { Exception } from './exceptions.ts';

/** What came of a statement: the beginning of what it returned, or why it failed. */
export type Answer =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly exception: Exception };

export interface Insert {
  /** `INSERT INTO … FORMAT JSONEachRow`. */
  readonly statement: string;
  /** Equal for equal requests: a table that remembers it takes the rows once. */
  readonly token: string;
  /** In parts. */
  readonly rows: readonly Buffer[];
}

const encoders = { zstd: createZstdCompress, gzip: createGzip } as const;

/**
 * Only of inserts. `wait_end_of_query` holds the answer back until all is done, so that a failure has a status of its own; what
 * could make the server take a part of the rows, or answer before they are written, is off whatever its profile says.
 */
const insertSettings: Readonly<Record<string, string>> = {
  async_insert: '0',
  insert_deduplicate: '1',
  deduplicate_blocks_in_dependent_materialized_views: '1',
  input_format_allow_errors_num: '0',
  input_format_allow_errors_ratio: '0',
  date_time_input_format: 'basic',
};

/** ClickHouse's HTTP interface: a statement is a POST to `/`, with settings as parameters. One attempt a call. */
export class ClickhouseClient {
  readonly #config: ClickhouseConfig;
  readonly #poster: Poster;

  constructor(config: ClickhouseConfig, runtime: Pick<OutputRuntime, 'userAgent'>) {
    const { user, password } = config;
    this.#config = config;
    this.#poster = new Poster({
      url: config.url,
      ...reachOf(config),
      protocolHeaders: {
        ...(user !== undefined && { 'x-clickhouse-user': user }),
        ...(password !== undefined && { 'x-clickhouse-key': password }),
      },
      userAgent: runtime.userAgent,
    });
  }

  /** Rejects when there is no answer, and with the reason of an aborted signal. */
  async query(statement: string, signal: AbortSignal): Promise<Answer> {
    const body = Buffer.from(statement);
    const search = new URLSearchParams({ wait_end_of_query: '1' }).toString();
    return answerOf(await this.#poster.send({ body, search, headers: { 'content-type': 'text/plain' } }, signal));
  }

  /** The same, of a query whose answer is one whole number. */
  async count(statement: string, signal: AbortSignal): Promise<Answer> {
    const answer = await this.query(statement, signal);
    return answer.ok && !/^\d*$/.test(answer.text) ? notClickhouse(answer.text) : answer;
  }

  /** The same for rows; a good answer to an insert is empty. */
  async insert({ statement, token, rows }: Insert, signal: AbortSignal): Promise<Answer> {
    const { compression, settings } = this.#config;
    const search = new URLSearchParams({
      query: statement,
      wait_end_of_query: '1',
      ...settings,
      ...insertSettings,
      insert_deduplication_token: token,
    }).toString();
    const body = await encoded(rows, compression);
    const headers = {
      'content-type': 'application/x-ndjson',
      ...(compression !== 'none' && { 'content-encoding': compression }),
    };
    const answer = answerOf(await this.#poster.send({ body, search, headers }, signal));
    return answer.ok && answer.text !== '' ? notClickhouse(answer.text) : answer;
  }

  async close(): Promise<void> {
    await this.#poster.close();
  }
}

async function encoded(rows: readonly Buffer[], compression: ClickhouseConfig['compression']): Promise<Buffer> {
  return compression === 'none'
    ? Buffer.concat(rows)
    : Buffer.concat(await Readable.from(rows).compose(encoders[compression]()).toArray());
}

const writtenCode = /Code: (\d+)\. DB::Exception/;

/**
 * The code is in a header, and in the text of each exception. One that is thrown after the head of the answer has gone out has
 * status 200 and stands in the body.
 */
function answerOf({ status, retryAfter, body, headers }: Posted): Answer {
  const text = body.toString('utf8').replaceAll(/\s+/g, ' ').trim();
  const named = headers['x-clickhouse-exception-code'] ?? writtenCode.exec(text)?.[1];
  const code = named === undefined ? undefined : Number(named);
  const isGood = code === undefined && status >= 200 && status < 300;
  return isGood
    ? { ok: true, text: body.toString('utf8').trim() }
    : { ok: false, exception: { code, text, status, retryAfter } };
}

function notClickhouse(text: string): Answer {
  const said = `answered with something that is not ClickHouse’s: ${text.slice(0, 200)}`;
  return { ok: false, exception: { code: undefined, text: said, status: 404, retryAfter: undefined } };
}
