/** Requests as a sidecar posts them: spans of recorded bodies of a real Envoy, with fresh ids and times on each use. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

interface RecordedSpan {
  readonly traceId: string;
  readonly id: string;
  readonly parentId?: string;
  readonly timestamp: number;
}

/** The spans of one recorded body. */
export type SpanGroup = readonly RecordedSpan[];

export function recordedGroups(): SpanGroup[] {
  const samples = join(process.env['MESHBRIDGE_SHARED'] ?? '../shared', 'samples', 'envoy');
  return ['zipkin-v2-json', 'zipkin-v2-json-gateway'].flatMap((folder) =>
    readdirSync(join(samples, folder))
      .filter((file) => file.endsWith('.body'))
      .sort()
      .map((file) => JSON.parse(readFileSync(join(samples, folder, file), 'utf8'))),
  );
}

const idDigits = 8;
const timeDigits = 16;

/**
 * One request that is sent again and again. `refresh` gives all ids of a group a common new beginning, so that parents,
 * and roots whose id is the low half of the trace id, stay what they were.
 */
export class SpanRequest {
  readonly bytes: Buffer;
  readonly spans: number;
  readonly #idOffsets: readonly (readonly number[])[];
  readonly #timeOffsets: readonly number[];

  constructor(groups: readonly SpanGroup[], path: string) {
    const texts = groups.map((group) => group.map((span) => JSON.stringify(span)));
    const body = `[${texts.flat().join(',')}]`;
    const head = [
      `POST ${path} HTTP/1.1`,
      'host: zipkin.istio-system:9411',
      'content-type: application/json',
      'x-envoy-internal: true',
      'x-forwarded-for: 192.0.2.2',
      'x-envoy-expected-rq-timeout-ms: 5000',
      'transfer-encoding: chunked',
      '',
      Buffer.byteLength(body).toString(16),
      '',
    ].join('\r\n');
    this.bytes = Buffer.from(`${head}${body}\r\n0\r\n\r\n`);
    this.spans = texts.flat().length;
    let from = head.length + 1;
    this.#idOffsets = texts.map((group) => {
      const offsets = group.flatMap((text) => {
        const found = idOffsets(text).map((offset) => from + offset);
        from += text.length + 1;
        return found;
      });
      return offsets;
    });
    this.#timeOffsets = [...body.matchAll(/"timestamp":(?=\d{16}[,}])/g)].map(
      (match) => head.length + match.index + match[0].length,
    );
  }

  refresh(bits: () => number, nowMicros: number): void {
    for (const offsets of this.#idOffsets) {
      const digits = bits().toString(16).padStart(idDigits, '0');
      for (const offset of offsets) {
        this.bytes.write(digits, offset, idDigits, 'latin1');
      }
    }
    const time = String(nowMicros).padStart(timeDigits, '0');
    for (const offset of this.#timeOffsets) {
      this.bytes.write(time, offset, timeDigits, 'latin1');
    }
  }
}

/** Where ids begin in the text of a span; of a trace id, both halves. */
function idOffsets(text: string): number[] {
  return [...text.matchAll(/"(traceId|id|parentId)":"([0-9a-f]{16,32})"/g)].flatMap((match) => {
    const at = match.index + match[0].length - (match[2]?.length ?? 0) - 1;
    return match[2]?.length === 32 ? [at, at + 16] : [at];
  });
}

/** `count` spans from as many groups as it takes, beginning at group `first`. */
export function groupsOf(all: readonly SpanGroup[], first: number, count: number): SpanGroup[] {
  const taken: SpanGroup[] = [];
  for (let missing = count, i = first; missing > 0; i++) {
    const group = (all[i % all.length] ?? []).slice(0, missing);
    taken.push(group);
    missing -= group.length;
  }
  return taken;
}
