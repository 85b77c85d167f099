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
 * The page: `/` and its files under `/ui/`. Who may not look gets the page with a 401, and it asks for the token: its files
 * hold no data, and all that they show comes from routes that ask who calls.
 */
export function pageRoutes({ dir }: { readonly dir: string }): HttpRoute[] {
  const common = { method: 'GET', listeners: ['main'] } as const;
  const index = (): Promise<HttpResponse> => serve(dir, 'index.html');
  const page = (path: string): HttpRoute => ({ ...common, path, access: 'reader', handle: index, loginPage: index });
  const files: HttpRoute = {
    ...common,
    path: '/ui/*',
    access: 'open',
    handle: ({ params }) => serve(dir, params['*'] ?? ''),
  };
  return [page('/'), page('/ui/'), page('/ui/index.html'), files];
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
