import { encodeAttributes } from '../../codec/log-block/attributes.ts';
import { sniffLevel } from '../../codec/log-block/level.ts';
import { encodeLogBlock, logBlockFormat } from '../../codec/log-block/log-block.ts';
import { LogBlockBuilder } from '../../codec/log-block/log-block-builder.ts';
import { decodePushJson } from '../../codec/loki-push/json.ts';
import { decodePushProto } from '../../codec/loki-push/proto.ts';
import type { Label, PushEntry, PushStream } from '../../codec/loki-push/push.ts';
import { BridgeError } from '../../contract/errors.ts';
import type { HttpRequest } from '../../contract/http.ts';
import type { Emission } from '../../contract/input.ts';
import { inflateSnappy } from '../../http/snappy-body.ts';
import type { Origin, TagEdits } from '../../model/batch.ts';
import { logFlags } from '../../model/log.ts';

/** As gzip bodies: ten times what may come over the wire. */
const snappyLimits = {
  maxBytes: 100 * 1024 * 1024,
  otherwise: 'the body is neither JSON by its content type nor compressed by snappy',
};
const maxSeconds = 0xffff_ffff;

/** One batch for each stream. Throws BRIDGE_DECODE and BRIDGE_TOO_LARGE. */
export function receive(request: HttpRequest, tags: Readonly<Record<string, string>>): readonly Emission[] {
  return streamsIn(request)
    .filter(({ entries }) => entries.length > 0)
    .map((stream, index) => ({ batch: batchOf(stream, { index, tags }) }));
}

function streamsIn({ headers, body }: HttpRequest): readonly PushStream[] {
  const type = (headers['content-type'] ?? '').toLowerCase();
  if (type.startsWith('application/json')) {
    return decodePushJson(body);
  }
  // Loki takes every other type for protobuf.
  return decodePushProto(inflateSnappy(body, snappyLimits));
}

interface StreamPlace {
  readonly index: number;
  readonly tags: Readonly<Record<string, string>>;
}

function batchOf({ labels, entries }: PushStream, { index, tags }: StreamPlace): Emission['batch'] {
  const { origin, rest, stderr, level } = sortedOut(labels);
  const builder = new LogBlockBuilder(entries.length);
  for (const [i, entry] of entries.entries()) {
    checkTime(entry, `streams[${index}].values[${i}]`);
    const { seconds, nanos, line, metadata } = entry;
    const fields = factsOf(metadata);
    const said = fields.level ?? level;
    const attributes = encodeAttributes(fields.attributes);
    const marks = {
      seconds,
      nanos,
      flags: stderr ? logFlags.stderr : 0,
      level: said === undefined ? sniffLevel(line, 0, line.length) : levelNamed(said),
      ...(attributes !== undefined && { attributes }),
    };
    builder.append(marks, line, 0, line.length);
  }
  const block = builder.block();
  const edits: TagEdits = { add: { ...tags, ...rest } };
  return {
    signal: 'logs',
    format: logBlockFormat(block),
    payload: encodeLogBlock(block),
    items: block.count,
    origin,
    ...(Object.keys(edits.add ?? {}).length > 0 && { edits }),
  };
}

function checkTime({ seconds, nanos }: PushEntry, at: string): void {
  if (!(seconds >= 0 && seconds <= maxSeconds && nanos >= 0 && nanos < 1_000_000_000)) {
    throw new BridgeError('BRIDGE_DECODE', `not a push request: the time of ${at} is not between 1970 and 2106`);
  }
}

/** How senders name what an origin says. */
const originNames: Readonly<Record<string, keyof Origin>> = {
  namespace: 'namespace',
  k8s_namespace_name: 'namespace',
  pod: 'pod',
  pod_name: 'pod',
  k8s_pod_name: 'pod',
  container: 'container',
  container_name: 'container',
  k8s_container_name: 'container',
  node: 'node',
  node_name: 'node',
  k8s_node_name: 'node',
  workload: 'workload',
  app: 'app',
  version: 'version',
  service_name: 'source',
  source: 'source',
};
const levelNames = new Set(['level', 'detected_level', 'severity']);

interface SortedOut {
  readonly origin: Origin;
  /** Labels that an origin has no field for. */
  readonly rest: Readonly<Record<string, string>>;
  readonly stderr: boolean;
  readonly level: string | undefined;
}

function sortedOut(labels: readonly Label[]): SortedOut {
  const origin: { -readonly [K in keyof Origin]: Origin[K] } = {};
  const rest: Record<string, string> = {};
  let stderr = false;
  let level: string | undefined;
  for (const [name, value] of labels) {
    const field = originNames[name];
    if (name === 'stream') {
      stderr = value === 'stderr';
    } else if (field !== undefined && origin[field] === undefined) {
      origin[field] = value;
    } else if (levelNames.has(name)) {
      level = value;
    } else {
      rest[name] = value;
    }
  }
  return { origin, rest, stderr, level };
}

function factsOf(metadata: readonly Label[]): {
  readonly attributes: Readonly<Record<string, string>>;
  readonly level?: string;
} {
  const level = metadata.find(([name]) => levelNames.has(name))?.[1];
  const attributes = Object.fromEntries(metadata.filter(([name]) => !levelNames.has(name)));
  return { attributes, ...(level !== undefined && { level }) };
}

/** In brackets, any word for a level is known as one. */
function levelNamed(word: string): number {
  const text = Buffer.from(`[${word}] `);
  return sniffLevel(text, 0, text.length);
}
