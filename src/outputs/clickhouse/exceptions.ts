import type { WriteResult } from '../../contract/output.ts';
import { writeResultOf } from '../../http/status.ts';

/** What ClickHouse says went wrong. `code` is one of `system.errors`; undefined: somebody else answered. */
export interface Exception {
  readonly code: number | undefined;
  /** Its words, on one line. */
  readonly text: string;
  readonly status: number;
  readonly retryAfter: string | undefined;
}

/** The values are at fault: the request would fail for ever, but not all of its records need be bad. */
const badData: ReadonlySet<number> = new Set([
  6, // CANNOT_PARSE_TEXT
  25, // CANNOT_PARSE_ESCAPE_SEQUENCE
  26, // CANNOT_PARSE_QUOTED_STRING
  27, // CANNOT_PARSE_INPUT_ASSERTION_FAILED
  38, // CANNOT_PARSE_DATE
  41, // CANNOT_PARSE_DATETIME
  53, // TYPE_MISMATCH
  69, // ARGUMENT_OUT_OF_BOUND
  70, // CANNOT_CONVERT_TYPE
  72, // CANNOT_PARSE_NUMBER
  117, // INCORRECT_DATA
  128, // TOO_LARGE_ARRAY_SIZE
  130, // CANNOT_READ_ARRAY_FROM_TEXT
  131, // TOO_LARGE_STRING_SIZE
  229, // QUERY_IS_TOO_LARGE
  321, // VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE
  349, // CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN
  407, // DECIMAL_OVERFLOW
  467, // CANNOT_PARSE_BOOL
  469, // VIOLATED_CONSTRAINT
  563, // CANNOT_READ_MAP_FROM_TEXT
  632, // UNEXPECTED_DATA_AFTER_PARSED_VALUE
  691, // UNKNOWN_ELEMENT_OF_ENUM
]);

/** The server or what is behind it has trouble that passes. */
const busy: ReadonlySet<number> = new Set([
  159, // TIMEOUT_EXCEEDED
  160, // TOO_SLOW
  173, // CANNOT_ALLOCATE_MEMORY
  198, // DNS_ERROR
  201, // QUOTA_EXCEEDED
  202, // TOO_MANY_SIMULTANEOUS_QUERIES
  203, // NO_FREE_CONNECTION
  209, // SOCKET_TIMEOUT
  210, // NETWORK_ERROR
  218, // TABLE_IS_DROPPED
  225, // NO_ZOOKEEPER
  236, // ABORTED
  241, // MEMORY_LIMIT_EXCEEDED
  242, // TABLE_IS_READ_ONLY
  243, // NOT_ENOUGH_SPACE
  244, // UNEXPECTED_ZOOKEEPER_ERROR
  252, // TOO_MANY_PARTS
  254, // NO_ACTIVE_REPLICAS
  265, // NO_AVAILABLE_REPLICA
  279, // ALL_CONNECTION_TRIES_FAILED
  285, // TOO_FEW_LIVE_REPLICAS
  286, // UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE
  289, // REPLICA_IS_NOT_IN_QUORUM
  297, // SHARD_HAS_NO_CONNECTIONS
  319, // UNKNOWN_STATUS_OF_INSERT
  364, // RECEIVED_ERROR_TOO_MANY_REQUESTS
  394, // QUERY_WAS_CANCELLED
  415, // ALL_REPLICAS_LOST
  416, // REPLICA_STATUS_CHANGED
  425, // SYSTEM_ERROR
  439, // CANNOT_SCHEDULE_TASK
  574, // DISTRIBUTED_TOO_MANY_PENDING_BYTES
  700, // USER_SESSION_LIMIT_EXCEEDED
  733, // TABLE_IS_BEING_RESTARTED
  745, // SERVER_OVERLOADED
  999, // KEEPER_EXCEPTION
]);

const wrongLogin = 'check user and password';
const noRight = 'grant the user INSERT on the tables, and CREATE, ALTER and SELECT where create_schema is on';
const noTable = 'with create_schema it is created again at the next attempt, else it must be created';
const strangeSetting =
  'the profile of the user or the version of the server does not allow a setting that is sent along';

/** Somebody has to do something, and then all that waits is taken. */
const advice: ReadonlyMap<number, string> = new Map([
  [16, 'the table is older than this program, or not ours: see docs/clickhouse.md'], // NO_SUCH_COLUMN_IN_TABLE
  [47, 'the table is older than this program, or not ours: see docs/clickhouse.md'], // UNKNOWN_IDENTIFIER
  [60, noTable], // UNKNOWN_TABLE
  [81, noTable], // UNKNOWN_DATABASE
  [115, strangeSetting], // UNKNOWN_SETTING
  [164, 'the user or the server is read-only'], // READONLY
  [192, wrongLogin], // UNKNOWN_USER
  [193, wrongLogin], // WRONG_PASSWORD
  [194, wrongLogin], // REQUIRED_PASSWORD
  [195, 'let the user log in from this address'], // IP_ADDRESS_NOT_ALLOWED
  [291, noRight], // DATABASE_ACCESS_DENIED
  [452, strangeSetting], // SETTING_CONSTRAINT_VIOLATION
  [472, strangeSetting], // READONLY_SETTING
  [497, noRight], // ACCESS_DENIED
  [511, 'create the role'], // UNKNOWN_ROLE
  [512, 'grant the user the role'], // SET_NON_GRANTED_ROLE
  [516, wrongLogin], // AUTHENTICATION_FAILED
  [701, 'check cluster: SHOW CLUSTERS lists those that there are'], // CLUSTER_DOESNT_EXIST
  [774, 'the table is read-only for good'], // TABLE_IS_PERMANENTLY_READ_ONLY
]);

/** The codes that this program knows, for whoever asks the server for their names. */
export const knownCodes: readonly number[] = [...badData, ...busy, ...advice.keys()];

/** What is missing here may be created again. */
const gone: ReadonlySet<number> = new Set([16, 47, 60, 81]);

export function speaksOfTables({ code }: Exception): boolean {
  return code !== undefined && gone.has(code);
}

export interface InsertFacts {
  readonly records: number;
  readonly nowMs: number;
}

/** What an exception means for an insert. Codes that are not known go by their HTTP status. */
export function resultOfException(exception: Exception, { records, nowMs }: InsertFacts): WriteResult {
  const { code, text, status, retryAfter } = exception;
  const what = code === undefined ? undefined : advice.get(code);
  if (what !== undefined) {
    return { status: 'retry', reason: `${text} (${what})`, cause: 'misconfigured' };
  }
  if (code !== undefined && (badData.has(code) || isTooManyPartitions(exception))) {
    return { status: records > 1 ? 'split' : 'rejected', reason: text };
  }
  if (code !== undefined && busy.has(code)) {
    return { status: 'retry', reason: text, cause: 'busy' };
  }
  // An exception after the head of an answer has the status 200.
  return writeResultOf(status < 300 ? 500 : status, retryAfter, { records, detail: text, nowMs });
}

/** The code is that of a table with too many parts, which passes; here it is the request that is of too many days. */
function isTooManyPartitions({ code, text }: Exception): boolean {
  return code === 252 && text.includes('single INSERT block');
}
