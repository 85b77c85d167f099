import { readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { expect, test } from '@jest/globals';
import { describeWith } from '../components/needs.ts';
import { inTempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';
import { type Daemon, startDaemon } from './daemon.ts';

interface Item {
  readonly signal: string;
  readonly name?: string;
  readonly value?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly message?: string;
  readonly container?: string;
  readonly pod?: string;
  readonly namespace?: string;
}

interface Span {
  readonly id: string;
  readonly traceId: string;
  readonly parentId?: string;
  readonly kind: string;
  /** µs since 1970. */
  readonly timestamp: number;
  readonly localEndpoint: { readonly serviceName: string };
  readonly tags: Readonly<Record<string, string>>;
}

/** What the search for log lines answers. */
interface Found {
  readonly lines: readonly { readonly labels: { readonly container: string }; readonly traceId?: string }[];
}

/** The machine may be busy with other things. */
const patient = { withinMs: 120_000 };

/** Those of Istio's 25 that are never empty: an empty label is none. */
const standardLabels = [
  'reporter',
  ...['source', 'destination'].flatMap((end) =>
    [
      'workload',
      'canonical_service',
      'canonical_revision',
      'workload_namespace',
      'principal',
      'app',
      'version',
      'cluster',
    ].map((name) => `${end}_${name}`),
  ),
  'destination_service',
  'destination_service_name',
  'destination_service_namespace',
  'request_protocol',
  'response_code',
  'response_flags',
  'connection_security_policy',
];

async function itemsIn(file: string): Promise<Item[]> {
  const text = await readFile(file, 'utf8');
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

async function startWith(dir: string, environment: string): Promise<Daemon> {
  const demo = join(dir, 'data', 'demo');
  await mkdir(demo, { recursive: true });
  if (!readdirSync(demo).includes(basename(environment))) {
    symlinkSync(environment, join(demo, basename(environment)));
  }
  return startDaemon({
    dir,
    config: { 'file.conf': '[[outputs.file]]\n  path = "out.ndjson"\n' },
    args: ['--demo'],
    readyMs: 120_000,
  });
}

async function tracesOf(daemon: Daemon, service: string): Promise<Span[][]> {
  const answer = await fetch(`${daemon.url}/api/v2/traces?serviceName=${service}&limit=50`);
  return JSON.parse(await answer.text());
}

/** A page with stars. (Where ratings fails, its own lines name the trace too.) */
function isWholeAndGood(trace: readonly Span[]): boolean {
  return trace.length === 9 && trace.every(({ tags }) => tags['error'] === undefined);
}

/** `CLIENT reviews.default` for each span from the root down to the one that serves `service`. */
function pathTo(trace: readonly Span[], service: string): string[] {
  const path: Span[] = [];
  let at = trace.find((span) => span.kind === 'SERVER' && span.localEndpoint.serviceName === service);
  while (at !== undefined) {
    path.unshift(at);
    at = trace.find(({ id }) => id === path[0]?.parentId);
  }
  return path.map(({ kind, localEndpoint }) => `${kind} ${localEndpoint.serviceName}`);
}

/** Processes whose command line names this folder. */
function processesOf(dir: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(dir);
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** The guards see a moment later than the daemon does that what they guarded has ended. */
async function allEnded(dir: string): Promise<void> {
  await until(() => processesOf(dir).length === 0, { ...patient, what: 'the end of all processes' });
}

describeWith('envoy', (environment) => {
  test(
    'a page of the demo is one whole trace, a line in every access log, and a count at both ends of each call',
    () =>
      inTempDir(async (dir) => {
        const daemon = await startWith(dir, environment);
        try {
          const trace = await until(async () => (await tracesOf(daemon, 'ratings.default')).find(isWholeAndGood), {
            ...patient,
            what: 'a trace of nine spans',
          });
          expect(pathTo(trace, 'ratings.default')).toEqual([
            'SERVER istio-ingressgateway.istio-system',
            'CLIENT istio-ingressgateway.istio-system',
            'SERVER productpage.default',
            'CLIENT productpage.default',
            'SERVER reviews.default',
            'CLIENT reviews.default',
            'SERVER ratings.default',
          ]);
          expect(trace.filter(({ parentId }) => parentId === undefined)).toHaveLength(1);

          const out = join(dir, 'data', 'out.ndjson');
          const traceId = trace[0]?.traceId ?? '';
          const access = await until(
            async () => {
              const lines = (await itemsIn(out)).filter(
                ({ signal, container, message = '' }) =>
                  signal === 'logs' && container === 'istio-proxy' && message.includes(traceId),
              );
              return lines.length >= 8 ? lines : undefined;
            },
            { ...patient, what: 'the lines of that trace' },
          );
          // Each call is reported by both of its ends, the first by the gateway and productpage.
          expect(access).toHaveLength(8);
          expect(
            new Set(access.map(({ namespace, pod }) => `${namespace}/${pod?.replace(/(-v\d)?-[^-]+-[^-]+$/, '')}`)),
          ).toEqual(
            new Set([
              'istio-system/istio-ingressgateway',
              'default/productpage',
              'default/details',
              'default/reviews',
              'default/ratings',
            ]),
          );

          const lines = await until(
            async () => {
              const answer = await fetch(`${daemon.url}/api/native/logs/search?text=${traceId}`);
              const found: Found = JSON.parse(await answer.text());
              return found.lines.length >= 10 ? found.lines : undefined;
            },
            { ...patient, what: 'the lines of that trace, from the store' },
          );
          expect(lines.map(({ labels }) => labels.container).sort()).toEqual([
            ...Array.from({ length: 8 }, () => 'istio-proxy'),
            'productpage',
            'reviews',
          ]);
          expect(lines.every((line) => line.traceId === traceId)).toBe(true);

          for (const reporter of ['source', 'destination']) {
            const { labels = {} } = await until(
              async () =>
                (await itemsIn(out)).find(
                  ({ name, labels: own }) =>
                    name === 'istio_requests_total' &&
                    own?.['reporter'] === reporter &&
                    own['destination_service'] === 'ratings.default.svc.cluster.local',
                ),
              { ...patient, what: `istio_requests_total of the ${reporter}` },
            );
            expect(Object.keys(labels)).toEqual(expect.arrayContaining(standardLabels));
            expect(labels['destination_workload']).toMatch(/^ratings-v[12]$/);
          }
          const sample = await until(
            async () => (await itemsIn(out)).find(({ name }) => name === 'envoy_cluster_upstream_rq_total'),
            { ...patient, what: 'a sample of Envoy' },
          );
          expect(sample.labels).toMatchObject({ namespace: expect.any(String), pod: expect.any(String) });

          const refused = (await itemsIn(out)).filter(
            ({ name = '', value = 0 }) => /^envoy_tracing_zipkin_reports_(dropped|failed)$/.test(name) && value > 0,
          );
          expect(refused).toEqual([]);
          const status = await daemon.status();
          const dropped = status.lanes.flatMap((lane) =>
            lane.outputs.flatMap((output) => Object.entries(output.dropped)),
          );
          expect(dropped.filter(([, items]) => items > 0)).toEqual([]);
        } finally {
          expect(await daemon.end()).toBe(0);
        }
        await allEnded(dir);
      }),
    600_000,
  );

  test(
    'kill -9 of the daemon leaves no process behind, and the next start has the same mesh again',
    () =>
      inTempDir(async (dir) => {
        const first = await startWith(dir, environment);
        const [place = ''] = await until(() => /http:\S+:\d+(?=\/productpage)/.exec(first.output()), {
          ...patient,
          what: 'the banner',
        });
        expect((await fetch(`${place}/productpage`)).status).toBe(200);
        // The daemon, the mesh, nine Envoys and their guards.
        expect(processesOf(dir).length).toBeGreaterThanOrEqual(9);
        process.kill(first.pid, 'SIGKILL');
        expect(await first.exited).toBe('SIGKILL');
        await allEnded(dir);

        const startedMicros = Date.now() * 1000;
        const second = await startWith(dir, environment);
        try {
          const isNew = (trace: readonly Span[]) => trace.every(({ timestamp }) => timestamp > startedMicros);
          await until(async () => (await tracesOf(second, 'ratings.default')).some(isNew), {
            ...patient,
            what: 'a trace of the second mesh',
          });
          const pods = readdirSync(join(dir, 'data', 'demo', 'pods'));
          expect(pods).toHaveLength(9);
        } finally {
          expect(await second.end()).toBe(0);
        }
        await allEnded(dir);
      }),
    600_000,
  );
});
