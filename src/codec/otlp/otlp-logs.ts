import type { Origin } from '../../model/batch.ts';
import { type LogBlock, logFlags } from '../../model/log.ts';
import { levelOfName, sniffLevel } from '../log-block/level.ts';
import { LogBlockBuilder } from '../log-block/log-block-builder.ts';
import type { LogRecord, LogsRequest, Scope } from './messages-in.ts';
import { originOf } from './origin-attributes.ts';
import { Rejections } from './rejections.ts';

/** Lines of one stream. */
export interface OtlpLogBlock {
  readonly origin: Origin;
  readonly block: LogBlock;
}

export interface OtlpLogs {
  /** One for each resource, in the order in which they were first met. */
  readonly blocks: readonly OtlpLogBlock[];
  /** Records that no line can be made of, and what is wrong with the first of them. */
  readonly rejected: number;
  readonly firstFault?: string;
}

export interface OtlpLogsOptions {
  /** When the request came: the time of records that have none. */
  readonly nowMs: number;
  /** A longer body is cut there and marked. */
  readonly maxLineBytes: number;
}

/** Attributes by key, as JSON. */
type Members = ReadonlyMap<string, string>;

/** Each is a record of its own in the lane. */
const mostStreams = 10_000;
const nanosPerSecond = 1_000_000_000n;
const nanosPerMilli = 1_000_000n;
const mostSeconds = 0xffff_ffffn;
const severitiesPerLevel = 4;
const mostSeverity = 24;
const anyZero = /^0*$/;
/** Attributes that are marks of a line (`resourceLogs` writes them). */
const marks: Readonly<Record<string, readonly [value: string, flag: number]>> = {
  'log.iostream': ['stderr', logFlags.stderr],
  'log.truncated': ['true', logFlags.truncated],
  'log.gap': ['true', logFlags.gap],
};

/**
 * Log records as lines (OpenTelemetry, "Logs Data Model"). The body is the line: a text as it is, anything else as JSON.
 * Severity is the level; the record's attributes, its ids and what its resource and scope say beside where they are become
 * the attributes of the line. Lists and maps within attributes are JSON.
 */
export function otlpLogBlocks({ resourceLogs }: LogsRequest, options: OtlpLogsOptions): OtlpLogs {
  const streams = new Streams();
  const rejections = new Rejections();
  let seen = 0;
  for (const { resource, scopeLogs } of resourceLogs) {
    const { origin, spent } = originOf(textsOf(resource.attributes));
    for (const { scope, logRecords } of scopeLogs.filter((one) => one.logRecords.length > 0)) {
      const lines = new Lines(streams.of(origin), sharedMembers(resource.attributes, spent, scope), options);
      for (const record of logRecords) {
        seen += 1;
        const fault = lines.append(record);
        if (fault !== undefined) {
          rejections.note(1, `log record ${seen}: ${fault}`);
        }
      }
    }
  }
  return { blocks: streams.blocks(), ...rejections.result() };
}

/** The blocks that a request is parted into. */
class Streams {
  readonly #byOrigin = new Map<string, { readonly origin: Origin; readonly builder: LogBlockBuilder }>();

  /** Undefined where there are too many already. */
  of(origin: Origin): LogBlockBuilder | undefined {
    const key = JSON.stringify(origin);
    const known = this.#byOrigin.get(key);
    if (known !== undefined || this.#byOrigin.size === mostStreams) {
      return known?.builder;
    }
    const builder = new LogBlockBuilder(8, 512);
    this.#byOrigin.set(key, { origin, builder });
    return builder;
  }

  blocks(): readonly OtlpLogBlock[] {
    return Array.from(this.#byOrigin.values(), ({ origin, builder }) => ({ origin, block: builder.block() })).filter(
      ({ block }) => block.count > 0,
    );
  }
}

/** Puts the records of one scope into the block of their resource. */
class Lines {
  readonly #builder: LogBlockBuilder | undefined;
  readonly #shared: Members;
  readonly #sharedBytes: Buffer | undefined;
  readonly #options: OtlpLogsOptions;

  constructor(builder: LogBlockBuilder | undefined, shared: Members, options: OtlpLogsOptions) {
    this.#builder = builder;
    this.#shared = shared;
    this.#sharedBytes = encoded(shared);
    this.#options = options;
  }

  /** What is wrong with it, if it is not taken. */
  append(record: LogRecord): string | undefined {
    if (this.#builder === undefined) {
      return `the request is of more than ${mostStreams} resources`;
    }
    const time = timeOf(record, this.#options.nowMs);
    const seconds = time / nanosPerSecond;
    if (seconds > mostSeconds) {
      return `its time is ${time} ns since 1970, past the year 2106`;
    }
    const text = Buffer.from(record.body);
    const end = lengthWithin(text, this.#options.maxLineBytes);
    const level = levelOf(record, text);
    const own = ownMembers(record, level);
    let flags = end < text.length ? logFlags.truncated : 0;
    for (const [key, [value, flag]] of Object.entries(marks)) {
      flags |= textOf(record.attributes.get(key) ?? '') === value ? flag : 0;
    }
    const attributes = own.size === 0 ? this.#sharedBytes : encoded(new Map([...this.#shared, ...own]));
    this.#builder.append(
      {
        seconds: Number(seconds),
        nanos: Number(time % nanosPerSecond),
        flags,
        level,
        ...(attributes !== undefined && { attributes }),
      },
      text,
      0,
      end,
    );
    return undefined;
  }
}

function timeOf({ timeUnixNano, observedTimeUnixNano }: LogRecord, nowMs: number): bigint {
  return timeUnixNano || observedTimeUnixNano || BigInt(Math.trunc(nowMs)) * nanosPerMilli;
}

/** At most `most` bytes, and no half of a character. */
function lengthWithin(text: Buffer, most: number): number {
  let end = Math.min(text.length, most);
  while (end < text.length && end > 0 && ((text[end] ?? 0) & 0xc0) === 0x80) {
    end -= 1;
  }
  return end;
}

function levelOf({ severityNumber, severityText }: LogRecord, text: Buffer): number {
  return levelOfSeverity(severityNumber) || levelOfName(severityText) || sniffLevel(text, 0, text.length);
}

function levelOfSeverity(severity: number): number {
  return severity > 0 && severity <= mostSeverity ? Math.ceil(severity / severitiesPerLevel) : 0;
}

function sharedMembers(resource: Members, spent: ReadonlySet<string>, { name, version }: Scope): Members {
  const members = new Map<string, string>();
  for (const [key, json] of resource) {
    if (!spent.has(key)) {
      set(members, key, flat(json));
    }
  }
  set(members, 'scope_name', stringOrNothing(name));
  set(members, 'scope_version', stringOrNothing(version));
  return members;
}

/** Names as Loki's OTLP endpoint has them, so that queries written for it work here. */
function ownMembers(record: LogRecord, level: number): Members {
  const { severityNumber, severityText, traceId, spanId, eventName, droppedAttributesCount } = record;
  const members = new Map<string, string>();
  for (const [key, json] of record.attributes) {
    if (marks[key] === undefined) {
      set(members, key, flat(json));
    }
  }
  const isPlain = severityNumber === 0 || (severityNumber - 1) % severitiesPerLevel === 0;
  set(members, 'severity_number', isPlain ? undefined : String(severityNumber));
  set(members, 'severity_text', levelOfName(severityText) === level ? undefined : stringOrNothing(severityText));
  set(members, 'trace_id', anyZero.test(traceId) ? undefined : JSON.stringify(traceId));
  set(members, 'span_id', anyZero.test(spanId) ? undefined : JSON.stringify(spanId));
  set(members, 'event_name', stringOrNothing(eventName));
  set(members, 'dropped_attributes_count', droppedAttributesCount === 0 ? undefined : String(droppedAttributesCount));
  return members;
}

function set(members: Map<string, string>, key: string, json: string | undefined): void {
  if (json !== undefined && key !== '') {
    members.set(key, json);
  }
}

function stringOrNothing(text: string): string | undefined {
  return text === '' ? undefined : JSON.stringify(text);
}

/** Lists, maps and integers that a double cannot hold become texts; null is nothing. */
function flat(json: string): string | undefined {
  if (json === 'null') {
    return undefined;
  }
  const first = json.charCodeAt(0);
  const isNested = first === 0x5b || first === 0x7b;
  const isText = first === 0x22 || json === 'true' || json === 'false';
  return isNested || !(isText || isExact(json)) ? JSON.stringify(json) : json;
}

function isExact(number: string): boolean {
  return number.length < 16 || !Number.isInteger(Number(number)) || Number.isSafeInteger(Number(number));
}

function textsOf(members: Members): ReadonlyMap<string, string> {
  return new Map(Array.from(members, ([key, json]) => [key, textOf(json)]));
}

/** What a JSON value says as a tag. */
function textOf(json: string): string {
  return json.startsWith('"') ? String(JSON.parse(json)) : json;
}

function encoded(members: Members): Buffer | undefined {
  if (members.size === 0) {
    return undefined;
  }
  return Buffer.from(`{${Array.from(members, ([key, json]) => `${JSON.stringify(key)}:${json}`).join(',')}}`);
}
