import { appendFileSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { describeInput, readsAlone } from '../../../test/contracts/input-contract.ts';
import { turns } from '../../../test/fakes/clock.ts';
import type { FakeInputRuntime } from '../../../test/fakes/input-runtime.ts';
import { fakeInputRuntime } from '../../../test/fakes/input-runtime.ts';
import { linesOf, PodLogs } from '../../../test/fakes/pod-logs.ts';
import { inTempDir } from '../../../test/fakes/temp-dir.ts';
import { until } from '../../../test/fakes/until.ts';
import { systemClock } from '../../lib/clock.ts';
import { container } from './container.ts';

async function nudge(runtime: FakeInputRuntime): Promise<void> {
  await runtime.clock.advance(1_000);
  await turns(20);
}

describeInput(
  {
    definition: container,
    source: async ({ dir }) => {
      const logs = new PodLogs(dir);
      return {
        config: { root: dir },
        send: async (id) => {
          logs.write(id);
          return 'accepted';
        },
        sendGarbage: async () => {
          logs.append('no line of a runtime\n');
          return 'accepted';
        },
        nudge,
        close: async () => undefined,
      };
    },
    ids: (emission) => linesOf(emission).map((line) => line.text),
    count: (emission) => linesOf(emission).length,
  },
  {
    ...readsAlone('a file has no sender that waits for an answer'),
    'refuses garbage and goes on': 'a line of no known format is a line of the log all the same, and is kept as it is',
  },
);

describe('the container input', () => {
  test('reads what comes within moments, in new pods too, on the clock of the system', async () => {
    await inTempDir(async (dir) => {
      const runtime = { ...fakeInputRuntime(), clock: systemClock };
      const texts = (): readonly string[] => runtime.emitted.flatMap(linesOf).map((line) => line.text);
      const input = container.create(container.config.parse({ root: dir, poll_interval: '20ms' }), runtime);
      await input.start();
      const logs = new PodLogs(dir);
      logs.write('1');
      await until(() => texts().includes('1'));
      logs.write('2');
      await until(() => texts().includes('2'));
      logs.rotate();
      logs.write('3');
      await until(() => texts().includes('3'));
      await input.stop();
      expect(texts()).toEqual(['1', '2', '3']);
    });
  });

  test('shows files with their state, offsets and lag, and counts them by state', async () => {
    await inTempDir(async (dir) => {
      const runtime = fakeInputRuntime();
      const logs = new PodLogs(dir);
      logs.write('1', '2');
      const input = container.create(container.config.parse({ root: dir }), runtime);
      await input.start();
      await until(() => runtime.emitted.length > 0);
      expect(input.status?.()).toMatchObject({
        root: dir,
        logs: 1,
        lines: 2,
        lagBytes: 0,
        fileCounts: { active: 1, rotated: 0 },
        files: [{ namespace: 'default', pod: 'web-1', container: 'app', state: 'active', lagBytes: 0 }],
      });
      expect(runtime.meter.value('meshbridge_log_files', { state: 'active' })).toBe(1);
      await input.stop();
    });
  });

  test("reads docker's logs of a node whose file system is mounted elsewhere, over rotation, and keeps its place under the node's own path", async () => {
    await inTempDir(async (dir) => {
      const node = join(dir, 'rootfs');
      const logs = new PodLogs(join(node, 'var/log/pods'));
      const docker = join(node, 'data/docker/containers/id');
      mkdirSync(docker, { recursive: true });
      mkdirSync(join(node, 'var/lib'));
      symlinkSync('/data/docker', join(node, 'var/lib/docker'));
      const own = (text: string): string =>
        `${JSON.stringify({ log: `${text}\n`, stream: 'stdout', time: '2026-11-21T09:39:00.5Z' })}\n`;
      const active = join(docker, 'id-json.log');
      writeFileSync(active, own('1'));
      symlinkSync('/var/lib/docker/containers/id/id-json.log', logs.path());
      const runtime = fakeInputRuntime();
      const config = container.config.parse({ host_root: node, poll_interval: '20ms' });
      const input = container.create(config, runtime);
      await input.start();
      const texts = () => runtime.emitted.flatMap(linesOf).map((line) => line.text);
      await until(() => texts().length === 1);
      renameSync(active, `${active}.1`);
      appendFileSync(`${active}.1`, own('2'));
      writeFileSync(active, own('3'));
      await until(async () => {
        await nudge(runtime);
        return texts().includes('3');
      });
      expect(texts()).toEqual(['1', '2', '3']);
      expect([...runtime.positions('logs', 'container:/var/log/pods:').keys()]).toHaveLength(1);
      await input.stop();
    });
  });

  test('waits for a root that is not there yet, and says so once', async () => {
    await inTempDir(async (dir) => {
      const root = join(dir, 'later');
      const runtime = fakeInputRuntime();
      const input = container.create(container.config.parse({ root }), runtime);
      await input.start();
      await nudge(runtime);
      await nudge(runtime);
      expect(runtime.log.at('warn')).toHaveLength(1);
      expect(input.status?.()).toMatchObject({ problem: `${root} is not there` });
      new PodLogs(root).write('1');
      await until(async () => {
        await nudge(runtime);
        return runtime.emitted.length > 0;
      });
      await input.stop();
    });
  });

  test('reads only what the filters want, DataKit’s among them', async () => {
    await inTempDir(async (dir) => {
      for (const path of ['prod-a_web_1/app', 'prod-a_web_1/istio-proxy', 'dev_web_2/app', 'prod-b_job_3/app']) {
        new PodLogs(dir, path).write(path);
      }
      const runtime = fakeInputRuntime();
      const config = {
        root: dir,
        exclude: ['*/*/istio-*'],
        container_include_log: ['namespace:prod-?', 'image:*'],
        container_exclude_log: ['namespace:prod-b'],
      };
      const input = container.create(container.config.parse(config), runtime);
      await input.start();
      await until(() => runtime.emitted.length > 0);
      await nudge(runtime);
      await input.stop();
      expect(runtime.emitted.flatMap(linesOf).map((line) => line.text)).toEqual(['prod-a_web_1/app']);
      expect(input.warnings?.()).toEqual([
        'container_include_log and container_exclude_log: without effect is image:*; images and workloads are known in a cluster alone',
      ]);
    });
  });

  test('adds the tags of its table', async () => {
    await inTempDir(async (dir) => {
      new PodLogs(dir).write('1');
      const runtime = fakeInputRuntime();
      const input = container.create(container.config.parse({ root: dir, tags: { env: 'test' } }), runtime);
      await input.start();
      await until(() => runtime.emitted.length > 0);
      await input.stop();
      expect(runtime.emitted[0]?.edits).toEqual({ add: { env: 'test' } });
    });
  });

  test('does not begin where a pattern of what is to be hidden is none', async () => {
    await inTempDir(async (dir) => {
      const config = container.config.parse({ root: dir, redact: [{ name: 'mine', pattern: '(' }] });
      const input = container.create(config, fakeInputRuntime());
      await expect(input.start()).rejects.toThrow(/^\[\[inputs\.container\]\] redact\[0\]/);
      await input.stop();
    });
  });

  test('leaves alone what is no log of a container', async () => {
    await inTempDir(async (dir) => {
      const logs = new PodLogs(dir);
      for (const name of ['notes.txt', '0.log.20261121-000001.tmp', '.log', '0.log.']) {
        writeFileSync(logs.path(name), logs.line('never'));
      }
      mkdirSync(logs.path('1.log'));
      mkdirSync(join(dir, 'no-pod-directory', 'app'), { recursive: true });
      writeFileSync(join(dir, 'no-pod-directory', 'app', '0.log'), logs.line('never'));
      appendFileSync(logs.path('2.log'), logs.line('read'));
      const runtime = fakeInputRuntime();
      const input = container.create(container.config.parse({ root: dir }), runtime);
      await input.start();
      await until(() => runtime.emitted.length > 0);
      await nudge(runtime);
      await input.stop();
      expect(runtime.emitted.flatMap(linesOf).map((line) => line.text)).toEqual(['read']);
      expect(runtime.log.at('warn')).toEqual([]);
    });
  });

  test('runs by default where the kubelet’s directory can be read', () => {
    const where = (readable: boolean) => ({ inCluster: false, readableDir: () => readable });
    expect(container.byDefault?.(where(true))).toEqual({});
    expect(container.byDefault?.(where(false))).toBeUndefined();
  });
});
