import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { expect, test } from '@jest/globals';
import { describeWith } from '../components/needs.ts';
import { inTempDir } from '../fakes/temp-dir.ts';
import { byTitle, deployFolder, kustomized, objectsOf } from './kubernetes-objects.ts';
import { type KubernetesObject, KubernetesSchema } from './kubernetes-schema.ts';

const folder = join(deployFolder, 'kubernetes');
const overlays = readdirSync(join(folder, 'overlays'));
const oneFile = objectsOf(readFileSync(join(folder, 'meshbridge.yaml'), 'utf8'));

describeWith('kubectl', (kubectl) => {
  test('the one file holds exactly what the overlay agents-and-hub builds', () => {
    expect(byTitle(kustomized(kubectl, 'overlays/agents-and-hub'))).toEqual(byTitle(oneFile));
  });

  test('components can be put on an overlay: browser data at the port of the node, and no seccomp profile', () =>
    inTempDir(async (dir) => {
      const path = (name: string) => relative(dir, join(folder, name));
      const kustomization = {
        apiVersion: 'kustomize.config.k8s.io/v1beta1',
        kind: 'Kustomization',
        resources: [path('overlays/agents-and-hub')],
        components: [path('components/rum-host-port'), path('components/old-runtime')],
        images: [{ name: 'meshbridge', newName: 'registry.example.com/meshbridge', newTag: '1' }],
      };
      await writeFile(join(dir, 'kustomization.yaml'), JSON.stringify(kustomization));
      const run = spawnSync(kubectl, ['kustomize', dir], { encoding: 'utf8' });
      expect(run).toMatchObject({ status: 0, stderr: '' });
      const podOf = (kind: string) =>
        objectsOf(run.stdout).find((object) => object.kind === kind)?.['spec'].template.spec;
      const [agent, hub] = [podOf('DaemonSet'), podOf('StatefulSet')];
      expect(agent.containers[0].ports[0]).toEqual({ name: 'http-main', containerPort: 9529, hostPort: 9529 });
      expect(agent.containers[0].securityContext.seccompProfile).toEqual({ type: 'Unconfined' });
      expect(hub.securityContext.seccompProfile).toEqual({ type: 'Unconfined' });
      for (const { containers } of [agent, hub]) {
        expect(containers[0].image).toBe('registry.example.com/meshbridge:1');
      }
    }));

  for (const version of ['1.21', '1.36'] as const) {
    describeWith(`kubernetes-${version}-schema`, (path) => {
      const schema = new KubernetesSchema(path);

      test('a fault in an object is found, so that none found means something', () => {
        const daemonSet = oneFile.find(({ kind }) => kind === 'DaemonSet');
        const spec = { ...daemonSet?.['spec'], selecter: {}, updateStrategy: { type: 3 } };
        const faults = schema.faults({ ...(daemonSet as KubernetesObject), spec });
        expect(faults).toEqual([expect.stringContaining('selecter'), expect.stringContaining('updateStrategy/type')]);
      });

      test.each(overlays)('overlay %s fits', (overlay) => {
        const objects = kustomized(kubectl, join('overlays', overlay));
        expect(objects.length).toBeGreaterThan(10);
        expect(objects.flatMap((object) => schema.faults(object))).toEqual([]);
      });

      test.each(readdirSync(join(folder, 'rights')))('rights %s fit', (rights) => {
        const objects = kustomized(kubectl, join('rights', rights));
        expect(objects.map(({ kind }) => kind)).toEqual([
          expect.stringMatching(/Role$/),
          expect.stringMatching(/RoleBinding$/),
        ]);
        expect(objects.flatMap((object) => schema.faults(object))).toEqual([]);
      });
    });
  }
});
