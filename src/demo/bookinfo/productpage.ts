import { systemClock } from '../../lib/clock.ts';
import type { Answer } from '../mesh/http-get.ts';
import {
  type AppContext,
  type Application,
  json,
  type MakeApplication,
  numberIn,
  type Reply,
  type Visit,
} from './application.ts';
import { askHealth } from './health.ts';
import { book, page, sorry, style } from './page.ts';
import { Sessions } from './sessions.ts';

const callWithinMs = 3000;
/** Reviews are asked for so many times before the page goes without. */
const reviewsAttempts = 2;
const askHealthEveryMs = 10_000;

type Route = (visit: Visit, user: string | undefined) => Promise<Reply> | Reply;

const html = 'text/html; charset=utf-8';

/** `productpage`: the page that people open, and the same as JSON. Lines in the manner of Python's logging. */
export const productpage: MakeApplication = (context) => {
  const sessions = new Sessions();
  const routes: Readonly<Record<string, Route>> = {
    '/productpage': async (visit, user) => ({ status: 200, type: html, body: await wholePage(visit, user) }),
    '/login': (visit) => signIn(visit, sessions),
    '/logout': () => redirect(sessions.signOut()),
    '/health': () => ({ status: 200, type: 'text/plain; charset=utf-8', body: 'Product page is healthy' }),
    '/static/bookinfo.css': () => ({ status: 200, type: 'text/css; charset=utf-8', body: style }),
    '/api/v1/products': () => json(200, [book]),
  };
  return {
    answer: async (visit) => {
      const { pathname } = new URL(visit.path, 'http://productpage');
      const route = routes[pathname] ?? productRoute(pathname);
      const user = sessions.user(visit.headers.cookie);
      return route === undefined ? notFound : route(visit, user);
    },
    served: (visit, reply, durationMs) => log(context, visit, reply, durationMs),
    ...healthAsker(context),
  };
};

const notFound: Reply = { status: 404, type: 'text/plain; charset=utf-8', body: 'not found\n' };

function log({ write }: AppContext, { method, path, headers }: Visit, { status }: Reply, durationMs: number): void {
  const level = status >= 500 ? 'ERROR' : status >= 400 ? 'WARNING' : 'INFO';
  const trace = headers['x-b3-traceid'] ?? '-';
  const request = `"${method} ${path} HTTP/1.1" ${status}`;
  write('stderr', `${logTime()} ${level} productpage: ${request} ${Math.round(durationMs)}ms trace_id=${trace}`);
}

function logTime(): string {
  return new Date(systemClock.now()).toISOString().replace('T', ' ').replace('.', ',').slice(0, 23);
}

/** The one call by gRPC: how is details? */
function healthAsker({ write }: AppContext): Pick<Application, 'start' | 'stop'> {
  const over = new AbortController();
  return {
    start: ({ http }) => {
      const ask = async () => {
        const status = await askHealth(http, 'details');
        if (status !== '0') {
          write('stderr', `${logTime()} WARNING productpage: details does not say that it is well (${status})`);
        }
      };
      const asking = setInterval(() => void ask(), askHealthEveryMs);
      over.signal.addEventListener('abort', () => clearInterval(asking));
    },
    stop: async () => over.abort(),
  };
}

function redirect(cookie: string): Reply {
  return { status: 302, type: html, headers: { location: '/productpage', 'set-cookie': cookie }, body: '' };
}

function signIn({ method, body }: Visit, sessions: Sessions): Reply {
  const name = new URLSearchParams(body).get('username')?.trim() ?? '';
  if (method !== 'POST') {
    return { status: 405, type: 'text/plain; charset=utf-8', headers: { allow: 'POST' }, body: 'POST a username\n' };
  }
  return name === '' ? redirect(sessions.signOut()) : redirect(sessions.signIn(name));
}

/** `/api/v1/products/0`, `.../reviews`, `.../ratings`. */
function productRoute(pathname: string): Route | undefined {
  const [, id = '', part = 'details'] = /^\/api\/v1\/products\/(\d+)(?:\/(reviews|ratings))?$/.exec(pathname) ?? [];
  if (id === '') {
    return undefined;
  }
  return async (visit, user) => {
    const caller = { visit, user, id: numberIn(`/${id}`) ?? 0 };
    const answer = part === 'reviews' ? await reviewsOf(caller) : await ask(caller, part);
    const missing = json(500, { error: sorry(part) });
    return answer === undefined ? missing : { status: answer.status, body: answer.body.toString() };
  };
}

interface Caller {
  readonly visit: Visit;
  readonly user: string | undefined;
  readonly id: number;
}

async function wholePage(visit: Visit, user: string | undefined): Promise<string> {
  const caller = { visit, user, id: book.id };
  const details = await ask(caller, 'details');
  return page({ user, details, reviews: await reviewsOf(caller) });
}

async function reviewsOf(caller: Caller): Promise<Answer | undefined> {
  for (let attempt = 1; attempt <= reviewsAttempts; attempt++) {
    const answer = await ask(caller, 'reviews');
    if (answer?.status === 200) {
      return answer;
    }
  }
  return undefined;
}

/** The user's name goes along, and decides what faults and versions the mesh has for the call. */
async function ask({ visit, user, id }: Caller, service: string): Promise<Answer | undefined> {
  const headers = { 'end-user': user === undefined ? undefined : encodeURI(user) };
  return visit.call({ service, path: `/${service}/${id}`, withinMs: callWithinMs, headers });
}
