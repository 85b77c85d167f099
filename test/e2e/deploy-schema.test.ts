import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { describeWith } from '../components/needs.ts';
import { type KubernetesObject, KubernetesSchema } from './kubernetes-schema.ts';

const deploy = join(import.meta.dirname, '../../deploy/kubernetes');
const overlays = readdirSync(join(deploy, 'overlays'));

function objectsOf(text: string): readonly KubernetesObject[] {
  return parseAllDocuments(text, { uniqueKeys: true, strict: true }).map((document) => document.toJS());
}

const oneFile = objectsOf(readFileSync(join(deploy, 'meshbridge.yaml'), 'utf8'));
const titleOf = ({ apiVersion, kind, metadata }: KubernetesObject): string =>
  `${apiVersion} ${kind} ${metadata.namespace ?? ''}/${metadata.name}`;

function built(kubectl: string, folder: string): readonly KubernetesObject[] {
  const run = spawnSync(kubectl, ['kustomize', join(deploy, folder)], { encoding: 'utf8' });
  expect(run).toMatchObject({ status: 0, stderr: '' });
  return objectsOf(run.stdout);
}

describeWith('kubectl', (kubectl) => {
  test('the one file holds exactly what the overlay agents-and-hub builds', () => {
    const byTitle = (objects: readonly KubernetesObject[]) =>
      Object.fromEntries(objects.map((object) => [titleOf(object), object]));
    expect(byTitle(built(kubectl, 'overlays/agents-and-hub'))).toEqual(byTitle(oneFile));
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
        const objects = built(kubectl, join('overlays', overlay));
        expect(objects.length).toBeGreaterThan(10);
        expect(objects.flatMap((object) => schema.faults(object))).toEqual([]);
      });

      test.each(readdirSync(join(deploy, 'rights')))('rights %s fit', (rights) => {
        const objects = built(kubectl, join('rights', rights));
        expect(objects.map(({ kind }) => kind)).toEqual([
          expect.stringMatching(/Role$/),
          expect.stringMatching(/RoleBinding$/),
        ]);
        expect(objects.flatMap((object) => schema.faults(object))).toEqual([]);
      });
    });
  }
});
