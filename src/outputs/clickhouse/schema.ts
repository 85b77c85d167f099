import type { WriteResult } from '../../contract/output.ts';
import type { Answer, ClickhouseClient } from './client.ts';
import { resultOfException } from './exceptions.ts';
import { type Migration, migrations } from './migrations.ts';
import {
  changeRetention,
  createDatabase,
  createTable,
  type Place,
  retentionSeconds,
  sqlText,
  type TableParts,
  tableComment,
  tableOf,
} from './statements.ts';
import { tables } from './tables.ts';

/** Which steps have been taken; one row for each, or several of those who took it at the same time. */
const versionsTable: TableParts = {
  name: 'meshbridge_schema',
  columns: '  Version UInt32,\n  AppliedAt DateTime DEFAULT now(),\n  AppliedBy String',
  partitionBy: 'tuple()',
  orderBy: 'Version',
  time: 'AppliedAt',
};
const unknownTable = 60;
const unknownDatabase = 81;

type Retry = Extract<WriteResult, { status: 'retry' }>;
/** Undefined: all is well. */
type Outcome = Retry | undefined;

export interface SchemaOptions {
  readonly place: Place;
  /** Who took a step. */
  readonly by: string;
  readonly nowMs: () => number;
  /** Default: those of this version of the program. */
  readonly steps?: readonly Migration[];
}

/** The database and its tables: makes them, and brings those of earlier versions up to date. */
export class Schema {
  readonly #client: Pick<ClickhouseClient, 'query' | 'count'>;
  readonly #options: SchemaOptions;
  readonly #steps: readonly Migration[];
  #ready: Promise<Outcome> | undefined;
  #isDoubted = false;

  constructor(client: Pick<ClickhouseClient, 'query' | 'count'>, options: SchemaOptions) {
    this.#client = client;
    this.#options = options;
    this.#steps = options.steps ?? migrations;
  }

  /**
   * Resolves with undefined once the tables are as this program needs them, and with why not otherwise; then the next call tries
   * again. Calls at the same time share one try. Rejects when there is no answer.
   */
  async ensure(signal: AbortSignal): Promise<Outcome> {
    const trying = this.#ready ?? this.#bringUp(signal);
    this.#ready = trying;
    try {
      const outcome = await trying;
      if (outcome !== undefined) {
        this.#forget(trying);
      }
      return outcome;
    } catch (error) {
      this.#forget(trying);
      throw error;
    }
  }

  /** A table is not there, or not as it should be, whatever the versions say: the next `ensure` takes every step again. */
  doubt(): void {
    this.#ready = undefined;
    this.#isDoubted = true;
  }

  /** The newest step that was taken; 0 where nobody took one. */
  async version(signal: AbortSignal): Promise<{ readonly version: number; readonly hasDatabase: boolean } | Retry> {
    const { place } = this.#options;
    const answer = await this.#client.count(
      `SELECT max(Version) FROM ${tableOf(place, versionsTable.name)} FORMAT TabSeparated`,
      signal,
    );
    if (answer.ok) {
      return { version: Number(answer.text) || 0, hasDatabase: true };
    }
    const { code } = answer.exception;
    return code === unknownTable || code === unknownDatabase
      ? { version: 0, hasDatabase: code !== unknownDatabase }
      : this.#failed(answer, 'read meshbridge_schema');
  }

  /** Why this program must not write into tables of that version. */
  tooNew(version: number): Outcome {
    const known = this.#steps.at(-1)?.version ?? 0;
    const reason = `the tables of database ${this.#options.place.database} are of version ${version}, and this program knows those up to ${known}: use a newer one`;
    return version > known ? { status: 'retry', reason, cause: 'misconfigured' } : undefined;
  }

  #forget(trying: Promise<Outcome>): void {
    if (this.#ready === trying) {
      this.#ready = undefined;
    }
  }

  async #bringUp(signal: AbortSignal): Promise<Outcome> {
    const found = await this.version(signal);
    if ('status' in found) {
      return found;
    }
    const missing = this.#steps.filter(({ version }) => version > found.version || this.#isDoubted);
    const problem = this.tooNew(found.version) ?? (await this.#prepare(found, missing, signal));
    const outcome = problem ?? (await this.#retain(signal));
    if (outcome === undefined) {
      this.#isDoubted = false;
    }
    return outcome;
  }

  async #prepare(
    { hasDatabase }: { readonly hasDatabase: boolean },
    missing: readonly Migration[],
    signal: AbortSignal,
  ): Promise<Outcome> {
    const { place, by } = this.#options;
    if (missing.length === 0) {
      return undefined;
    }
    const statements = [
      // Who may create tables may often not create databases.
      ...(hasDatabase ? [] : [createDatabase(place)]),
      createTable({ ...place, retention: 0 }, versionsTable),
      ...missing.flatMap((step) => [
        ...step.statements(place),
        `INSERT INTO ${tableOf(place, versionsTable.name)} (Version, AppliedBy) SETTINGS async_insert = 0 VALUES (${step.version}, ${sqlText(by)})`,
      ]),
    ];
    return await this.#run(statements, signal);
  }

  /** Of tables that this program made, gives those the age at which rows go that have another. */
  async #retain(signal: AbortSignal): Promise<Outcome> {
    const { place } = this.#options;
    const wanted = place.retention > 0 ? String(retentionSeconds(place)) : '';
    const answer = await this.#client.query(
      `SELECT name FROM system.tables WHERE database = ${sqlText(place.database)} AND comment = ${sqlText(tableComment)}
AND name != ${sqlText(versionsTable.name)} AND engine LIKE '%MergeTree' AND extract(engine_full, 'toIntervalSecond\\\\((\\\\d+)\\\\)') != '${wanted}' FORMAT TabSeparated`,
      signal,
    );
    if (!answer.ok) {
      return this.#failed(answer, 'read system.tables');
    }
    const names = new Set(answer.text.split('\n'));
    return await this.#run(
      tables.filter(({ name }) => names.has(name)).map((parts) => changeRetention(place, parts)),
      signal,
    );
  }

  async #run(statements: readonly string[], signal: AbortSignal): Promise<Outcome> {
    for (const statement of statements) {
      const answer = await this.#client.query(statement, signal);
      if (!answer.ok) {
        return this.#failed(answer, statement.split(/\(|\n/, 1)[0]?.trim() ?? '');
      }
    }
    return undefined;
  }

  /** What fails here says nothing about the data. */
  #failed({ exception }: Extract<Answer, { ok: false }>, what: string): Retry {
    const result = resultOfException(exception, { records: 1, nowMs: this.#options.nowMs() });
    const reason = `${what}: ${exception.text}`;
    return result.status === 'retry'
      ? { ...result, reason: `${what}: ${result.reason}` }
      : { status: 'retry', reason, cause: 'misconfigured' };
  }
}
