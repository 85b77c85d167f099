import { systemClock } from '../../lib/clock.ts';
import type { Answer } from '../mesh/http-get.ts';
import { type MakeApplication, numberIn, type Reply, type Visit } from './service.ts';

const title = 'The Comedy of Errors';
const products = [
  { id: 0, title, descriptionHtml: 'Two pairs of twins, lost to each other as children, meet in Ephesus.' },
];

interface Review {
  readonly reviewer: string;
  readonly text: string;
  readonly rating?: { readonly stars?: number; readonly color?: string; readonly error?: string };
}

/** `productpage`: the page that people open, and the same as JSON. Lines in the manner of Python's logging. */
export const productpage: MakeApplication = (_, write) => ({
  answer: async (visit) => {
    const { pathname } = new URL(visit.path, 'http://productpage');
    if (pathname === '/productpage') {
      return page(visit);
    }
    const [, part = ''] = /^[/]api[/]v1[/]products(?:[/]\d+)?(?:[/](\w+))?$/.exec(pathname) ?? ['', 'unknown'];
    const id = numberIn(pathname);
    if (part === 'unknown') {
      return { status: 404, type: 'text/plain; charset=utf-8', body: 'not found\n' };
    }
    if (id === undefined) {
      return { status: 200, body: JSON.stringify(products) };
    }
    const service = part === '' ? 'details' : part;
    return passOn(await visit.call(service, `/${service}/${id}`), service);
  },
  served: ({ method, path, headers }, { status }, durationMs) => {
    const level = status >= 500 ? 'ERROR' : status >= 400 ? 'WARNING' : 'INFO';
    const time = new Date(systemClock.now()).toISOString().replace('T', ' ').replace('.', ',').slice(0, 23);
    const trace = headers['x-b3-traceid'] ?? '-';
    const request = `"${method} ${path} HTTP/1.1" ${status}`;
    write('stderr', `${time} ${level} productpage: ${request} ${Math.round(durationMs)}ms trace_id=${trace}`);
  },
});

function passOn(answer: Answer | undefined, service: string): Reply {
  return answer === undefined
    ? { status: 503, body: JSON.stringify({ error: `${service} did not answer` }) }
    : { status: answer.status, body: answer.body.toString() };
}

async function page(visit: Visit): Promise<Reply> {
  const details = await visit.call('details', '/details/0');
  const reviews = await visit.call('reviews', '/reviews/0');
  const body = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Simple Bookstore App</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}.red{color:#c00}dt{font-weight:600}</style>
</head><body><h1>${title}</h1><p>${products[0]?.descriptionHtml}</p>
<h2>Book Details</h2>${detailsHtml(details)}
<h2>Book Reviews</h2>${reviewsHtml(reviews)}
</body></html>
`;
  return { status: 200, type: 'text/html; charset=utf-8', body };
}

function detailsHtml(answer: Answer | undefined): string {
  if (answer?.status !== 200) {
    return '<p>Sorry, product details are currently unavailable for this book.</p>';
  }
  const facts: Record<string, unknown> = JSON.parse(answer.body.toString());
  return `<dl>${Object.entries(facts)
    .map(([name, value]) => `<dt>${name}</dt><dd>${value}</dd>`)
    .join('')}</dl>`;
}

function reviewsHtml(answer: Answer | undefined): string {
  if (answer?.status !== 200) {
    return '<p>Sorry, product reviews are currently unavailable for this book.</p>';
  }
  const { reviews, podname }: { reviews: Review[]; podname: string } = JSON.parse(answer.body.toString());
  return `${reviews.map(reviewHtml).join('')}<p>Reviews served by: <code>${podname}</code></p>`;
}

function reviewHtml({ reviewer, text, rating }: Review): string {
  const { stars = 0, color = 'black', error = '' } = rating ?? {};
  const shown = stars > 0 ? `<span class="${color}">${'★'.repeat(stars)}${'☆'.repeat(5 - stars)}</span>` : error;
  return `<blockquote>${text}<footer>${reviewer} ${shown}</footer></blockquote>`;
}
