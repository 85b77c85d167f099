import type { HttpResponse, HttpRoute } from '../contract/http.ts';

export interface HealthDeps {
  readonly version: string;
  readonly host: string;
  readonly startedAtMs: number;
  readonly now: () => number;
  /** Why it is not ready; empty when it is. */
  readonly notReady: () => readonly string[];
  /** What is to be said although it is ready: whole lines. */
  readonly notes?: () => readonly string[];
}

/** Alive, ready, and DataKit's two ways to ask that (interfaces.md, HTTP). */
export function healthRoutes(deps: HealthDeps): HttpRoute[] {
  const ready = (): HttpResponse => {
    const reasons = deps.notReady();
    return reasons.length === 0
      ? text(200, ['ready', ...(deps.notes?.() ?? [])].join('\n'))
      : text(503, reasons.join('\n'));
  };
  const alive = (): HttpResponse => text(200, 'alive');
  return [
    open('/-/healthy', alive),
    open('/-/ready', ready),
    open('/v1/health', ready),
    open('/v1/ping', () => json(ping(deps))),
  ];
}

function ping(deps: HealthDeps): object {
  const seconds = Math.floor((deps.now() - deps.startedAtMs) / 1000);
  return { content: { version: deps.version, uptime: `${seconds}s`, host: deps.host } };
}

function open(path: string, answer: () => HttpResponse): HttpRoute {
  return { method: 'GET', path, listeners: ['main'], access: 'open', handle: async () => answer() };
}

function text(status: number, body: string): HttpResponse {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: `${body}\n` };
}

function json(body: object): HttpResponse {
  return { status: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}
