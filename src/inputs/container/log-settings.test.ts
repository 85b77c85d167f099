import { describe, expect, test } from '@jest/globals';
import { fakeInputRuntime } from '../../../test/fakes/input-runtime.ts';
import { CollectorRig, PodLogs } from '../../../test/fakes/pod-logs.ts';
import { inTempDir } from '../../../test/fakes/temp-dir.ts';
import { NodePods, podOf } from '../../kube/kube.ts';
import { LogDescriber } from './log-description.ts';

const directory = 'prod_web-1_u1/app';

interface Said {
  readonly logs?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

function put(pods: NodePods, { logs, labels = {} }: Said): void {
  const pod = podOf({
    metadata: {
      uid: 'u1',
      name: 'web-1',
      namespace: 'prod',
      labels,
      annotations: logs === undefined ? {} : { 'datakit/logs': logs },
    },
    spec: { containers: [{ name: 'app' }] },
  });
  if (pod === undefined) {
    throw new Error('it is no pod');
  }
  pods.put(pod);
}

function rigOf(dir: string, pods: NodePods, runtime = fakeInputRuntime()): CollectorRig {
  return new CollectorRig(dir, { describer: new LogDescriber({ pods }) }, runtime);
}

describe('what is known of a pod', () => {
  test('goes with the lines from then on, and no line is lost or doubled by it', async () => {
    await inTempDir(async (dir) => {
      const pods = new NodePods();
      const logs = new PodLogs(dir, directory);
      const rig = rigOf(dir, pods);
      logs.write('1');
      await rig.turn();
      put(pods, { labels: { app: 'web', version: 'v1' } });
      logs.write('2');
      await rig.turn();
      logs.write('3');
      await rig.turn();
      expect(rig.texts).toEqual(['1', '2', '3']);
      const origins = rig.runtime.emitted.map(({ origin }) => [origin.pod, origin.app, origin.version]);
      expect(origins).toEqual([
        ['web-1', undefined, undefined],
        ['web-1', 'web', 'v1'],
        ['web-1', 'web', 'v1'],
      ]);
      expect(new Set(rig.runtime.emitted.map(({ position }) => position?.key)).size).toBe(1);
      await rig.stop();
    });
  });

  test('that was gone before its log was found is known all the same', async () => {
    await inTempDir(async (dir) => {
      const pods = new NodePods();
      put(pods, { labels: { app: 'job' } });
      pods.remove('u1');
      new PodLogs(dir, directory).write('done');
      const rig = rigOf(dir, pods);
      await rig.turn();
      expect(rig.texts).toEqual(['done']);
      expect(rig.runtime.emitted[0]?.origin.app).toBe('job');
      await rig.stop();
    });
  });

  test('of a Job that came and went unseen: its lines are read under what the path says', async () => {
    await inTempDir(async (dir) => {
      const rig = rigOf(dir, new NodePods());
      const logs = new PodLogs(dir, directory);
      logs.write('1', '2');
      await rig.look();
      logs.removePod();
      await rig.rest();
      expect(rig.texts).toEqual(['1', '2']);
      expect(rig.runtime.emitted[0]?.origin).toEqual({
        namespace: 'prod',
        pod: 'web-1',
        podUid: 'u1',
        container: 'app',
      });
      expect(rig.runtime.meter.value('meshbridge_log_missed_bytes_total')).toBe(0);
      await rig.stop();
    });
  });
});

test('a log of which nobody can tell what is wanted does not keep the others waiting, and is named once', async () => {
  await inTempDir(async (dir) => {
    const known = new LogDescriber();
    const describer = {
      describe: (path: string, nowMs: number) => {
        if (path.startsWith('prod_odd')) {
          throw new Error('odd');
        }
        return known.describe(path, nowMs);
      },
      forget: (path: string) => known.forget(path),
    };
    new PodLogs(dir, 'prod_odd_u0/app').write('0');
    new PodLogs(dir, directory).write('1');
    const rig = new CollectorRig(dir, { describer });
    await rig.turn();
    await rig.turn();
    expect(rig.texts).toEqual(['1']);
    expect(rig.runtime.log.at('error')).toHaveLength(1);
    await rig.stop();
  });
});

describe('a container that is disabled by its annotation', () => {
  test('is not read, and once that is taken back only from then on', async () => {
    await inTempDir(async (dir) => {
      const pods = new NodePods();
      const logs = new PodLogs(dir, directory);
      const rig = rigOf(dir, pods);
      logs.write('1');
      await rig.turn();
      put(pods, { logs: '[{"disable": true}]' });
      await rig.turn();
      logs.write('secret');
      await rig.rest();
      expect(rig.texts).toEqual(['1']);
      expect([...rig.collector.leftOut]).toEqual([[`${directory}/0.log`, 'datakit/logs disables it']]);
      expect(rig.collector.logs).toEqual([]);
      put(pods, {});
      await rig.turn();
      logs.write('2');
      await rig.turn();
      expect(rig.texts).toEqual(['1', '2']);
      await rig.stop();
    });
  });

  test('stays so in the next life, before anybody knows its pod, and is read from where that says so', async () => {
    await inTempDir(async (dir) => {
      const pods = new NodePods();
      put(pods, { logs: '[{"disable": true}]' });
      const logs = new PodLogs(dir, directory);
      logs.write('secret');
      const first = rigOf(dir, pods);
      await first.turn();
      const later = new NodePods();
      const next = rigOf(dir, later, first.runtime.restart());
      await next.rest();
      expect([...next.collector.leftOut.values()]).toEqual(['it was left out before, and its pod is not known yet']);
      put(later, {});
      await next.turn();
      logs.write('1');
      await next.turn();
      expect(next.texts).toEqual(['1']);
      const last = await next.crash();
      logs.write('2');
      await last.turn();
      expect(last.texts).toEqual(['2']);
      await first.stop();
      await last.stop();
    });
  });

  test('is noted again where the lane was full, and takes no step meanwhile', async () => {
    await inTempDir(async (dir) => {
      const pods = new NodePods();
      const logs = new PodLogs(dir, directory);
      const rig = rigOf(dir, pods);
      logs.write('1');
      await rig.turn();
      rig.runtime.overload();
      put(pods, { logs: '[{"disable": true}]' });
      logs.write('secret');
      await rig.turn();
      rig.runtime.recover();
      await rig.rest();
      expect(rig.texts).toEqual(['1']);
      expect([...rig.runtime.positions('logs', 'container:').values()]).toEqual(['{"v":1,"off":true}']);
      await rig.stop();
    });
  });

  test('has no position of an earlier life, and misses nothing when its files go', async () => {
    await inTempDir(async (dir) => {
      const pods = new NodePods();
      const logs = new PodLogs(dir, directory);
      const first = rigOf(dir, pods);
      logs.write('1');
      await first.turn();
      put(pods, { logs: '[{"disable": true}]' });
      logs.write('2');
      const next = await first.crash();
      await next.turn();
      expect([...next.runtime.positions('logs', 'container:').values()]).toEqual(['{"v":1,"off":true}']);
      logs.removePod();
      await next.pass(70_000);
      expect(next.collector.leftOut.size).toBe(0);
      expect(next.runtime.positions('logs', 'container:').size).toBe(0);
      expect(next.runtime.meter.value('meshbridge_log_missed_bytes_total')).toBe(0);
      await next.stop();
    });
  });
});

describe('a container with a limit', () => {
  test('that pauses is read later, and nothing of it is lost', async () => {
    await inTempDir(async (dir) => {
      const pods = new NodePods();
      put(pods, { logs: '[{"max_lines_per_second": 2}]' });
      const logs = new PodLogs(dir, directory);
      const rig = rigOf(dir, pods);
      logs.write('1', '2', '3', '4', '5', '6');
      await rig.turn();
      logs.write('7');
      await rig.turn();
      expect(rig.texts).toEqual(['1', '2', '3', '4', '5', '6']);
      expect(rig.collector.logs[0]?.pausedBy(rig.clock.now())).toBe('lines');
      expect(rig.runtime.meter.value('meshbridge_log_limit_pauses_total', { reason: 'lines' })).toBe(1);
      await rig.pass(2_500);
      expect(rig.texts).toEqual(['1', '2', '3', '4', '5', '6', '7']);
      expect(rig.runtime.drops).toEqual([]);
      await rig.stop();
    });
  });

  test('that samples keeps lines evenly, counts the others, and reads none of them twice', async () => {
    await inTempDir(async (dir) => {
      const pods = new NodePods();
      put(pods, { logs: '[{"max_lines_per_second": 2, "over_limit": "sample"}]' });
      const logs = new PodLogs(dir, directory);
      const first = rigOf(dir, pods);
      logs.write('1', '2', '3', '4', '5', '6', '7', '8');
      await first.turn();
      expect(first.texts).toEqual(['3', '7']);
      logs.write('9');
      await first.turn();
      expect(first.texts).toEqual(['3', '7']);
      expect(first.runtime.drops).toEqual([
        { signal: 'logs', items: 6, reason: 'rate_limit' },
        { signal: 'logs', items: 1, reason: 'rate_limit' },
      ]);
      expect(first.runtime.meter.value('meshbridge_log_limit_left_out_lines_total', { reason: 'lines' })).toBe(7);
      const next = await first.crash();
      await next.rest();
      expect(next.texts).toEqual([]);
      await next.stop();
    });
  });
});

test('lines have the time of the reading where that is wanted, each later than the one before', async () => {
  await inTempDir(async (dir) => {
    const logs = new PodLogs(dir, directory);
    logs.write('1', '2');
    const rig = new CollectorRig(dir, { times: 'read' });
    await rig.turn();
    logs.write('3');
    await rig.turn();
    const nowSeconds = Math.floor(rig.clock.now() / 1_000);
    const micros = rig.lines.map(({ time }) => Math.round((Number(time) - nowSeconds) * 1e6));
    const start = (rig.clock.now() % 1_000) * 1_000;
    expect(micros).toEqual([start, start + 1, start + 2]);
    await rig.stop();
  });
});
