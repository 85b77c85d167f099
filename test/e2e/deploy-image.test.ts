import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { describeWith } from '../components/needs.ts';
import { type TempDir, tempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';
import { type BuiltImage, buildImage } from './container-image.ts';
import type { KubernetesObject } from './kubernetes-schema.ts';
import { type PodContainer, type PodOptions, runPod } from './pod-container.ts';

const top = join(import.meta.dirname, '../..');

function objectsOf(file: string): readonly KubernetesObject[] {
  return parseAllDocuments(readFileSync(join(top, file), 'utf8')).map((document) => document.toJS());
}

const ours = objectsOf('deploy/kubernetes/meshbridge.yaml');
const dataKits = objectsOf('test/fixtures/datakit.yaml');
const span = (id: string): string => JSON.stringify([{ traceId: id, id, name: 'get', timestamp: Date.now() * 1000 }]);

describeWith('buildah', (buildah) => {
  describeWith('runc', (runc) =>
    describeWith('ip', (ip) => {
      let built: TempDir;
      let image: BuiltImage;
      let dir: TempDir;
      let pod: PodContainer | undefined;

      beforeAll(async () => {
        built = await tempDir();
        image = buildImage(buildah, built.path);
      }, 240_000);

      afterAll(async () => {
        image?.remove();
        await built.remove();
      }, 180_000);

      afterEach(async () => {
        await pod?.end('SIGKILL');
        pod = undefined;
        await dir?.remove();
      }, 180_000);

      async function start(
        kind: string,
        objects: readonly KubernetesObject[],
        more: Partial<PodOptions> = {},
      ): Promise<PodContainer> {
        const workload = objects.find((object) => object.kind === kind);
        if (workload === undefined) {
          throw new Error(`there is no ${kind}`);
        }
        dir = await tempDir();
        const node = join(dir.path, 'node');
        await layLogs(node);
        return runPod({ runc, ip, image, workload, objects, node, dir: join(dir.path, 'pod'), ...more });
      }

      const ready = (path = '/-/ready') =>
        until(() => pod?.fetch(`http://127.0.0.1:9529${path}`).status === 200, { withinMs: 60_000, what: path });

      describe('the image', () => {
        test('is at most 90 MB to pull', () => {
          const bytes = image.compressedBytes();
          expect(bytes).toBeGreaterThan(20e6);
          expect(bytes).toBeLessThan(90e6);
        }, 120_000);

        test('has no shell, no package manager and nothing for development', () => {
          const paths = readdirSync(image.root, { recursive: true, encoding: 'utf8' });
          const programs = new Set(paths.map((path) => path.split('/').at(-1)));
          for (const name of ['sh', 'bash', 'dash', 'busybox', 'npm', 'npx', 'apt-get']) {
            expect(programs).not.toContain(name);
          }
          for (const name of ['typescript', 'jest', 'vite', 'node']) {
            expect(paths).not.toContain(`opt/meshbridge/node_modules/${name}`);
          }
          expect(paths).toContain('opt/meshbridge/dist/main.js');
        });

        test('says what is in it: every package that is there is in its SBOM', () => {
          const sbom = JSON.parse(readFileSync(join(image.root, 'opt/meshbridge/sbom.spdx.json'), 'utf8'));
          const listed = new Set(sbom.packages.map(({ name }: { name: string }) => name));
          const modules = join(image.root, 'opt/meshbridge/node_modules');
          const there = readdirSync(modules)
            .flatMap((name) =>
              name.startsWith('@') ? readdirSync(join(modules, name)).map((one) => `${name}/${one}`) : [name],
            )
            .filter((name) => existsSync(join(modules, name, 'package.json')));
          expect(there.length).toBeGreaterThan(20);
          expect([...there, 'node'].filter((name) => !listed.has(name))).toEqual([]);
        });

        test('names no volume, so that only what is mounted counts as one', () => {
          expect(image.config.Volumes).toBeUndefined();
          expect(image.config.User ?? '').toBe('');
        });
      });

      test('an agent runs as root without any capability on a read-only root, reads what is root’s alone, and takes spans of strangers', async () => {
        const objects = ours.filter(({ metadata }) => metadata.name !== 'meshbridge-to-hub');
        pod = await start('DaemonSet', objects);
        await ready();
        const status = readFileSync(`/proc/${pod.pid()}/status`, 'utf8');
        for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) {
          expect(status).toMatch(new RegExp(`^${set}:\\s+0+$`, 'm'));
        }
        expect(status).toMatch(/^NoNewPrivs:\s+1$/m);

        pod.addAddress('10.1.2.3');
        for (const [index, port] of [9529, 9411].entries()) {
          const id = `00000000000000a${index}`;
          const init = { method: 'POST', body: span(id) };
          expect(pod.fetch(`http://10.1.2.3:${port}/api/v2/spans`, init).status).toBe(202);
          await until(() => pod?.fetch(`http://127.0.0.1:9529/api/v2/trace/${id}`).status === 200, {});
        }
        for (const path of ['/metrics', '/api/v2/services', '/api/native/status', '/api/v1/query?query=up']) {
          const refused = pod.fetch(`http://10.1.2.3:9529${path}`);
          expect(refused).toMatchObject({ status: 401, body: expect.stringContaining('[server] t') });
        }
        for (const message of ['from containerd', 'from docker']) {
          const url = `http://127.0.0.1:9529/api/native/logs/search?limit=10&text=${encodeURIComponent(message)}`;
          await until(() => pod?.fetch(url).body.includes(message), { what: message });
        }
        expect(await pod.end()).toBe(0);
        expect(readdirSync(join(dir.path, 'node/var/lib/meshbridge'))).toEqual(
          expect.arrayContaining(['queue', 'store']),
        );
      }, 120_000);

      test('the hub runs as nobody in particular, and keeps its data on its volume', async () => {
        pod = await start('StatefulSet', ours);
        await ready();
        expect(readFileSync(`/proc/${pod.pid()}/status`, 'utf8')).toMatch(/^Uid:\s+65532\s+65532/m);
        expect(pod.fetch('http://127.0.0.1:9529/').body).toContain('<!doctype html>');
        expect(await pod.end()).toBe(0);
        expect(readdirSync(join(dir.path, 'node/volumes/data'))).toEqual(
          expect.arrayContaining(['queue', 'store', 'token']),
        );
      }, 120_000);

      test('DataKit’s own manifest with only the image changed lives: its probes, files, data directory and the node’s logs', async () => {
        pod = await start('DaemonSet', dataKits);
        await ready('/v1/health');
        await ready('/v1/ping');
        await until(() => pod?.output().includes('runs\n'), { what: 'the banner' });
        const said = pod.output();
        expect(said).toMatch(/data +\/usr\/local\/datakit\/cache/);
        expect(said).toMatch(/config +conf.d.prom.prom_istiod.conf, conf.d.zipkin.zipkin.conf$/m);
        expect(said.match(/known from DataKit and not used yet/g)).toHaveLength(2);
        expect(readdirSync(join(dir.path, 'node/root/datakit_cache'))).toEqual(
          expect.arrayContaining(['queue', 'store']),
        );

        pod.addAddress('10.1.2.3');
        for (const [index, version] of ['v1', 'v2'].entries()) {
          const id = `00000000000000b${index}`;
          const init = { method: 'POST', body: span(id) };
          expect(pod.fetch(`http://10.1.2.3:9529/api/${version}/spans`, init).status).toBe(202);
        }
        expect(pod.fetch('http://10.1.2.3:9529/metrics').status).toBe(401);
        for (const message of ['from containerd', 'from docker']) {
          const url = `http://127.0.0.1:9529/api/native/logs/search?limit=10&text=${encodeURIComponent(message)}`;
          await until(() => pod?.fetch(url).body.includes(message), { what: message });
        }
        const { inputs } = JSON.parse(pod.fetch('http://127.0.0.1:9529/api/native/status').body);
        expect(inputs).toContainEqual(expect.objectContaining({ type: 'container' }));
        expect(await pod.end()).toBe(0);
      }, 120_000);

      test('under a runtime that forbids clone3 it ends with a line that says what to do, and runs with the overlay for those', async () => {
        pod = await start('DaemonSet', ours, { oldRuntime: true });
        expect(await pod.exited).toBe(78);
        expect(pod.output()).toContain('components/old-runtime');
        await dir.remove();

        const daemonSet = structuredClone(ours.find(({ kind }) => kind === 'DaemonSet')) as KubernetesObject;
        daemonSet['spec'].template.spec.containers[0].securityContext.seccompProfile.type = 'Unconfined';
        pod = await start('DaemonSet', [daemonSet], { oldRuntime: true });
        await ready();
      }, 120_000);
    }),
  );
});

/** A log of containerd, and one of docker's behind two absolute links, readable for root alone. */
async function layLogs(node: string): Promise<void> {
  const time = new Date().toISOString().replace('Z', '000000Z');
  const plain = join(node, 'var/log/pods/prod_web-1_7d1f/app');
  const linked = join(node, 'var/log/pods/prod_web-2_7d20/app');
  const docker = join(node, 'var/lib/docker/containers/abc');
  for (const folder of [plain, linked, docker]) {
    mkdirSync(folder, { recursive: true });
  }
  writeFileSync(join(plain, '0.log'), `${time} stdout F from containerd\n`, { mode: 0o640 });
  writeFileSync(join(docker, 'abc-json.log'), `${JSON.stringify({ log: 'from docker\n', stream: 'stdout', time })}\n`, {
    mode: 0o640,
  });
  symlinkSync('/var/lib/docker/containers/abc/abc-json.log', join(linked, '0.log'));
  for (const folder of [join(node, 'var/log/pods'), plain, linked, docker]) {
    chmodSync(folder, 0o750);
    spawnSync('chown', ['0:0', folder]);
  }
}
