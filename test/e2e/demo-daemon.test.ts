import { symlinkSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { expect, test } from '@jest/globals';
import { describeWith } from '../components/needs.ts';
import { inTempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';
import { startDaemon } from './daemon.ts';

interface Item {
  readonly signal: string;
  readonly name?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly message?: string;
  readonly container?: string;
  readonly pod?: string;
}

async function itemsIn(file: string): Promise<Item[]> {
  const text = await readFile(file, 'utf8');
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

describeWith('envoy', (environment) => {
  test(
    'the demo fills the store with traces, and an output with samples, spans and log lines',
    () =>
      inTempDir(async (dir) => {
        await mkdir(join(dir, 'data', 'demo'), { recursive: true });
        symlinkSync(environment, join(dir, 'data', 'demo', basename(environment)));
        const daemon = await startDaemon({
          dir,
          config: { 'file.conf': '[[outputs.file]]\n  path = "out.ndjson"\n' },
          args: ['--demo'],
        });
        try {
          const traces: { kind: string }[][] = await until(
            async () => {
              const answer = await fetch(`${daemon.url}/api/v2/traces?serviceName=reviews.bookinfo&limit=50`);
              const found: { kind: string }[][] = JSON.parse(await answer.text());
              return found.some((trace) => trace.length === 2) ? found : undefined;
            },
            { withinMs: 30_000, what: 'a trace of two spans' },
          );
          const whole = traces.find((trace) => trace.length === 2) ?? [];
          expect(whole.map(({ kind }) => kind).sort()).toEqual(['CLIENT', 'SERVER']);

          const out = join(dir, 'data', 'out.ndjson');
          const find = (what: string, wanted: (item: Item) => boolean) =>
            until(async () => (await itemsIn(out)).find(wanted), { withinMs: 30_000, what });
          const sample = await find('a sample of Envoy', ({ name }) => name === 'envoy_cluster_upstream_rq_total');
          expect(sample.labels).toMatchObject({ job: 'demo-envoy', namespace: 'bookinfo', app: 'reviews' });
          const line = await find('a line of the access log', (item) => item.container === 'istio-proxy');
          expect(line).toMatchObject({
            signal: 'logs',
            namespace: 'bookinfo',
            pod: expect.stringMatching(/^reviews-v1-/),
          });
          await find('a span', ({ signal }) => signal === 'traces');

          const status = await daemon.status();
          const dropped = status.lanes.flatMap((lane) =>
            lane.outputs.flatMap((output) => Object.entries(output.dropped)),
          );
          expect(dropped.filter(([, items]) => items > 0)).toEqual([]);
        } finally {
          expect(await daemon.end()).toBe(0);
        }
      }),
    120_000,
  );
});
