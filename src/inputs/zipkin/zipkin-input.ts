import { checkZipkinJson } from '../../codec/zipkin-json/zipkin-json.ts';
import { checkZipkinJsonV1 } from '../../codec/zipkin-json-v1/zipkin-json-v1.ts';
import { checkZipkinProto } from '../../codec/zipkin-proto/zipkin-proto.ts';
import { BridgeError } from '../../contract/errors.ts';
import type { HttpRequest, HttpResponse } from '../../contract/http.ts';
import type { Input, InputRuntime } from '../../contract/input.ts';
import type { Format, TagEdits } from '../../model/batch.ts';
import type { ZipkinConfig } from './zipkin.ts';

const maxBodyBytes = 10 * 1024 * 1024;
/** Envoy counts nothing else as sent. */
const accepted: HttpResponse = { status: 202 };
const origin = {};

type Version = 'v1' | 'v2';

/**
 * Zipkin's collector (spec: zipkin2-api.yaml; the reference server's contract): 202 with an empty body once the bytes are
 * on disk. They go into the lane as they came; here they are only checked and counted.
 */
export class ZipkinInput implements Input {
  readonly #runtime: InputRuntime;
  readonly #edits: TagEdits | undefined;
  readonly #underWay = new Set<Promise<HttpResponse>>();
  #isStopped = false;

  constructor(config: ZipkinConfig, runtime: InputRuntime) {
    this.#runtime = runtime;
    this.#edits = Object.keys(config.tags).length === 0 ? undefined : { add: config.tags };
    this.#route(config.pathV1, 'v1');
    this.#route(config.pathV2, 'v2');
  }

  async start(): Promise<void> {}

  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.allSettled(this.#underWay);
  }

  #route(path: string, version: Version): void {
    this.#runtime.routes.add({
      method: 'POST',
      path,
      listeners: ['main', 'zipkin'],
      access: 'open',
      maxBodyBytes,
      inflate: true,
      cors: true,
      handle: (request) => this.#owned(this.#take(request, version)),
      onRefused: ({ code }) =>
        this.#runtime.refused('traces', 1, code === 'BRIDGE_TOO_LARGE' ? 'too_large' : 'malformed'),
    });
  }

  #owned(work: Promise<HttpResponse>): Promise<HttpResponse> {
    this.#underWay.add(work);
    const done = (): boolean => this.#underWay.delete(work);
    work.then(done, done);
    return work;
  }

  async #take(request: HttpRequest, version: Version): Promise<HttpResponse> {
    if (this.#isStopped) {
      throw new BridgeError('BRIDGE_OVERLOADED', 'meshbridge is stopping; send it again');
    }
    if (request.body.length === 0) {
      return accepted;
    }
    const format = formatOf(version, request.headers['content-type']);
    if (format === 'zipkin-thrift') {
      this.#runtime.refused('traces', 1, 'unsupported');
      throw new BridgeError('BRIDGE_DECODE', 'thrift is not read by this version; send JSON or protobuf');
    }
    const list = checks[format](request.body);
    if (!list.ok) {
      this.#runtime.refused('traces', list.items, 'malformed');
      throw new BridgeError('BRIDGE_DECODE', list.reason);
    }
    if (list.items > 0) {
      const edits = this.#edits === undefined ? {} : { edits: this.#edits };
      await this.#runtime.emit({
        signal: 'traces',
        format,
        payload: list.payload,
        items: list.items,
        origin,
        ...edits,
      });
    }
    return accepted;
  }
}

const checks = {
  'zipkin-json-v1': checkZipkinJsonV1,
  'zipkin-json-v2': checkZipkinJson,
  'zipkin-proto3': checkZipkinProto,
};

/** The content type counts on the path that it belongs to only; anything else there is JSON. */
function formatOf(version: Version, contentType = ''): Extract<Format, `zipkin-${string}`> {
  const type = contentType.toLowerCase();
  if (version === 'v2') {
    return type.startsWith('application/x-protobuf') ? 'zipkin-proto3' : 'zipkin-json-v2';
  }
  return type.startsWith('application/x-thrift') ? 'zipkin-thrift' : 'zipkin-json-v1';
}
