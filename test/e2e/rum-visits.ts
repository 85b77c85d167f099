import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export const rumTraceId = '5b8aa5a2d2c872e8321cf37308d69df2';
/** What the made-up visits amount to. */
export const visits = { views: 40, sessions: 20, users: 10, errors: 8, resources: 120, points: 208 } as const;

function tagText(value: string): string {
  return value.replace(/[\s=,"]/g, '\\$&');
}

function nanos(ms: number): number {
  return Math.round(ms * 1e6);
}

/** Visits of the last ten minutes as the browser SDK writes them, some lines a batch. */
export function visitLines(nowMs: number): readonly string[] {
  return Array.from({ length: visits.views }, (_, i) => viewLines(i, nowMs - 600_000 + i * 14_000)).flat();
}

function viewLines(i: number, atMs: number): readonly string[] {
  const session = Math.floor(i / 2);
  const name = i % 4 === 0 ? '/login' : '/productpage';
  const tags = Object.entries({
    app_id: 'bookinfo',
    sdk_name: 'df_web_rum_sdk',
    env: 'prod',
    userid: `user-${session % visits.users}`,
    session_id: `session-${session}`,
    browser: i % 3 === 0 ? 'Firefox' : 'Chrome',
    os: 'Mac OS',
    view_id: `view-${i}`,
    view_name: name,
    view_url: `http://shop.example${name}?u=test`,
  });
  const head = tags.map(([key, value]) => `,${key}=${tagText(value)}`).join('');
  const resource = (path: string, type: string, ms: number): string => {
    const trace = type === 'fetch' && i === visits.views - 1 ? `,trace_id=${rumTraceId}` : '';
    const url = `resource_url="http://shop.example${path}",resource_url_host="shop.example",resource_url_path="${path}"`;
    return `resource${head},resource_method=GET,resource_status=200,resource_type=${type}${trace} ${url},duration=${nanos(ms)},resource_size=2048 ${atMs + 20}`;
  };
  const failed = `error${head},error_source=source,error_type=TypeError error_message="stars is undefined",error_stack="TypeError: stars is undefined\n\tat rate (app.js:3:7)" ${atMs + 300}`;
  const view = (spentMs: number): string =>
    `view${head},view_loading_type=initial_load time_spent=${nanos(spentMs)},largest_contentful_paint=${nanos(1000 + i * 100)},first_contentful_paint=${nanos(500)},cumulative_layout_shift=0.3,interaction_to_next_paint=${nanos(90)},first_byte=${nanos(120)},loading_time=${nanos(800)},view_error_count=${i % 5 === 0 ? 1 : 0} ${atMs}`;
  return [
    view(100),
    resource('/static/app.js', 'js', 40),
    resource('/static/app.css', 'css', 20),
    resource(`/api/v1/products/${i % 2}/reviews`, 'fetch', 400 + i),
    ...(i % 5 === 0 ? [failed] : []),
    view(2000),
  ];
}

export async function sendVisits(url: string): Promise<void> {
  const lines = visitLines(Date.now());
  for (let from = 0; from < lines.length; from += 50) {
    const body = lines.slice(from, from + 50).join('\n');
    const answer = await fetch(`${url}/v1/write/rum?precision=ms`, { method: 'POST', body });
    if (answer.status !== 200) {
      throw new Error(`${answer.status} ${await answer.text()}`);
    }
  }
}

/** A page of another origin that sends in each of the ways of the SDK, and says in its title how that went. */
export function servePage(collector: string): Promise<Server> {
  const page = `<!doctype html><title>sending</title><script type="module">
    const url = ${JSON.stringify(collector)} + '/v1/write/rum?precision=ms';
    const line = (id) => 'view,app_id=elsewhere,session_id=s,view_id=' + id + ' time_spent=1 ' + Date.now();
    const point = { measurement: 'view', tags: { app_id: 'elsewhere', session_id: 's', view_id: 'json' }, fields: { time_spent: '1' }, time: Date.now() };
    const packed = await new Response(new Blob([line('packed')]).stream().pipeThrough(new CompressionStream('deflate'))).blob();
    const headers = { 'content-type': 'application/json;UTF-8' };
    const told = [
      await fetch(url, { method: 'POST', body: line('fetch'), keepalive: true, mode: 'cors' }),
      await fetch(url + '&encoding=deflate', { method: 'POST', body: new Blob([packed], { type: 'text/plain' }) }),
      await fetch(url, { method: 'POST', body: JSON.stringify([point]), headers }),
    ].map(({ status }) => status);
    const xhr = new XMLHttpRequest();
    xhr.open('POST', url);
    xhr.withCredentials = true;
    xhr.onloadend = async () => {
      const settings = await (await fetch(${JSON.stringify(collector)} + '/v1/env_variable?app_id=elsewhere')).json();
      const refused = await (await fetch(url, { method: 'POST', body: 'nonsense' })).json();
      const beacon = navigator.sendBeacon(url, line('beacon'));
      document.title = JSON.stringify([...told, xhr.status, beacon, settings, refused.error_code]);
    };
    xhr.send(line('xhr'));
  </script>`;
  const server = createServer((_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end(page));
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

export function addressOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
