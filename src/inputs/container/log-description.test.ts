import { describe, expect, test } from '@jest/globals';
import { NodePods, type Pod, podOf } from '../../kube/kube.ts';
import { type DescriberOptions, LogDescriber } from './log-description.ts';

interface Said {
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly containers?: readonly object[];
  readonly owner?: { readonly kind: string; readonly name: string };
  readonly restarts?: number;
}

function pod({ labels = {}, annotations = {}, containers, owner, restarts = 1 }: Said = {}): Pod {
  const found = podOf({
    metadata: {
      uid: 'u1',
      name: 'web-1',
      namespace: 'prod',
      labels,
      annotations,
      ...(owner && { ownerReferences: [{ ...owner, controller: true }] }),
    },
    spec: {
      nodeName: 'node-1',
      containers: containers ?? [{ name: 'app', image: 'registry:5000/shop/app:1.2@sha256:00' }],
    },
    status: {
      containerStatuses: [
        {
          name: 'app',
          containerID: 'containerd://bbb',
          restartCount: restarts,
          lastState: { terminated: { containerID: 'containerd://aaa' } },
        },
      ],
    },
  });
  if (found === undefined) {
    throw new Error('it is no pod');
  }
  return found;
}

function described(said: Said, options: DescriberOptions = {}, path = 'prod_web-1_u1/app/1.log') {
  const pods = new NodePods();
  pods.put(pod(said));
  return new LogDescriber({ ...options, pods }).describe(path, 0);
}

const path = 'prod_web-1_u1/app/1.log';

describe('a log', () => {
  test('is known by its path until the pod is, and waits for nobody', () => {
    const pods = new NodePods();
    const describer = new LogDescriber({ pods, tags: { env: 'test' } });
    const before = describer.describe(path, 0);
    expect(before).toMatchObject({
      origin: { namespace: 'prod', pod: 'web-1', podUid: 'u1', container: 'app' },
      edits: { add: { env: 'test' } },
      leftOut: undefined,
    });
    expect(describer.describe(path, 1)).toBe(before);
    pods.put(pod({ labels: { app: 'web' } }));
    expect(describer.describe(path, 2).origin).toMatchObject({ app: 'web', node: 'node-1', podUid: 'u1' });
  });

  test('has one description, and one origin, as long as its pod stays what it is, and after it went', () => {
    const pods = new NodePods();
    const describer = new LogDescriber({ pods });
    pods.put(pod());
    const first = describer.describe(path, 0);
    expect(describer.describe(path, 1)).toBe(first);
    pods.remove('u1');
    expect(describer.describe(path, 2)).toBe(first);
    pods.put(pod({ labels: { app: 'web' } }));
    expect(describer.describe(path, 3).origin.app).toBe('web');
  });

  test('has the owner, the image, the instance and Istio’s names for it', () => {
    const labels = {
      app: 'web',
      version: 'v2',
      'pod-template-hash': '7d9f',
      'service.istio.io/canonical-name': 'shop',
    };
    const { origin, edits } = described({ labels, owner: { kind: 'ReplicaSet', name: 'web-7d9f' } });
    expect(origin).toEqual({
      namespace: 'prod',
      pod: 'web-1',
      podUid: 'u1',
      container: 'app',
      node: 'node-1',
      workload: 'web',
      app: 'web',
      version: 'v2',
    });
    expect(edits?.add).toEqual({
      image: 'registry:5000/shop/app:1.2@sha256:00',
      container_id: 'bbb',
      deployment: 'web',
      canonical_service: 'shop',
      canonical_revision: 'v2',
    });
  });

  test('of an earlier instance has the id of that, where it is known', () => {
    const idOf = (restart: number) =>
      described({ restarts: 2 }, {}, `prod_web-1_u1/app/${restart}.log`).edits?.add?.['container_id'];
    expect([idOf(2), idOf(1), idOf(0), idOf(3)]).toEqual(['bbb', 'aaa', undefined, undefined]);
  });

  test('of a Job’s pod belongs to the CronJob', () => {
    const { origin, edits } = described({ owner: { kind: 'Job', name: 'backup-29412345' } });
    expect([origin.workload, edits?.add?.['cronjob']]).toEqual(['backup', 'backup']);
  });

  test('of a static pod is found by the hash of its configuration', () => {
    const { origin } = described(
      { annotations: { 'kubernetes.io/config.hash': 'c0ffee' }, labels: { app: 'etcd' } },
      {},
      'prod_web-1_c0ffee/app/0.log',
    );
    expect(origin).toMatchObject({ podUid: 'u1', app: 'etcd' });
  });

  test('outside the mesh has no name of Istio’s, and inside it one even without labels', () => {
    expect(described({ labels: { app: 'web' } }).edits?.add).not.toHaveProperty('canonical_service');
    const meshed = described({
      containers: [{ name: 'app' }, { name: 'istio-proxy' }],
      owner: { kind: 'StatefulSet', name: 'db' },
    });
    expect(meshed.edits?.add).toMatchObject({
      canonical_service: 'db',
      canonical_revision: 'latest',
      statefulset: 'db',
    });
  });

  test('has the labels that were asked for as tags, with underscores for dots', () => {
    const labels = { 'app.kubernetes.io/part-of': 'shop', team: 'a', empty: '' };
    const tags = (labelsAsTags: readonly string[]) => described({ labels }, { labelsAsTags }).edits?.add;
    expect(tags(['team'])).toMatchObject({ team: 'a' });
    expect(tags(['team'])).not.toHaveProperty('app_kubernetes_io/part-of');
    expect(tags([''])).toMatchObject({ 'app_kubernetes_io/part-of': 'shop', team: 'a' });
    expect(tags([''])).not.toHaveProperty('empty');
  });

  test('takes tags from the annotation over those of labels and the table, but not over what is known for sure', () => {
    const text = '[{"tags": {"team": "annotation", "image": "fake", "more": "1"}}]';
    const { edits } = described(
      { labels: { team: 'label' }, annotations: { 'datakit/logs': text } },
      { tags: { team: 'table', env: 'test' }, labelsAsTags: ['team'] },
    );
    expect(edits?.add).toMatchObject({
      team: 'annotation',
      env: 'test',
      more: '1',
      image: 'registry:5000/shop/app:1.2@sha256:00',
    });
  });

  test('keeps only the tags of the white list, where there is one', () => {
    expect(described({}, { tags: { env: 'test' }, fieldWhiteList: ['image'] }).edits?.add).toEqual({
      image: 'registry:5000/shop/app:1.2@sha256:00',
    });
  });

  test('has the source and service that its annotation or the map of sources gives it, and none of its own', () => {
    const text = '[{"source": "shop", "service": "front"}]';
    const annotated = described({ annotations: { 'datakit/logs': text } }, { sourceMap: { '^a': 'mapped' } });
    expect([annotated.origin.source, annotated.edits?.add?.['service']]).toEqual(['shop', 'front']);
    const mapped = described({}, { sourceMap: { '^x': 'never', '^a': 'mapped' } });
    expect([mapped.origin.source, mapped.edits?.add?.['service']]).toEqual(['mapped', 'mapped']);
    expect(described({}).origin).not.toHaveProperty('source');
  });

  test.each([
    [['image:*/shop/*'], [], undefined],
    [['image:nginx*'], [], 'container_include_log has no image that fits'],
    [['image_name:registry:5000/shop/app'], [], undefined],
    [['image_short_name:app'], [], undefined],
    [['image_short_name:a{b,pp}'], [], undefined],
    [['image_short_name:shop'], [], 'container_include_log has no image_short_name that fits'],
    [['namespace:dev', 'namespace:pr?d'], [], undefined],
    [['namespace:dev'], [], 'container_include_log has no namespace that fits'],
    [['namespace:prod', 'image:nginx*'], [], 'container_include_log has no image that fits'],
    [[], ['image:*shop*'], 'container_exclude_log has image:*shop*'],
    [[], ['container_name:app'], 'container_exclude_log has container_name:app'],
    [['image:*'], ['namespace:kube-*'], undefined],
  ])('with %j wanted and %j unwanted: %j', (includeRules, excludeRules, leftOut) => {
    expect(described({}, { includeRules, excludeRules }).leftOut).toBe(leftOut);
  });

  test('is not left out for an image that nobody knows', () => {
    const describer = new LogDescriber({ includeRules: ['image:nginx*'], excludeRules: ['image:*'] });
    expect(describer.describe(path, 0).leftOut).toBeUndefined();
    expect(describer.warnings()).toEqual([
      'container_include_log and container_exclude_log: without effect are image:nginx*, image:*; images and workloads are known in a cluster alone',
    ]);
    expect(
      new LogDescriber({ includeRules: ['host:x'], sourceMap: { '(': 'y' }, pods: new NodePods() }).warnings(),
    ).toEqual([
      'container_include_log and container_exclude_log: without effect is host:x; there are no such rules',
      'logging_extra_source_map: without effect is (; that is no regular expression (RE2)',
    ]);
  });

  test('shares its limit with the other instances of its container, until the limit is another', () => {
    const pods = new NodePods();
    const describer = new LogDescriber({ pods });
    const limited = (lines: number) => pod({ annotations: { 'datakit/logs': `[{"max_lines_per_second": ${lines}}]` } });
    pods.put(limited(5));
    const { limit } = describer.describe(path, 0);
    expect(limit).toBeDefined();
    expect(describer.describe('prod_web-1_u1/app/0.log', 0).limit).toBe(limit);
    pods.put({ ...limited(5), phase: 'Running' });
    expect(describer.describe(path, 0).limit).toBe(limit);
    pods.put(limited(6));
    expect(describer.describe(path, 0).limit).not.toBe(limit);
  });

  test('names what is wrong with its annotation', () => {
    const { problems, rule } = described({ annotations: { 'datakit/app.logs': '[{"disabled": true}]' } });
    expect(rule).toBe('datakit/app.logs');
    expect(problems).toEqual(['prod/web-1:1: datakit/app.logs: [0].disabled: unknown key; did you mean "disable"?']);
  });

  test('names patterns that are none: its annotation’s by themselves, the table’s once for all', () => {
    const defaults = {
      removeAnsi: false,
      autoMultilinePatterns: [],
      multilineOfSource: {},
      redact: [{ name: 'mine', pattern: '(' }],
    };
    const { problems } = described({ annotations: { 'datakit/logs': '[{"multiline_match": "["}]' } }, { defaults });
    expect(problems).toEqual([expect.stringMatching(/^prod\/web-1:1: datakit\/logs: multiline/)]);
    expect(new LogDescriber({ defaults }).warnings()).toEqual([
      expect.stringMatching(/^inputs.container: redact\[0\]/),
    ]);
  });
});
