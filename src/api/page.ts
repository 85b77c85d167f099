import { readFile } from 'node:fs/promises';
import { extname, join, normalize, sep } from 'node:path';
import type { HttpResponse, HttpRoute } from '../contract/http.ts';

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.json': 'application/json',
};

const policy =
  "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'self'; base-uri 'none'";

/**
 * The page: `/` and its files under `/ui/`. They hold no data, so that everyone may load them and see the login; all that
 * they show comes from routes that ask who calls.
 */
export function pageRoutes({ dir }: { readonly dir: string }): HttpRoute[] {
  const route = (path: string, file: (rest: string) => string): HttpRoute => ({
    method: 'GET',
    path,
    listeners: ['main'],
    access: 'open',
    handle: ({ params }) => serve(dir, file(params['*'] ?? '')),
  });
  return [route('/', () => 'index.html'), route('/ui/*', (rest) => (rest === '' ? 'index.html' : rest))];
}

async function serve(dir: string, name: string): Promise<HttpResponse> {
  const path = normalize(join(dir, name));
  if (!path.startsWith(dir + sep)) {
    return notFound('there is no such file');
  }
  const body = await readFile(path).catch(() => undefined);
  if (body === undefined) {
    return notFound(name === 'index.html' ? 'the page was not built: run "npm run build"' : 'there is no such file');
  }
  return {
    status: 200,
    headers: {
      'content-type': types[extname(path)] ?? 'application/octet-stream',
      // Names of built files carry a hash of what they hold.
      'cache-control': name.startsWith('assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
      'content-security-policy': policy,
      'x-content-type-options': 'nosniff',
    },
    body,
  };
}

function notFound(message: string): HttpResponse {
  return { status: 404, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: `${message}\n` };
}
