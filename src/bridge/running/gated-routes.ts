import { BridgeError } from '../../contract/errors.ts';
import type { HttpRequest, HttpResponse, HttpRoute, Routes } from '../../contract/http.ts';

/** The routes of one input. While another takes its place, requests wait and go to that one: no sender sees the change. */
export class GatedRoutes implements Routes {
  readonly #routes: HttpRoute[] = [];
  #turn: Promise<GatedRoutes | undefined> | undefined;

  get all(): readonly HttpRoute[] {
    return this.#routes;
  }

  add(route: HttpRoute): void {
    this.#routes.push({
      ...route,
      handle: (request) => (this.#turn === undefined ? route.handle(request) : this.#later(route, request, this.#turn)),
    });
  }

  /** From now on requests wait until the answer is called with the routes that go on; undefined: there are none. */
  hold(): (next: GatedRoutes | undefined) => void {
    const { promise, resolve } = Promise.withResolvers<GatedRoutes | undefined>();
    this.#turn = promise;
    return resolve;
  }

  async #later(
    { method, path }: HttpRoute,
    request: HttpRequest,
    turn: Promise<GatedRoutes | undefined>,
  ): Promise<HttpResponse> {
    const next = await turn;
    const route = next?.all.find((one) => one.method === method && one.path === path);
    if (route === undefined) {
      throw new BridgeError('BRIDGE_NOT_FOUND', '404 Not Found');
    }
    return route.handle(request);
  }
}
