import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { type FakeFarSide, fakeFarSide } from '../fakes/far-side.ts';
import { tempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';
import { type Daemon, startDaemon } from './daemon.ts';

const samples = join(process.env['MESHBRIDGE_SHARED'] ?? '../shared', 'samples');
const bookinfo = readFileSync(join(samples, 'istio/bookinfo-15020.txt'), 'utf8');
const page = { status: 200, headers: { 'content-type': 'text/plain; version=0.0.4' }, body: bookinfo } as const;

interface Row {
  readonly metric: Readonly<Record<string, string>>;
  /** Seconds since 1970, and the value as text. */
  readonly value?: readonly [number, string];
  readonly values?: readonly (readonly [number, string])[];
}

/** Sorted lines that two results can be compared by. */
function lines(rows: readonly Row[]): string[] {
  return rows
    .map(({ metric, value }) => {
      const labels = Object.entries(metric).sort(([a], [b]) => (a < b ? -1 : 1));
      return `${JSON.stringify(labels)} ${Number(value?.[1])}`;
    })
    .sort();
}

/** The same lines, read from the page with nothing but string functions. */
function linesOf(text: string, added: Readonly<Record<string, string>>): string[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const at = line.lastIndexOf(' ');
      const [name = '', inner = ''] = line.slice(0, at).replace(/\}$/, '').split('{');
      const own = [...inner.matchAll(/([a-zA-Z_]+)="([^"]*)"/g)].map(([, key = '', value = '']) => [key, value]);
      const labels = Object.entries({ ...added, ...Object.fromEntries(own), __name__: name })
        .filter(([, value]) => value !== '')
        .sort(([a], [b]) => (a < b ? -1 : 1));
      return `${JSON.stringify(labels)} ${Number(line.slice(at + 1))}`;
    })
    .sort();
}

async function ask(daemon: Daemon, path: string, parameters: Readonly<Record<string, string>>): Promise<Row[]> {
  const answer = await fetch(`${daemon.url}/api/v1/${path}?${new URLSearchParams(parameters)}`);
  const body = await answer.text();
  if (answer.status !== 200) {
    throw new Error(`${answer.status} ${body}`);
  }
  return JSON.parse(body).data.result;
}

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) {
    await cleanup();
  }
});

interface Rig {
  readonly target: FakeFarSide;
  readonly daemon: Daemon;
  restart(signal: NodeJS.Signals): Promise<Daemon>;
}

async function rig(): Promise<Rig> {
  const dir = await tempDir();
  cleanups.push(() => dir.remove());
  const target = await fakeFarSide();
  cleanups.push(() => target.close());
  target.answer(page);
  const config = `[[inputs.prom]]\n  url = "${target.url}/stats/prometheus"\n  source = "sidecar"\n  interval = "1s"\n`;
  const start = () => startDaemon({ dir: dir.path, config: { 'prom.conf': config } });
  let daemon = await start();
  cleanups.push(() => daemon.end());
  const restart = async (signal: NodeJS.Signals): Promise<Daemon> => {
    await daemon.end(signal);
    daemon = await start();
    return daemon;
  };
  return { target, daemon, restart };
}

const reports = 'up|scrape_.*';
const scraped = `{job="sidecar",__name__!~"${reports}"}`;

/** Waits until `up` of the target is as wanted, and gives the time in seconds of the first such sample after another one. */
function upIs(daemon: Daemon, value: '0' | '1', afterSeconds = 0): Promise<number> {
  return until(
    async () => {
      const [row] = await ask(daemon, 'query', { query: 'up{job="sidecar"}[10m]' });
      return row?.values?.find((sample) => sample[0] > afterSeconds && sample[1] === value)?.[0];
    },
    { withinMs: 60_000, what: `up == ${value}; the daemon said:\n${daemon.output()}` },
  );
}

test('every sample of a sidecar comes back from the store with equal labels and values, in the next life too', async () => {
  const { target, daemon, restart } = await rig();
  const time = String(await upIs(daemon, '1'));
  const added = { instance: `127.0.0.1:${target.port}`, job: 'sidecar' };
  const found = await ask(daemon, 'query', { query: scraped, time });
  expect(found).toHaveLength(821);
  expect(lines(found)).toEqual(linesOf(bookinfo, added));

  const next = await restart('SIGKILL');
  expect(lines(await ask(next, 'query', { query: scraped, time }))).toEqual(linesOf(bookinfo, added));
}, 240_000);

test('a target that goes ends its series with stale markers, and one that comes back goes on', async () => {
  const { target, daemon } = await rig();
  const upSeconds = await upIs(daemon, '1');
  target.answer({ status: 503 });
  const downSeconds = await upIs(daemon, '0', upSeconds);
  expect(await ask(daemon, 'query', { query: scraped, time: String(downSeconds) })).toEqual([]);
  expect(await ask(daemon, 'query', { query: scraped, time: String(downSeconds - 0.5) })).toHaveLength(821);

  target.answer(page);
  const againSeconds = await upIs(daemon, '1', downSeconds);
  expect(await ask(daemon, 'query', { query: scraped, time: String(againSeconds) })).toHaveLength(821);
  const parameters = {
    start: String(upSeconds),
    end: String(againSeconds),
    step: '1',
    query: 'envoy_server_live{job="sidecar"}',
  };
  const [row, ...others] = await ask(daemon, 'query_range', parameters);
  const timesSeconds = (row?.values ?? []).map(([seconds]) => seconds);
  expect(others).toEqual([]);
  expect(timesSeconds).toContain(upSeconds);
  expect(timesSeconds.filter((seconds) => seconds >= downSeconds && seconds < againSeconds - 1)).toEqual([]);
}, 240_000);
