import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { readRules } from './read-rules.ts';
import { noteText } from './rule-notes.ts';
import { destinationRuleObject, virtualServiceObject } from './rule-objects.ts';

const shared = process.env['MESHBRIDGE_SHARED'] ?? '../shared';

function walkthrough(file: string) {
  return readRules({ file, text: readFileSync(join(shared, 'walkthrough', file), 'utf8') }, 'default');
}

function notesOf(text: string): { readonly faults: readonly string[]; readonly unused: readonly string[] } {
  const { faults, unused } = readRules({ file: 'f.yaml', text }, 'default');
  return { faults: faults.map(noteText), unused: unused.map(noteText) };
}

describe("the walkthrough's files", () => {
  test('four destination rules, the last document being empty', () => {
    const { destinationRules, virtualServices, faults, unused } = walkthrough('destination-rule-all.yaml');
    expect(destinationRules.map(({ host, subsets }) => [host, subsets.map(({ name }) => name)])).toEqual([
      ['productpage', ['v1']],
      ['reviews', ['v1', 'v2', 'v3']],
      ['ratings', ['v1', 'v2', 'v2-mysql', 'v2-mysql-vm']],
      ['details', ['v1', 'v2']],
    ]);
    expect(destinationRules[1]).toEqual({
      name: 'reviews',
      namespace: 'default',
      host: 'reviews',
      subsets: ['v1', 'v2', 'v3'].map((version) => ({ name: version, labels: { version } })),
    });
    expect([virtualServices, faults, unused]).toEqual([[], [], []]);
  });

  test.each([
    ['virtual-service-all-v1.yaml', ['productpage', 'reviews', 'ratings', 'details']],
    ['virtual-service-ratings-test-abort.yaml', ['ratings']],
    ['virtual-service-ratings-test-delay.yaml', ['ratings']],
    ['virtual-service-reviews-50-v3.yaml', ['reviews']],
    ['virtual-service-reviews-test-v2.yaml', ['reviews']],
    ['virtual-service-reviews-v3.yaml', ['reviews']],
  ])('%s has no fault, and nothing in it is left out', (file, names) => {
    const { virtualServices, faults, unused } = walkthrough(file);
    expect(virtualServices.map(({ name }) => name)).toEqual(names);
    expect([faults, unused]).toEqual([[], []]);
  });

  test('the delay is for jason, of all requests, and for the others there is none', () => {
    const [ratings] = walkthrough('virtual-service-ratings-test-delay.yaml').virtualServices;
    const route = [{ host: 'ratings', subset: 'v1', weight: 0 }];
    expect(ratings?.http).toEqual([
      {
        match: [{ headers: { 'end-user': { exact: 'jason' } } }],
        fault: { delay: { percent: 100, fixedMs: 7000 } },
        route,
      },
      { match: [], route },
    ]);
  });

  test('the abort is a 500 for jason', () => {
    const [ratings] = walkthrough('virtual-service-ratings-test-abort.yaml').virtualServices;
    expect(ratings?.http[0]?.fault).toEqual({ abort: { percent: 100, httpStatus: 500 } });
  });

  test('half goes to v1 and half to v3', () => {
    const [reviews] = walkthrough('virtual-service-reviews-50-v3.yaml').virtualServices;
    expect(reviews?.http[0]?.route).toEqual([
      { host: 'reviews', subset: 'v1', weight: 50 },
      { host: 'reviews', subset: 'v3', weight: 50 },
    ]);
  });

  test("the gateway's file lacks an apiVersion, which is named with its line and what to write", () => {
    const { faults, virtualServices } = walkthrough('bookinfo-gateway.yaml');
    expect(faults.map(noteText)).toEqual([
      'bookinfo-gateway.yaml:1  Gateway bookinfo-gateway  apiVersion is missing: write apiVersion: networking.istio.io/v1',
    ]);
    expect(virtualServices[0]).toMatchObject({ namespace: 'prod', hosts: ['*'], gateways: ['bookinfo-gateway'] });
  });

  test('the manifest of Bookinfo has a line with two keys, and no rules', () => {
    expect(walkthrough('bookinfo.yaml').faults[0]).toMatchObject({ line: 405 });
  });
});

const head = 'apiVersion: networking.istio.io/v1beta1\nkind: VirtualService\nmetadata:\n  name: reviews\n';

describe('faults', () => {
  test('are all found at once, each with its line', () => {
    const text = `${head}spec:
  hosts: reviews
  http:
  - fault:
      delay:
        fixedDelay: soon
      abort:
        percentage:
          value: 200
    timeout: 3
    route:
    - destination:
        subset: v1
      weight: -1
`;
    const where = 'VirtualService reviews: spec';
    const { faults } = notesOf(text);
    expect([...faults].sort()).toEqual(
      [
        `f.yaml:6  ${where}.hosts  is not a list: begin each entry with a dash`,
        `f.yaml:6  ${where}.hosts  names no host: name a service, such as reviews`,
        `f.yaml:10  ${where}.http[0].fault.delay.fixedDelay  "soon" is not a duration: write one such as 7s or 500ms`,
        `f.yaml:12  ${where}.http[0].fault.abort.httpStatus  is missing: such as 500`,
        `f.yaml:13  ${where}.http[0].fault.abort.percentage.value  is not a number from 0 to 100`,
        `f.yaml:14  ${where}.http[0].timeout  is not a text: put it in quotes`,
        `f.yaml:17  ${where}.http[0].route[0].destination.host  is missing: name a service, such as reviews`,
        `f.yaml:18  ${where}.http[0].route[0].weight  is not a number from 0 to 100`,
      ].sort(),
    );
  });

  test('a version that has no such kind is named', () => {
    const { faults } = notesOf(
      'apiVersion: config.istio.io/v1alpha2\nkind: VirtualService\nmetadata:\n  name: a\nspec: {}\n',
    );
    expect(faults).toEqual([
      'f.yaml:1  VirtualService a  config.istio.io/v1alpha2 has no such kind: write apiVersion: networking.istio.io/v1',
    ]);
  });

  test('a document behind a broken one is read', () => {
    const { faults } = notesOf(`a: b: c\n---\nkind: VirtualService\nmetadata:\n  name: x\n`);
    expect(faults).toEqual([
      'f.yaml:1  two keys stand on one line: put the value in quotes, or the second key on a line of its own',
      'f.yaml:3  VirtualService x  apiVersion is missing: write apiVersion: networking.istio.io/v1',
    ]);
  });

  test('a file without rules says so', () => {
    expect(notesOf('').faults).toEqual(['f.yaml:1  there is neither a VirtualService nor a DestinationRule in it']);
  });
});

test('what the demo does not act on is named, and no fault', () => {
  const text = `${head}spec:
  hosts: [reviews]
  exportTo: ['.']
  http:
  - name: all
    mirror:
      host: reviews
    retries:
      attempts: 2
      perTryTimeout: 1.5s
      retryOn: 5xx
    route:
    - destination:
        host: reviews
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: other
`;
  const { faults, unused } = notesOf(text);
  expect(faults).toEqual([]);
  expect(unused).toEqual([
    'f.yaml:15  VirtualService reviews: spec.http[0].retries.retryOn  the demo does not act on it',
    'f.yaml:10  VirtualService reviews: spec.http[0].mirror  the demo does not act on it',
    'f.yaml:7  VirtualService reviews: spec.exportTo  the demo does not act on it',
    'f.yaml:20  ConfigMap other  the demo does not act on it',
  ]);
});

test('mesh alone is no gateway', () => {
  const text = (gateways: string) => `${head}spec:
  hosts: [reviews]
  gateways: ${gateways}
  http:
  - route:
    - destination: {host: reviews}
`;
  const read = (gateways: string) => readRules({ file: 'f', text: text(gateways) }, 'x').virtualServices[0]?.gateways;
  expect(read('[mesh]')).toEqual([]);
  expect(read('[mesh, edge]')).toEqual(['mesh', 'edge']);
});

test('written as objects and read again they are the same, as YAML and as JSON', () => {
  const files = [
    'virtual-service-ratings-test-delay.yaml',
    'virtual-service-reviews-50-v3.yaml',
    'destination-rule-all.yaml',
  ];
  for (const file of files) {
    const { virtualServices, destinationRules } = walkthrough(file);
    const items = [...virtualServices.map(virtualServiceObject), ...destinationRules.map(destinationRuleObject)];
    const list = { apiVersion: 'v1', kind: 'List', items };
    for (const text of [stringify(list), JSON.stringify(list)]) {
      const again = readRules({ file, text }, 'elsewhere');
      expect(again).toEqual({ virtualServices, destinationRules, faults: [], unused: [] });
    }
  }
});

test('whatever is written, reading it ends with values or with faults', () => {
  const line = fc.constantFrom(
    ...[
      head,
      'spec:\n',
      '  hosts: [a]\n',
      '  http:\n',
      '  - route: 7\n',
      '  - match: {uri: 3}\n',
      '---\n',
      '&a [*a]\n',
    ],
    ...['  - fault: {delay: }\n', '\t\n', '- - -\n', 'kind: List\nitems: [1, {}]\n', '? {a: b}\n: c\n', '!!binary x\n'],
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(line, fc.string())), (lines) => {
      const { faults, virtualServices, destinationRules } = readRules({ file: 'f', text: lines.join('') }, 'n');
      expect(faults.length + virtualServices.length + destinationRules.length).toBeGreaterThan(0);
    }),
  );
});
