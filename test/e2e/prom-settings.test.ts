import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { fakeFarSide } from '../fakes/far-side.ts';
import { tempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';
import { startDaemon } from './daemon.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) {
    await cleanup();
  }
});

test('a page goes out as lines of a log, another fails by a rule of OpenMetrics, and the status says all of it', async () => {
  const dir = await tempDir();
  cleanups.push(() => dir.remove());
  const far = await fakeFarSide();
  cleanups.push(() => far.close());
  far.answer(({ path }) => ({
    status: 200,
    headers: { 'content-type': path === '/strict' ? 'application/openmetrics-text; version=1.0.0' : 'text/plain' },
    body: path === '/strict' ? '# TYPE a counter\na 1\n# EOF\n' : 'istio_requests_total{code="200"} 5\n',
  }));
  const daemon = await startDaemon({
    dir: dir.path,
    config: {
      'prom.conf': `
        [[inputs.prom]]
          url = "${far.url}/logged"
          source = "logged"
          interval = "1s"
          [inputs.prom.as_logging]
            enable = true
            service = "mesh"
        [[inputs.prom]]
          url = "${far.url}/strict"
          source = "strict"
          interval = "1s"
          openmetrics = "strict"
        [[outputs.file]]
          path = "out.ndjson"
        [store]
          enabled = false`,
    },
  });
  cleanups.push(() => daemon.end());

  const file = join(dir.path, 'data', 'out.ndjson');
  const rows = await until(
    async () => {
      const text = await readFile(file, 'utf8').catch(() => '');
      const lines = text.split('\n').slice(0, -1);
      const all = lines.map((line): Record<string, unknown> => JSON.parse(line));
      const wanted = (source: string) => all.some(({ name, labels }) => name === 'up' && hasJob(labels, source));
      return all.some(({ signal }) => signal === 'logs') && wanted('logged') && wanted('strict') ? all : undefined;
    },
    { withinMs: 60_000, what: `a line of the log and both reports; the daemon said:\n${daemon.output()}` },
  );
  const line = rows.find(({ signal }) => signal === 'logs');
  expect(line).toMatchObject({ source: 'mesh', level: 'info' });
  expect(JSON.parse(String(line?.['message']))).toMatchObject({
    code: '200',
    service: 'mesh',
    status: 'INFO',
    measurement: 'istio',
    requests_total: 5,
  });
  expect(rows.filter(({ name }) => name === 'istio_requests_total' || name === 'a')).toEqual([]);

  const { inputs } = await daemon.status();
  const shown = inputs.filter(({ type }) => type === 'prom').map(({ id, signal }) => `${id} ${signal}`);
  expect(shown).toEqual(['inputs.prom[0] metrics', 'inputs.prom[0] logs', 'inputs.prom[1] metrics']);
  expect(JSON.stringify(inputs)).toContain('line 2: a is not a sample of counter a: those are a_total, a_created');
}, 120_000);

function hasJob(labels: unknown, job: string): boolean {
  return typeof labels === 'object' && labels !== null && 'job' in labels && labels.job === job;
}
