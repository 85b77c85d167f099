import { type Attributes, attributesOf } from '../../codec/log-block/attributes.ts';
import { originLabels } from '../../codec/log-block/origin-labels.ts';
import type { Label, PushEntry, PushStream } from '../../codec/loki-push/push.ts';
import type { RecordDecoder } from '../../contract/output.ts';
import type { QueueRecord } from '../../model/batch.ts';
import { type LogBlock, logFlags, logLevels } from '../../model/log.ts';

export interface StreamOptions {
  /** Names of what makes a stream. */
  readonly labels: readonly string[];
  readonly withMetadata: boolean;
}

/** Where nothing of what makes a stream is known: Loki refuses a stream without labels. */
const nameless: Label = ['job', 'meshbridge'];

/** The lines of the records by stream, in the order in which they came. Throws BRIDGE_DECODE. */
export function streamsOf(
  records: readonly QueueRecord[],
  decode: RecordDecoder,
  options: StreamOptions,
): readonly PushStream[] {
  const streams = new Map<string, PushStream & { readonly entries: PushEntry[] }>();
  for (const record of records) {
    const block = decode.lines(record);
    const facts = new LineFacts(record, options);
    for (let i = 0; i < block.count; i++) {
      const { labels, key, metadata } = facts.of(block.flags[i] ?? 0, block.levels[i] ?? 0);
      const stream = streams.get(key) ?? { labels, entries: [] };
      streams.set(key, stream);
      stream.entries.push(entryOf(block, i, options.withMetadata ? withAttributes(metadata, block, i) : []));
    }
  }
  return [...streams.values()];
}

function entryOf(block: LogBlock, index: number, metadata: readonly Label[]): PushEntry {
  return {
    seconds: block.seconds[index] ?? 0,
    nanos: block.nanos[index] ?? 0,
    line: block.bytes.subarray(block.offsets[index], block.offsets[index + 1]),
    metadata,
  };
}

interface Facts {
  readonly labels: readonly Label[];
  readonly key: string;
  readonly metadata: readonly Label[];
}

/** What is said of the lines of one record beside their text: the same for all with equal flags and level. */
class LineFacts {
  readonly #known: Readonly<Record<string, string>>;
  readonly #names: ReadonlySet<string>;
  readonly #byMark: (Facts | undefined)[] = [];

  constructor(record: QueueRecord, { labels }: StreamOptions) {
    this.#known = originLabels(record);
    this.#names = new Set(labels);
  }

  of(flags: number, level: number): Facts {
    const mark = flags * logLevels.length + level;
    const facts = this.#byMark[mark] ?? this.#make(flags, level);
    this.#byMark[mark] = facts;
    return facts;
  }

  #make(flags: number, level: number): Facts {
    const all: [string, string][] = Object.entries(this.#known).map(([name, value]) => [labelNameOf(name), value]);
    all.push(['stream', (flags & logFlags.stderr) === 0 ? 'stdout' : 'stderr']);
    if (level !== 0) {
      all.push(['level', logLevels[level] ?? 'unknown']);
    }
    for (const name of ['truncated', 'gap'] as const) {
      if ((flags & logFlags[name]) !== 0) {
        all.push([name, 'true']);
      }
    }
    all.sort(([a], [b]) => (a < b ? -1 : 1));
    const chosen = all.filter(([name]) => this.#names.has(name));
    const labels = chosen.length === 0 ? [nameless] : chosen;
    return { labels, key: JSON.stringify(labels), metadata: all.filter(([name]) => !this.#names.has(name)) };
  }
}

/** What a line says of itself wins over what is known of its pod. */
function withAttributes(metadata: readonly Label[], block: LogBlock, index: number): readonly Label[] {
  const attributes = block.attributes === undefined ? undefined : attributesOf(block, index);
  return attributes === undefined ? metadata : [...omit(metadata, attributes), ...pairsOf(attributes)];
}

function omit(metadata: readonly Label[], attributes: Attributes): readonly Label[] {
  const names = new Set(Object.keys(attributes).map(labelNameOf));
  return metadata.filter(([name]) => !names.has(name));
}

function pairsOf(attributes: Attributes): Label[] {
  return Object.entries(attributes).map(([name, value]) => [labelNameOf(name), String(value)]);
}

/** Loki's own rule for names that come by OTLP. */
function labelNameOf(name: string): string {
  const safe = name.replaceAll(/[^A-Za-z0-9_]/g, '_');
  return /^\d/.test(safe) ? `_${safe}` : safe;
}
