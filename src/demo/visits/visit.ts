import { randomBytes, randomUUID } from 'node:crypto';
import { type Answer, get } from '../mesh/http-get.ts';
import type { Place } from '../mesh/place.ts';
import type { RumPoint } from './rum-lines.ts';

const answerWithinMs = 15_000;
const msInNanos = 1e6;

/** Somebody with a browser. */
export interface Visitor {
  readonly user: string;
  /** As it names itself to the shop; undefined: not signed in. */
  readonly signsInAs: string | undefined;
  readonly browser: string;
  readonly os: string;
  /** Something in the page's script breaks. */
  readonly meetsError: boolean;
}

/** What went wrong in the browser. */
interface Seen {
  readonly source: 'source' | 'network';
  readonly type: string;
  readonly message: string;
  readonly stack?: string;
  readonly trace?: Readonly<Record<string, string>>;
}

interface Loaded {
  readonly answer: Answer | undefined;
  readonly atMs: number;
  readonly tookMs: number;
}

/** One session of a browser on the shop: real requests through the gateway, and what the SDK would say of them. */
export class Visit {
  readonly points: RumPoint[] = [];
  readonly #gateway: Place;
  readonly #visitor: Visitor;
  readonly #session = randomUUID();
  #view: Readonly<Record<string, string>> = {};
  #cookie = '';

  constructor(gateway: Place, visitor: Visitor) {
    this.#gateway = gateway;
    this.#visitor = visitor;
  }

  /** Never rejects: what does not answer is an error that the visitor sees. */
  async make(): Promise<void> {
    await this.#page();
    if (this.#visitor.signsInAs !== undefined) {
      await this.#signIn(this.#visitor.signsInAs);
      await this.#page();
    }
  }

  async #page(): Promise<void> {
    this.#view = { view_id: randomUUID(), view_name: '/productpage', view_url: this.#url('/productpage') };
    const page = await this.#load('/productpage');
    this.#resource(page, '/productpage', 'document');
    this.#resource(await this.#load('/static/bookinfo.css'), '/static/bookinfo.css', 'css');
    const reviews = '/api/v1/products/0/reviews';
    // The SDK marks what a script asks for, and nothing else can be marked (`traceType: 'zipkin'`).
    const trace = { id: randomBytes(16).toString('hex'), span: randomBytes(8).toString('hex') };
    const b3 = { 'x-b3-traceid': trace.id, 'x-b3-spanid': trace.span, 'x-b3-sampled': '1' };
    const fetched = await this.#load(reviews, b3);
    this.#resource(fetched, reviews, 'fetch', { trace_id: trace.id, span_id: trace.span });
    if (this.#visitor.meetsError) {
      const stack =
        "TypeError: cannot read 'stars' of undefined\n    at rate (bookinfo.js:42:17)\n    at bookinfo.js:61:3";
      this.#error({ source: 'source', type: 'TypeError', message: "cannot read 'stars' of undefined", stack });
    }
    this.#viewed(page, fetched);
  }

  async #signIn(user: string): Promise<void> {
    const body = `username=${encodeURIComponent(user)}&passwd=`;
    const headers = { 'content-type': 'application/x-www-form-urlencoded', 'content-length': String(body.length) };
    const login = await this.#load('/login', headers, body);
    const cookies = login.answer?.headers['set-cookie'] ?? [];
    this.#cookie = cookies.map((cookie) => cookie.split(';')[0]).join('; ');
    const tags = { action_id: randomUUID(), action_name: 'Sign in', action_type: 'click' };
    this.#note('action', login.atMs, tags, { duration: login.tookMs * msInNanos });
    this.#resource(login, '/login', 'document');
  }

  async #load(path: string, headers: Readonly<Record<string, string>> = {}, body?: string): Promise<Loaded> {
    const atMs = performance.timeOrigin + performance.now();
    const own = { host: 'bookinfo.example', 'user-agent': `Mozilla/5.0 ${this.#visitor.browser}` };
    const cookie = this.#cookie === '' ? {} : { cookie: this.#cookie };
    const answer = await get({
      ...this.#gateway,
      path,
      headers: { ...own, ...cookie, ...headers },
      timeoutMs: answerWithinMs,
      ...(body !== undefined && { method: 'POST' as const, body }),
    });
    return { answer, atMs, tookMs: performance.timeOrigin + performance.now() - atMs };
  }

  #resource(
    { answer, atMs, tookMs }: Loaded,
    path: string,
    type: string,
    trace: Readonly<Record<string, string>> = {},
  ): void {
    const status = answer?.status ?? 0;
    const tags = {
      resource_type: type,
      resource_method: path === '/login' ? 'POST' : 'GET',
      resource_status: String(status),
      resource_status_group: status === 0 ? '' : `${Math.floor(status / 100)}xx`,
      ...trace,
    };
    this.#note('resource', atMs, tags, {
      resource_url: this.#url(path),
      resource_url_host: 'bookinfo.example',
      resource_url_path: path,
      resource_size: answer?.body.length ?? 0,
      duration: tookMs * msInNanos,
    });
    if (status === 0 || status >= 500) {
      this.#error({ source: 'network', type: `HTTP ${status}`, message: `${path} answered with ${status}`, trace });
    }
  }

  #error({ source, type, message, stack = '', trace = {} }: Seen): void {
    const now = performance.timeOrigin + performance.now();
    const tags = { error_id: randomUUID(), error_source: source, error_type: type, ...trace };
    this.#note('error', now, tags, { error_message: message, ...(stack !== '' && { error_stack: stack }) });
  }

  /** Drawing takes its time behind what was loaded. */
  #viewed(page: Loaded, last: Loaded): void {
    const wholeMs = last.atMs + last.tookMs - page.atMs;
    const errors = this.points.filter(
      ({ measurement, tags }) => measurement === 'error' && tags['view_id'] === this.#view['view_id'],
    );
    this.#note(
      'view',
      page.atMs,
      { view_loading_type: 'initial_load' },
      {
        loading_time: wholeMs * msInNanos,
        first_byte: page.tookMs * msInNanos,
        first_contentful_paint: (page.tookMs + 60) * msInNanos,
        largest_contentful_paint: (wholeMs + 90) * msInNanos,
        time_spent: (wholeMs + 8000) * msInNanos,
        view_error_count: errors.length,
        view_resource_count: 3,
      },
    );
  }

  #note(measurement: RumPoint['measurement'], atMs: number, tags: RumPoint['tags'], fields: RumPoint['fields']): void {
    const { user, browser, os } = this.#visitor;
    const usual = {
      app_id: 'bookinfo',
      sdk_name: 'df_web_rum_sdk',
      env: 'demo',
      userid: user,
      session_id: this.#session,
      browser,
      os,
    };
    this.points.push({ measurement, atMs, tags: { ...usual, ...this.#view, ...tags }, fields });
  }

  #url(path: string): string {
    return `http://bookinfo.example${path}`;
  }
}
