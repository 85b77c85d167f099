import { symlinkSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { expect, test } from '@jest/globals';
import { type Demo, startDemo } from '../../src/demo/demo.ts';
import { describeWith } from '../components/needs.ts';
import { MemoryLog } from '../fakes/runtime.ts';
import { inTempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';
import { type Daemon, startDaemon } from './daemon.ts';

const patient = { withinMs: 120_000 };
/** How long nothing may be lost, before the restart and after it. */
const watchedMs = Number(process.env['DEMO_SECONDS'] ?? '15') * 1000;

interface Reports {
  readonly sent: number;
  /** Answered with something else than 202, or not at all. */
  readonly lost: number;
}

/** What the Envoys count of their posts of spans. */
async function reportsOf({ pages }: Demo): Promise<Reports> {
  const texts = await Promise.all(pages.map(async ({ url }) => (await fetch(url)).text()));
  const sum = (name: RegExp) =>
    texts.flatMap((text) => [...text.matchAll(name)]).reduce((total, [, value]) => total + Number(value), 0);
  return {
    sent: sum(/^envoy_tracing_zipkin_reports_sent(?:\{[^}]*\})? (\d+)/gm),
    lost: sum(/^envoy_tracing_zipkin_reports_(?:dropped|failed|skipped_no_cluster)(?:\{[^}]*\})? (\d+)/gm),
  };
}

/** Watches for so long, and until a good number was sent. Resolves with what was lost meanwhile. */
async function lostWhile(demo: Demo, ms: number): Promise<number> {
  const before = await reportsOf(demo);
  const endMs = performance.now() + ms;
  const after = await until(
    async () => {
      const now = await reportsOf(demo);
      return performance.now() >= endMs && now.sent >= before.sent + 20 ? now : undefined;
    },
    { withinMs: ms + patient.withinMs, what: 'twenty more reports' },
  );
  return after.lost - before.lost;
}

describeWith('envoy', (environment) => {
  test(
    'no report of an Envoy is lost, through a restart of the daemon but for the time that it is away',
    () =>
      inTempDir(async (dir) => {
        const folder = join(dir, 'mesh', 'demo');
        await mkdir(folder, { recursive: true });
        symlinkSync(environment, join(folder, basename(environment)));
        let daemon: Daemon = await startDaemon({ dir });
        const demo = await startDemo(
          {
            dataDir: join(dir, 'mesh'),
            zipkin: { host: '127.0.0.1', port: daemon.port },
            // As the walkthrough's manifest has it.
            namespace: 'prod',
            log: new MemoryLog(),
          },
          new AbortController().signal,
        );
        if ('unavailable' in demo) {
          throw new Error(demo.unavailable);
        }
        try {
          expect(await lostWhile(demo, watchedMs)).toBe(0);
          const services = JSON.parse(await (await fetch(`${daemon.url}/api/v2/services`)).text());
          expect(services).toEqual(expect.arrayContaining(['productpage.prod', 'reviews.prod', 'ratings.prod']));

          expect(await daemon.end()).toBe(0);
          daemon = await startDaemon({ dir, port: daemon.port });
          const first = await reportsOf(demo);
          await until(async () => (await reportsOf(demo)).sent >= first.sent + 20, {
            ...patient,
            what: 'reports to the second daemon',
          });
          expect(await lostWhile(demo, watchedMs)).toBe(0);

          // Whatever was taken is there: the store has as many spans as the input took, of both lives.
          const { lanes } = await daemon.status();
          const refused = lanes.flatMap(({ losses, outputs }) => [
            ...losses,
            ...outputs.flatMap(({ dropped }) => Object.values(dropped).filter((items) => items > 0)),
          ]);
          expect(refused).toEqual([]);
        } finally {
          await demo.stop();
          await daemon.end();
        }
      }),
    2 * watchedMs + 600_000,
  );
});
