import { appendFileSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { turns } from '../../../test/fakes/clock.ts';
import { fakeInputRuntime } from '../../../test/fakes/input-runtime.ts';
import { linesOf, PodLogs } from '../../../test/fakes/pod-logs.ts';
import { inTempDir } from '../../../test/fakes/temp-dir.ts';
import { until } from '../../../test/fakes/until.ts';
import { NodePods, podOf } from '../../kube/kube.ts';
import { defineContainer } from './container.ts';
import { FileTree } from './file-tree.ts';
import { volumePathOf } from './volume-path.ts';

interface Said {
  readonly logs: string;
  readonly subPath?: string;
  readonly hash?: string;
}

function pod({ logs, subPath, hash }: Said) {
  const found = podOf({
    metadata: {
      uid: 'u1',
      name: 'web-1',
      namespace: 'prod',
      labels: { app: 'web' },
      annotations: { 'datakit/logs': logs, ...(hash !== undefined && { 'kubernetes.io/config.hash': hash }) },
    },
    spec: {
      volumes: [
        { name: 'data', emptyDir: {} },
        { name: 'host', hostPath: { path: '/' } },
      ],
      containers: [
        {
          name: 'app',
          volumeMounts: [
            { name: 'data', mountPath: '/var/log/app', subPath },
            { name: 'host', mountPath: '/var/log/app/node' },
          ],
        },
      ],
    },
  });
  if (found === undefined) {
    throw new Error('it is no pod');
  }
  return found;
}

const podsOf = (said: Said): NodePods => {
  const pods = new NodePods();
  pods.put(pod(said));
  return pods;
};

function file(kubeletRoot: string, name: string, text = 'x\n', uid = 'u1'): string {
  const path = join(kubeletRoot, 'pods', uid, 'volumes/kubernetes.io~empty-dir/data', name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}

async function found(kubeletRoot: string, said: Said): Promise<readonly string[]> {
  const { logs, problems } = await new FileTree({ pods: podsOf(said), kubeletRoot }).look();
  expect(problems).toEqual([]);
  return logs
    .map(({ path, files }) => `${decodeURIComponent(path)}: ${files.map(({ name }) => name).join(' ')}`)
    .sort();
}

const named = (path: string): string => JSON.stringify([{ type: 'file', path }]);

describe('a path inside a container', () => {
  test('is that of an emptyDir of its pod, or none', () => {
    const of = (path: string, subPath?: string) =>
      volumePathOf(pod({ logs: '[]', ...(subPath && { subPath }) }), 'app', path);
    expect(of('/var/log/app/a/*.log', 'sub/x')).toEqual({
      volume: 'data',
      mountPath: '/var/log/app',
      below: ['sub', 'x'],
      pattern: ['a', '*.log'],
    });
    expect(of('/var/log/app/node/etc/shadow')).toBeUndefined();
    expect(of('/var/log/app/../x')).toBeUndefined();
    expect(of('/var/log/app/a', '../other')).toBeUndefined();
    expect(of('/var/log/other.log')).toBeUndefined();
    expect(of('/var/log/app')).toBeUndefined();
  });
});

describe('files that annotations name', () => {
  test('are found by name and pattern, with what was rotated away from them', async () => {
    await inTempDir(async (root) => {
      for (const name of ['a.log', 'a.log.1', 'b.log', 'deep/c.log', 'note.txt']) {
        file(root, name);
      }
      expect(await found(root, { logs: named('/var/log/app/a.log') })).toEqual([
        'prod_web-1_u1/app/files//var/log/app/a.log: a.log.1 a.log',
      ]);
      expect(await found(root, { logs: named('/var/log/app/*') })).toEqual([
        'prod_web-1_u1/app/files//var/log/app/a.log: a.log.1 a.log',
        'prod_web-1_u1/app/files//var/log/app/b.log: b.log',
        'prod_web-1_u1/app/files//var/log/app/note.txt: note.txt',
      ]);
      expect(await found(root, { logs: named('/var/log/app/d*/?.log') })).toEqual([
        'prod_web-1_u1/app/files//var/log/app/deep/c.log: c.log',
      ]);
      expect(await found(root, { logs: named('/var/log/app/c.log'), subPath: 'deep' })).toHaveLength(1);
      expect(await found(root, { logs: named('/var/log/app/none.log') })).toEqual([]);
    });
  });

  test('of a static pod lie under the hash of its configuration', async () => {
    await inTempDir(async (root) => {
      file(root, 'a.log', 'x\n', 'c0ffee');
      expect(await found(root, { logs: named('/var/log/app/a.log'), hash: 'c0ffee' })).toEqual([
        'prod_web-1_c0ffee/app/files//var/log/app/a.log: a.log',
      ]);
    });
  });

  test('are no links, nor do links lead to them', async () => {
    await inTempDir(async (root) => {
      const own = file(root, 'a.log');
      const secret = join(root, 'secret.log');
      writeFileSync(secret, 'secret\n');
      symlinkSync(secret, join(dirname(own), 'link.log'));
      symlinkSync(root, join(dirname(own), 'linked'));
      expect(await found(root, { logs: named('/var/log/app/*.log') })).toEqual([
        'prod_web-1_u1/app/files//var/log/app/a.log: a.log',
      ]);
      expect(await found(root, { logs: named('/var/log/app/linked/secret.log') })).toEqual([]);
    });
  });

  test('that become links between the look and the opening are not read', async () => {
    await inTempDir(async (root) => {
      const own = file(root, 'deep/a.log', 'mine\n');
      const elsewhere = join(root, 'elsewhere');
      mkdirSync(elsewhere);
      writeFileSync(join(elsewhere, 'a.log'), 'secret\n');
      const { logs } = await new FileTree({
        pods: podsOf({ logs: named('/var/log/app/deep/a.log') }),
        kubeletRoot: root,
      }).look();
      const seen = logs[0]?.files[0];
      expect(seen?.path).toBe(own);
      renameSync(dirname(own), `${dirname(own)}-before`);
      symlinkSync(elsewhere, dirname(own));
      const { openFileWithin } = await import('./file-io.ts');
      expect(await openFileWithin(own, seen?.within ?? '')).toBeUndefined();
      expect(await openFileWithin(join(`${dirname(own)}-before`, 'a.log'), seen?.within ?? '')).toBeGreaterThan(0);
    });
  });
});

test('a file inside a container is read as its lines are, over rotation, beside stdout or in its place', async () => {
  await inTempDir(async (dir) => {
    const kubeletRoot = join(dir, 'kubelet');
    const logs = new PodLogs(join(dir, 'pods'), 'prod_web-1_u1/app');
    logs.write('of stdout');
    const path = file(kubeletRoot, 'a.log', '{"plain": 1}\n2026-11-21T09:39:00Z stdout F no line of a runtime\n');
    const entry = { type: 'file', path: '/var/log/app/*.log', source: 'files', tags: { team: 'a' } };
    const pods = podsOf({ logs: JSON.stringify([entry]) });
    const runtime = fakeInputRuntime();
    const definition = defineContainer({ pods });
    const input = definition.create(definition.config.parse({ root: logs.root, kubelet_root: kubeletRoot }), runtime);
    await input.start();
    const texts = () => runtime.emitted.flatMap(linesOf).map((line) => line.text);
    const next = async (text: string, write?: () => void): Promise<void> =>
      void (await until(async () => {
        write?.();
        await runtime.clock.advance(1_000);
        await turns(20);
        return texts().includes(text);
      }));
    await next('2026-11-21T09:39:00Z stdout F no line of a runtime');
    renameSync(path, `${path}.1`);
    appendFileSync(`${path}.1`, 'last of the first\n');
    writeFileSync(path, 'first of the next\n');
    await next('first of the next');
    expect(texts()).toEqual([
      '{"plain": 1}',
      '2026-11-21T09:39:00Z stdout F no line of a runtime',
      'last of the first',
      'first of the next',
    ]);
    const emission = runtime.emitted.at(-1);
    expect(emission?.origin).toMatchObject({ pod: 'web-1', container: 'app', app: 'web', source: 'files' });
    expect(emission?.edits?.add).toMatchObject({ team: 'a', service: 'files', inside_filepath: '/var/log/app/a.log' });

    pods.put(pod({ logs: '[{}]' }));
    await next('of stdout, from then on', () => logs.write('of stdout, from then on'));
    appendFileSync(path, 'not any more\n');
    await runtime.clock.advance(70_000);
    await turns(20);
    expect(texts()).not.toContain('not any more');
    expect(runtime.meter.value('meshbridge_log_missed_bytes_total')).toBe(0);
    expect([...runtime.positions('logs', 'container:').keys()]).toEqual([
      `container:${logs.root}:prod_web-1_u1/app/0.log`,
    ]);
    expect(texts()).not.toContain('of stdout');
    await input.stop();
  });
});
