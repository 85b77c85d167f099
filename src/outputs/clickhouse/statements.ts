import type { ClickhouseConfig } from './clickhouse.ts';

/** Where and how tables are made. */
export type Place = Pick<ClickhouseConfig, 'database' | 'cluster' | 'engine' | 'retention' | 'deduplication_window'>;

/** Stands with each table that this program made, so that it changes no other. */
export const tableComment = 'made by meshbridge';

export interface TableParts {
  readonly name: string;
  /** Columns and indexes, with commas between them. */
  readonly columns: string;
  readonly partitionBy: string;
  readonly orderBy: string;
  /** What a row's age is counted from, a DateTime. */
  readonly time: string;
}

/** `name` with its database. */
export function tableOf({ database }: Pick<Place, 'database'>, name: string): string {
  return `\`${database}\`.\`${name}\``;
}

/** Goes behind the name of what a statement makes or changes. */
export function onCluster({ cluster }: Place): string {
  return cluster === undefined ? '' : ` ON CLUSTER \`${cluster}\``;
}

export function createDatabase(place: Place): string {
  return `CREATE DATABASE IF NOT EXISTS \`${place.database}\`${onCluster(place)}`;
}

export function createTable(place: Place, parts: TableParts): string {
  const { name, columns, partitionBy, orderBy, time } = parts;
  const ttl = place.retention > 0 ? `TTL ${expiry(place, time)}\n` : '';
  return `CREATE TABLE IF NOT EXISTS ${tableOf(place, name)}${onCluster(place)} (
${columns}
) ENGINE = ${place.engine}
PARTITION BY ${partitionBy}
ORDER BY (${orderBy})
${ttl}SETTINGS ttl_only_drop_parts = 1, ${deduplication(place)}
COMMENT '${tableComment}'`;
}

export function changeRetention(place: Place, { name, time }: Pick<TableParts, 'name' | 'time'>): string {
  const change = place.retention > 0 ? `MODIFY TTL ${expiry(place, time)}` : 'REMOVE TTL';
  return `ALTER TABLE ${tableOf(place, name)}${onCluster(place)} ${change}`;
}

/** Whole seconds; what the server shows of a table's TTL is compared with it. */
export function retentionSeconds({ retention }: Pick<Place, 'retention'>): number {
  return Math.ceil(retention / 1000);
}

function expiry(place: Place, time: string): string {
  return `${time} + toIntervalSecond(${retentionSeconds(place)})`;
}

/** How many inserts a table remembers. A replicated one does so in Keeper, which forgets by age as well. */
export function deduplication({ engine, deduplication_window: window }: Place): string {
  return engine === 'MergeTree'
    ? `non_replicated_deduplication_window = ${window}`
    : `replicated_deduplication_window = ${window}, replicated_deduplication_window_seconds = 604800`;
}

/** As a literal. */
export function sqlText(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
