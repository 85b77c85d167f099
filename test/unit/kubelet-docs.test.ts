import { expect, test } from '@jest/globals';
import { kubernetesprometheus } from '../../src/inputs/kubernetesprometheus/kubernetesprometheus.ts';
import { keyRows, testsIn } from './key-tables.ts';

const rows = keyRows('docs/kubelet.md').filter(({ key }) => key !== 'metrics_path');
const tests = testsIn(['src/inputs/kubernetesprometheus', 'src/inputs/kubernetes', 'test/e2e']);

test('every key of [inputs.kubernetesprometheus] has one row in docs/kubelet.md, and there are no others', () => {
  const { instances, ...shape } = kubernetesprometheus.config.shape;
  const { custom, auth, ...instance } = instances.unwrap().element.shape;
  const keys = [
    ...Object.keys(shape),
    ...Object.keys(instance).map((key) => `instances.${key}`),
    ...Object.keys(custom.unwrap().shape).map((key) => `instances.custom.${key}`),
    ...Object.keys(auth.unwrap().shape).map((key) => `instances.auth.${key}`),
  ];
  expect(rows.map(({ key }) => key).sort()).toEqual(keys.sort());
});

test.each(rows.map(({ key, shownBy }) => [key, shownBy]))('%s: there is a test called "%s"', (_, title = '') => {
  expect(title.length).toBeGreaterThan(10);
  expect(tests.includes(title)).toBe(true);
});
