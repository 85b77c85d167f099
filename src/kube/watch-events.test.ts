import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { podOf } from './pod.ts';
import { type WatchEvent, watchEvents } from './watch-events.ts';

async function eventsOf(...chunks: readonly (string | Buffer)[]): Promise<WatchEvent[]> {
  async function* source() {
    for (const chunk of chunks) {
      yield Buffer.from(chunk);
    }
  }
  const events: WatchEvent[] = [];
  for await (const event of watchEvents(source(), () => undefined)) {
    events.push(event);
  }
  return events;
}

const line = (version: string, name = 'p', type = 'ADDED') =>
  `${JSON.stringify({ type, object: { metadata: { resourceVersion: version, name } } })}\n`;

describe('the lines of a watch', () => {
  test('are the same events however they are cut into chunks, in the middle of a character too', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: 'grapheme', maxLength: 8 }), { minLength: 1, maxLength: 5 }),
        fc.array(fc.nat(400), { maxLength: 6 }),
        async (names, cuts) => {
          const bytes = Buffer.from(names.map((name, i) => line(String(i), name)).join(''));
          const places = [0, ...cuts.map((cut) => cut % bytes.length).sort((a, b) => a - b), bytes.length];
          const chunks = places.slice(1).map((end, i) => bytes.subarray(places[i], end));
          const events = await eventsOf(...chunks);
          expect(events.map(({ object, resourceVersion }) => [resourceVersion, object])).toEqual(
            names.map((name, i) => [String(i), { metadata: { resourceVersion: String(i), name } }]),
          );
        },
      ),
      { numRuns: 200 },
    ));

  test('that are empty are skipped, and one that does not end with the connection is none', async () => {
    expect(await eventsOf('\n', line('1'), '\r\n', '{"type":"ADD')).toHaveLength(1);
  });

  test.each([
    ['no JSON', 'x\n'],
    ['no event', '{"kind":"Pod"}\n'],
    ['an unknown type', line('1', 'p', 'MOVED')],
    ['no version', '{"type":"ADDED","object":{"metadata":{}}}\n'],
  ])('with %s end it', async (_, text) => {
    await expect(eventsOf(text)).rejects.toThrow();
  });

  test('that never end, end it', async () => {
    const chunk = 'x'.repeat(4 * 1024 * 1024);
    await expect(eventsOf(chunk, chunk, chunk, chunk, chunk)).rejects.toThrow('does not end');
  });

  test('with an error carry its code', async () => {
    const text = '{"type":"ERROR","object":{"kind":"Status","code":410,"message":"too old"}}\n';
    await expect(eventsOf(line('1'), text)).rejects.toMatchObject({ status: 410, message: 'too old' });
  });
});

describe('a pod', () => {
  const metadata = { uid: 'u', name: 'details-v1-7d9f-x', namespace: 'prod' };

  test('is read from what Kubernetes writes, nulls and absent parts included', () => {
    const bare = { metadata: { ...metadata, labels: null }, spec: { containers: null }, status: null };
    expect(podOf(bare)).toEqual({
      uid: 'u',
      namespace: 'prod',
      name: 'details-v1-7d9f-x',
      node: '',
      ips: [],
      phase: '',
      deleting: false,
      labels: {},
      annotations: {},
      containers: [],
    });
  });

  test('has all its addresses, its ports by container, and the workload that it belongs to', () => {
    const pod = podOf({
      metadata: {
        ...metadata,
        deletionTimestamp: '2026-11-21T12:00:00Z',
        labels: { 'pod-template-hash': '7d9f' },
        ownerReferences: [{ kind: 'ReplicaSet', name: 'details-v1-7d9f', controller: true }],
      },
      spec: {
        nodeName: 'node-1',
        containers: [{ name: 'details', ports: [{ containerPort: 9080, name: 'http' }, { containerPort: 1 }] }],
        initContainers: [{ name: 'istio-proxy', restartPolicy: 'Always' }, { name: 'istio-init' }],
      },
      status: { phase: 'Running', podIP: '10.0.0.1', podIPs: [{ ip: '10.0.0.1' }, { ip: 'fd00::1' }] },
    });
    expect(pod).toMatchObject({
      ips: ['10.0.0.1', 'fd00::1'],
      deleting: true,
      workload: 'details-v1',
      containers: [
        { name: 'details', kind: 'main', ports: [{ name: 'http', number: 9080 }, { number: 1 }] },
        { name: 'istio-proxy', kind: 'sidecar', ports: [] },
        { name: 'istio-init', kind: 'init', ports: [] },
      ],
    });
  });

  test('of a StatefulSet has that for its workload, and one of nobody none', () => {
    const owned = { ...metadata, ownerReferences: [{ kind: 'StatefulSet', name: 'db', controller: true }] };
    expect(podOf({ metadata: owned, spec: {} })?.workload).toBe('db');
    expect(podOf({ metadata, spec: {} })).not.toHaveProperty('workload');
  });

  test.each([
    ['CronJob', 'backup', 'backup-29412345'],
    ['CronJob', 'backup', 'backup-1795245600'],
    ['Job', 'backup-20261121', 'backup-20261121'],
    ['Job', 'migrate-7f2ab', 'migrate-7f2ab'],
  ])('of a Job belongs to the %s %s where the Job is called %s', (workloadKind, workload, job) => {
    const owned = { ...metadata, ownerReferences: [{ kind: 'Job', name: job, controller: true }] };
    expect(podOf({ metadata: owned, spec: {} })).toMatchObject({ workload, workloadKind });
  });

  test('has the image, the instances, the volumes and the settings for logs of its containers', () => {
    const pod = podOf({
      metadata,
      spec: {
        volumes: [
          { name: 'data', emptyDir: {} },
          { name: 'host', hostPath: { path: '/' } },
        ],
        containers: [
          {
            name: 'app',
            image: 'example.test/app:1',
            env: [
              { name: 'OTHER', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
              { name: 'DATAKIT_LOGS_CONFIG', value: '[]' },
            ],
            volumeMounts: [{ name: 'data', mountPath: '/data', subPath: 'logs' }],
          },
        ],
        ephemeralContainers: [{ name: 'debugger', image: 'busybox' }],
      },
      status: {
        containerStatuses: [
          {
            name: 'app',
            containerID: 'containerd://0b7c',
            restartCount: 2,
            lastState: { terminated: { containerID: 'containerd://0a11' } },
          },
        ],
        ephemeralContainerStatuses: [{ name: 'debugger', containerID: 'containerd://0d00' }],
      },
    });
    expect(pod?.emptyDirs).toEqual(['data']);
    expect(pod?.containers).toEqual([
      {
        name: 'app',
        ports: [],
        kind: 'main',
        image: 'example.test/app:1',
        logsConfig: '[]',
        mounts: [{ volume: 'data', path: '/data', subPath: 'logs' }],
        id: '0b7c',
        restarts: 2,
        previousId: '0a11',
      },
      { name: 'debugger', ports: [], kind: 'init', image: 'busybox', id: '0d00', restarts: 0 },
    ]);
  });

  test('is not made of anything else, and nothing throws', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        expect(podOf(value)).toBeUndefined();
        podOf({ metadata, spec: value, status: value });
      }),
      { numRuns: 500 },
    );
  });
});
