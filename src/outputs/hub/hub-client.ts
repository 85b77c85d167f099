import { promisify } from 'node:util';
import { constants, zstdCompress } from 'node:zlib';
import type { WriteRequest, WriteResult } from '../../contract/output.ts';
import type { Clock } from '../../contract/runtime.ts';
import type { Posted, Poster } from '../../http/poster.ts';
import { resultOfNoAnswer, resultOfPost } from '../../http/status.ts';
import { ParcelWriter, parcelType, parcelVersion } from '../../record/parcel.ts';
import { SentDictionaries } from './sent-dictionaries.ts';
import type { TokenFile } from './token-file.ts';

const compress = promisify(zstdCompress);
/** Level 1 takes a third of the time of the default, for some per cent more bytes. */
const zstd = { params: { [constants.ZSTD_c_compressionLevel]: 1 }, chunkSize: 64 * 1024 };

/** The one answer by which a hub takes records (docs/hub.md, "The protocol"). A proxy that says 200 to everything keeps nothing. */
const allKept = 204;
const mend = 'write the address of the hub in the urls of [[outputs.hub]]';

export interface HubClientOptions {
  /** Where records are posted. */
  readonly url: string;
  readonly poster: Poster;
  readonly token: TokenFile;
  readonly clock: Clock;
  readonly node: string | undefined;
}

/** One address of the hub. */
export class HubClient {
  readonly #options: HubClientOptions;
  readonly #writer = new ParcelWriter();
  readonly #sent = new SentDictionaries();

  constructor(options: HubClientOptions) {
    this.#options = options;
  }

  /**
   * One attempt. Dictionaries that the hub has are left out; when it says that it has not, as after its restart, the same
   * attempt goes on with all of them. Rejects only with the reason of an aborted signal.
   */
  async write(request: WriteRequest, signal: AbortSignal): Promise<WriteResult> {
    try {
      const known = await this.#post(request, (id) => !this.#sent.has(id), signal);
      const posted = known.status === 409 ? await this.#post(request, () => true, signal) : known;
      if (posted.status === allKept) {
        this.#sent.took(request.records);
      }
      return this.#result(posted, request.records.length);
    } catch (error) {
      signal.throwIfAborted();
      return this.#away(resultOfNoAnswer(error));
    }
  }

  async close(): Promise<void> {
    await this.#options.poster.close();
  }

  async #post(request: WriteRequest, wanted: (dictionaryId: string) => boolean, signal: AbortSignal): Promise<Posted> {
    const { poster, token, clock, node } = this.#options;
    const parcel = this.#writer.pack(request.records, wanted);
    const body = parcel.length === 0 ? parcel : await compress(parcel, zstd);
    const secret = await token.token();
    const headers = {
      ...headersOf(request),
      'x-meshbridge-bytes': String(parcel.length),
      'x-meshbridge-sent': String(clock.now()),
      ...(node === undefined ? {} : { 'x-meshbridge-node': encodeURIComponent(node) }),
      ...(secret === undefined ? {} : { authorization: `Bearer ${secret}` }),
    };
    return poster.send({ body, headers }, signal);
  }

  /** What an upgrade or another setting mends is tried again until somebody does it. */
  #result(posted: Posted, records: number): WriteResult {
    const { token, clock, url } = this.#options;
    const { status, text } = posted;
    if (status === 401) {
      token.doubt();
      return { status: 'retry', cause: 'misconfigured', reason: `HTTP 401 (${token.hint}): ${text}` };
    }
    if (status === 409 || status === 415) {
      return { status: 'retry', cause: 'misconfigured', reason: `HTTP ${status}: ${text}` };
    }
    if (status === 404 || (status >= 200 && status < 300 && status !== allKept)) {
      const reason = `HTTP ${status}: what answers at ${url} is no hub that takes records; ${mend}`;
      return { status: 'retry', cause: 'misconfigured', reason };
    }
    return resultOfPost(posted, { records, nowMs: clock.now() });
  }

  #away(result: WriteResult): WriteResult {
    return result.status === 'retry' && result.cause === 'unreachable'
      ? {
          ...result,
          reason: `${result.reason}; nobody answers at ${this.#options.url}: is the hub running? If so, ${mend}`,
        }
      : result;
  }
}

function headersOf({ signal, id, ancestors = [] }: WriteRequest): Record<string, string> {
  const [queueId = ''] = id.split(':');
  return {
    'content-type': `${parcelType}; version=${parcelVersion}`,
    'content-encoding': 'zstd',
    'x-meshbridge-signal': signal,
    'x-meshbridge-queue': queueId,
    ...(ancestors.length === 0
      ? {}
      : { 'x-meshbridge-ancestors': ancestors.map((one) => `${one.queueId}:${one.seq}`).join(',') }),
  };
}
