import { BridgeError } from '../../contract/errors.ts';
import type { HttpRequest, HttpResponse, HttpRoute } from '../../contract/http.ts';
import type { Input, InputRuntime } from '../../contract/input.ts';
import { isLoopbackPeer } from '../../http/access.ts';
import { Refusals } from '../../http/refusals.ts';
import { UnderWay } from '../../lib/under-way.ts';
import type { RumPoint } from '../../model/rum.ts';
import { dataKitError, errorResponse } from './datakit-answers.ts';
import { RateLimit } from './rate-limit.ts';
import type { Received, ReceiveSettings } from './receive.ts';

const maxBodyBytes = 1024 * 1024;
const taken: HttpResponse = { status: 200 };
const replayText =
  'session replay is not kept by this version; do not call startSessionReplayRecording(), or set sessionReplaySampleRate to 0';

export interface RumSettings extends ReceiveSettings {
  readonly endpoints: readonly string[];
  readonly replayEndpoints: readonly string[];
  readonly corsOrigins: readonly string[];
  readonly requestsPerSecond: number;
  readonly burstRequests: number;
  /** Application id, or `*` → settings of the SDK. */
  readonly remoteConfiguration: Readonly<Record<string, Readonly<Record<string, string | number | boolean>>>>;
  /** Keys of the table that have no effect. */
  readonly idleKeys: readonly string[];
}

interface Codecs {
  receive(request: HttpRequest, settings: ReceiveSettings, nowMs: number): Received;
  encode(points: readonly RumPoint[]): Uint8Array;
}

/**
 * DataKit's routes for its browser SDK: points, all or nothing, 200 with an empty body once they are on disk; errors as
 * DataKit words them. Any page may send (CORS), and an address that is not loopback only so many requests a second.
 */
export class RumInput implements Input {
  readonly #settings: RumSettings;
  readonly #runtime: InputRuntime;
  readonly #underWay = new UnderWay();
  readonly #refusals: Refusals;
  readonly #limit: RateLimit;
  #codecs: Codecs | undefined;

  constructor(settings: RumSettings, runtime: InputRuntime) {
    this.#settings = settings;
    this.#runtime = runtime;
    this.#refusals = new Refusals(runtime, 'rum');
    this.#limit = new RateLimit({ perSecond: settings.requestsPerSecond, burst: settings.burstRequests });
    for (const path of settings.endpoints) {
      this.#route({ method: 'POST', path, handle: (request) => this.#take(request) });
    }
    for (const path of settings.replayEndpoints) {
      this.#route({ method: 'POST', path, handle: async (request) => this.#refuseReplay(request) });
    }
    this.#route({ method: 'GET', path: '/v1/env_variable', handle: async (request) => this.#configurationOf(request) });
  }

  async start(): Promise<void> {
    const { idleKeys } = this.#settings;
    if (idleKeys.length > 0) {
      this.#runtime.log.warn({ keys: idleKeys }, 'These keys are read but have no effect in this version.');
    }
    const [{ receive }, { encodeRumPoints: encode }] = await Promise.all([
      import('./receive.ts'),
      import('../../codec/rum-points/rum-points.ts'),
    ]);
    this.#codecs = { receive, encode };
  }

  async stop(): Promise<void> {
    this.#codecs = undefined;
    await this.#underWay.settled();
  }

  status(): object {
    const { endpoints } = this.#settings;
    return { endpoints, ...this.#refusals.status() };
  }

  #route(route: Pick<HttpRoute, 'method' | 'path' | 'handle'>): void {
    this.#runtime.routes.add({
      ...route,
      handle: async (request) => {
        const from = request.remoteAddress;
        const mayPass = isLoopbackPeer(from) || this.#limit.admits(from, this.#runtime.clock.now());
        return mayPass ? route.handle(request) : this.#tooMany(from);
      },
      listeners: ['main'],
      access: 'open',
      cors: { origins: this.#settings.corsOrigins },
      maxBodyBytes,
      inflate: 'any',
      errorResponse,
      onRefused: (error) => this.#refusals.noteUnread(error),
    });
  }

  async #take(request: HttpRequest): Promise<HttpResponse> {
    if (this.#codecs === undefined) {
      throw new BridgeError('BRIDGE_OVERLOADED', 'this input does not run at the moment; send it again');
    }
    const received = this.#codecs.receive(request, this.#settings, this.#runtime.clock.now());
    if (received.kind === 'refused') {
      this.#refusals.note(received.items, received.reason, received.message, request.remoteAddress);
      return received.response;
    }
    // DataKit: `dry` with any value checks the points and keeps none.
    if ((request.query.get('dry') ?? '') === '') {
      const { points } = received;
      const payload = this.#codecs.encode(points);
      await this.#underWay.own(
        this.#runtime.emit({ signal: 'rum', format: 'rum-points', payload, items: points.length, origin: {} }),
      );
    }
    return taken;
  }

  #tooMany(from: string): HttpResponse {
    const { requestsPerSecond, burstRequests } = this.#settings;
    const message = `reach max API limit: one address may make ${requestsPerSecond} requests a second, ${burstRequests} at once`;
    this.#refusals.note(1, 'rate_limited', message, from);
    const { headers, ...answer } = dataKitError(429, 'reachMaxAPILimit', message);
    return { ...answer, headers: { ...headers, 'retry-after': '1' } };
  }

  /** Not 404 and no 5xx: the SDK would send the same again. */
  #refuseReplay({ remoteAddress }: HttpRequest): HttpResponse {
    this.#refusals.note(1, 'replay', replayText, remoteAddress);
    return dataKitError(403, 'sessionReplayNotKept', replayText);
  }

  /** What the SDK asks for at its start with `remoteConfiguration: true`: `{"content":{"R.<app id>.<option>": value}}`. */
  #configurationOf({ query }: HttpRequest): HttpResponse {
    const { remoteConfiguration } = this.#settings;
    const appId = query.get('app_id') ?? '';
    const own = Object.hasOwn(remoteConfiguration, appId) ? remoteConfiguration[appId] : undefined;
    const content = Object.entries({ ...remoteConfiguration['*'], ...own });
    return {
      status: 200,
      headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
      body: JSON.stringify({
        content: Object.fromEntries(content.map(([key, value]) => [`R.${appId}.${key}`, value])),
      }),
    };
  }
}
