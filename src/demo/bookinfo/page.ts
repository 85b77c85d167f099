import type { Answer } from '../mesh/http-get.ts';

export const book = {
  id: 0,
  title: 'The Comedy of Errors',
  descriptionHtml: 'Two pairs of twins, lost to each other as children, meet in Ephesus.',
};

export const style = `body{font:16px/1.5 system-ui,sans-serif;margin:0;color:#222}
header{display:flex;gap:1rem;align-items:center;padding:.6rem 1.5rem;background:#23364d;color:#fff}
header strong{margin-right:auto}header form{display:flex;gap:.4rem;align-items:center}header a{color:#cfe0f5}
main{max-width:56rem;margin:1.5rem auto;padding:0 1.5rem}.columns{display:grid;grid-template-columns:1fr 1fr;gap:2rem}
dt{font-weight:600}dd{margin:0 0 .4rem}blockquote{margin:0 0 1rem;padding-left:1rem;border-left:3px solid #ccd}
footer{color:#556}.black{color:#000}.red{color:#c00}.error{color:#a40}
@media(max-width:40rem){.columns{grid-template-columns:1fr}}
`;

/** The sentence by which people know that a part of the page is missing. */
export function sorry(part: string): string {
  return `Sorry, product ${part} are currently unavailable for this book.`;
}

interface Review {
  readonly reviewer: string;
  readonly text: string;
  readonly rating?: { readonly stars?: number; readonly color?: string; readonly error?: string };
}

export interface PageParts {
  readonly user: string | undefined;
  /** Undefined, or not 200: the page goes without. */
  readonly details: Answer | undefined;
  readonly reviews: Answer | undefined;
}

export function page({ user, details, reviews }: PageParts): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Simple Bookstore App</title><link rel="stylesheet" href="/static/bookinfo.css"></head>
<body><header><strong>BookInfo Sample</strong>${signInHtml(user)}</header>
<main><h1>${book.title}</h1><p><b>Summary:</b> ${book.descriptionHtml}</p>
<div class="columns"><section><h2>Book Details</h2>${detailsHtml(details)}</section>
<section><h2>Book Reviews</h2>${reviewsHtml(reviews)}</section></div></main>
</body></html>
`;
}

function signInHtml(user: string | undefined): string {
  return user === undefined
    ? '<form method="post" action="/login"><input name="username" placeholder="User name" aria-label="User name" required>' +
        '<input name="passwd" type="password" placeholder="Password" aria-label="Password"><button>Sign in</button></form>'
    : `<span class="user">${escaped(user)}</span><a href="/logout">sign out</a>`;
}

function detailsHtml(answer: Answer | undefined): string {
  if (answer?.status !== 200) {
    return `<p class="error">${sorry('details')}</p>`;
  }
  const facts: Record<string, unknown> = JSON.parse(answer.body.toString());
  return `<dl>${Object.entries(facts)
    .map(([name, value]) => `<dt>${escaped(name)}</dt><dd>${escaped(String(value))}</dd>`)
    .join('')}</dl>`;
}

function reviewsHtml(answer: Answer | undefined): string {
  if (answer?.status !== 200) {
    return `<p class="error">${sorry('reviews')}</p>`;
  }
  const { reviews, podname }: { reviews: Review[]; podname: string } = JSON.parse(answer.body.toString());
  return `${reviews.map(reviewHtml).join('')}<p>Reviews served by: <code>${escaped(podname)}</code></p>`;
}

function reviewHtml({ reviewer, text, rating }: Review): string {
  const { stars = 0, color = 'black', error = '' } = rating ?? {};
  const shown =
    stars > 0
      ? `<span class="${escaped(color)}">${'★'.repeat(stars)}${'☆'.repeat(5 - stars)}</span>`
      : `<span class="error">${escaped(error)}</span>`;
  return `<blockquote>${escaped(text)}<footer>${escaped(reviewer)} ${shown}</footer></blockquote>`;
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
