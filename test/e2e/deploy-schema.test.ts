import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { describeWith } from '../components/needs.ts';
import { byTitle, deployFolder, kustomized, objectsOf } from './kubernetes-objects.ts';
import { type KubernetesObject, KubernetesSchema } from './kubernetes-schema.ts';

const folder = join(deployFolder, 'kubernetes');
const overlays = readdirSync(join(folder, 'overlays'));
const oneFile = objectsOf(readFileSync(join(folder, 'meshbridge.yaml'), 'utf8'));

describeWith('kubectl', (kubectl) => {
  test('the one file holds exactly what the overlay agents-and-hub builds', () => {
    expect(byTitle(kustomized(kubectl, 'overlays/agents-and-hub'))).toEqual(byTitle(oneFile));
  });

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
