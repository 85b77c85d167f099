import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { DemoView } from '../../contract/demo.ts';
import type { DemoState } from '../state/demo-state.ts';
import { Switchboard } from './switchboard.ts';
import { usualState } from './usual-state.ts';

const shared = process.env['MESHBRIDGE_SHARED'] ?? '../shared';
const walkthrough = (file: string) => ({ file, text: readFileSync(join(shared, 'walkthrough', file), 'utf8') });

/** What a mesh was told; it may refuse. */
let told: DemoState[];
let refuses: string | undefined;
let board: Switchboard;

beforeEach(async () => {
  told = [];
  refuses = undefined;
  board = boardOf('default');
  await board.start();
});

afterEach(() => board.stop());

function boardOf(namespace: string): Switchboard {
  return new Switchboard({
    namespace,
    hosts: ['productpage', 'details', 'reviews', 'ratings'].map((name) => `${name}.${namespace}.svc.cluster.local`),
    facts: { productpage: 'http://127.0.0.1:1/productpage', kubeconfig: '/k' },
    onState: () => {},
    mesh: {
      apply: async (state) => {
        if (refuses !== undefined) {
          throw new Error(refuses);
        }
        told.push(state);
      },
    },
  });
}

async function good(request: Parameters<Switchboard['ask']>[0]): Promise<DemoView> {
  const answer = await board.ask(request);
  if ('refused' in answer) {
    throw new Error(answer.refused.join('\n'));
  }
  return answer;
}

const on = (view: DemoView) => view.switches.filter(({ isOn }) => isOn).map(({ name }) => name);
const set = (name: string, to = true) => good({ ask: 'set', name, on: to });
const apply = (...files: string[]) => good({ ask: 'apply', files: files.map(walkthrough) });

/** Rules by name; which was applied first is nothing that one sees. */
function inOrder(state: DemoState | undefined): unknown {
  const byName = (a: { readonly name: string }, b: { readonly name: string }) => a.name.localeCompare(b.name);
  return { ...state, destinationRules: state?.destinationRules.toSorted(byName) };
}

test('it begins with even thirds, and nothing else', async () => {
  expect(on(await good({ ask: 'view' }))).toEqual(['even-thirds']);
  expect(told).toEqual([usualState('default')]);
});

describe("each of the walkthrough's files is a switch", () => {
  test.each([
    ['virtual-service-all-v1.yaml', 'all-v1'],
    ['virtual-service-reviews-test-v2.yaml', 'jason-v2'],
    ['virtual-service-reviews-50-v3.yaml', 'reviews-50-v3'],
    ['virtual-service-reviews-v3.yaml', 'reviews-v3'],
    ['virtual-service-ratings-test-delay.yaml', 'ratings-delay'],
    ['virtual-service-ratings-test-abort.yaml', 'ratings-abort'],
  ])('%s is %s: applied it is on, deleted it is off', async (file, name) => {
    expect(on(await apply(file))).toContain(name);
    const after = await good({ ask: 'delete', files: [walkthrough(file)] });
    expect(on(after)).toEqual(['even-thirds']);
    expect(after.rules).toEqual((await good({ ask: 'view' })).rules);
  });

  test('one after the other, as people do it, each takes the place of what was there', async () => {
    const { notes } = await apply('destination-rule-all.yaml', 'virtual-service-all-v1.yaml');
    expect(notes).toContain('VirtualService default/reviews created');
    expect(notes).toContain('DestinationRule default/reviews configured');
    expect(on(await apply('virtual-service-reviews-test-v2.yaml'))).toEqual(['jason-v2']);
    expect(on(await apply('virtual-service-ratings-test-delay.yaml'))).toEqual(['jason-v2', 'ratings-delay']);
    expect(on(await apply('virtual-service-reviews-50-v3.yaml'))).toEqual(['reviews-50-v3', 'ratings-delay']);
  });

  test('a file with a fault changes nothing, and neither do those beside it', async () => {
    const files = ['virtual-service-reviews-v3.yaml', 'bookinfo-gateway.yaml'].map(walkthrough);
    expect(await board.ask({ ask: 'apply', files })).toEqual({
      refused: [
        'bookinfo-gateway.yaml:1  Gateway bookinfo-gateway  apiVersion is missing: write apiVersion: networking.istio.io/v1',
      ],
    });
    expect(told).toHaveLength(1);
  });
});

test('every switch that goes on is on, and off it is as it began', async () => {
  for (const { name, isOn } of (await good({ ask: 'view' })).switches) {
    if (!isOn) {
      expect(on(await set(name))).toContain(name);
      expect(on(await set(name, false))).not.toContain(name);
      await set('even-thirds');
      expect(inOrder(told.at(-1))).toEqual(inOrder(usualState('default')));
    }
  }
});

test('the delay takes jason to v2 as well, since v1 of reviews never calls ratings', async () => {
  expect(on(await set('ratings-delay'))).toEqual(['jason-v2', 'ratings-delay']);
});

test('even thirds take away what people applied, under whatever name', async () => {
  const text = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: my-own }
spec: { hosts: [reviews], http: [{ route: [{ destination: { host: reviews, subset: v3 } }] }] }
`;
  expect(on(await good({ ask: 'apply', files: [{ file: 'own.yaml', text }] }))).not.toContain('even-thirds');
  expect(on(await set('even-thirds'))).toEqual(['even-thirds']);
  expect(told.at(-1)).toEqual(usualState('default'));
});

describe('names that lead nowhere are taken, and named', () => {
  const rule = (host: string, to: object) => ({
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name: host },
    spec: { hosts: [host], http: [{ route: [{ destination: to }, { destination: to }] }] },
  });
  const notesOf = async (object: object) =>
    (await good({ ask: 'apply', files: [{ file: 'own.yaml', text: JSON.stringify(object) }] })).notes;

  test.each([
    [
      rule('reveiws', { host: 'reveiws', subset: 'v1' }),
      [
        'VirtualService default/reveiws created',
        'VirtualService default/reveiws: there is no service reveiws: it routes nothing',
        'VirtualService default/reveiws: there is no service reveiws: what it sends there is answered with 503',
      ],
    ],
    [
      rule('reviews', { host: 'reviews', subset: 'v9' }),
      [
        'VirtualService default/reviews created',
        'VirtualService default/reviews: no DestinationRule names the subset v9 of reviews: what it sends there is answered with 503',
      ],
    ],
    [
      {
        apiVersion: 'networking.istio.io/v1',
        kind: 'DestinationRule',
        metadata: { name: 'rating' },
        spec: { host: 'rating' },
      },
      ['DestinationRule default/rating created', 'DestinationRule default/rating: there is no service rating'],
    ],
    [
      rule('ratings.default.svc.cluster.local', { host: 'ratings', subset: 'v2' }),
      [expect.stringMatching(/ created$/)],
    ],
  ])('%j', async (object, notes) => {
    expect(await notesOf(object)).toEqual(notes);
  });
});

test('a missing rule is reviews with a route and without subsets', async () => {
  await set('missing-destination-rule');
  const { virtualServices = [], destinationRules = [] } = told.at(-1) ?? {};
  expect(virtualServices.some(({ name }) => name === 'reviews')).toBe(true);
  expect(destinationRules.map(({ host }) => host)).toEqual(['productpage', 'ratings', 'details']);
  expect(on(await set('reviews-v3'))).toEqual(['reviews-v3']);
});

test('even thirds cannot be switched off, and it says what to do', async () => {
  expect(await board.ask({ ask: 'set', name: 'even-thirds', on: false })).toEqual({
    refused: ['even-thirds cannot be switched off: switch another of the routings on'],
  });
});

test('an unknown switch is named with the ones that there are', async () => {
  const answer = await board.ask({ ask: 'set', name: 'delay', on: true });
  expect(answer).toEqual({ refused: [expect.stringMatching(/^there is no switch "delay"; there are even-thirds, /)] });
});

test('what the mesh does not take is said, and the state stays', async () => {
  refuses = 'an Envoy said no';
  expect(await board.ask({ ask: 'set', name: 'reviews-v3', on: true })).toEqual({
    refused: ['the mesh did not take it, and goes on as before: an Envoy said no'],
  });
  refuses = undefined;
  expect(on(await good({ ask: 'view' }))).toEqual(['even-thirds']);
});

test('two changes at once are both made', async () => {
  await Promise.all([set('crash-loop'), set('one-percent-sampling')]);
  expect(told.at(-1)).toMatchObject({ crashLoop: 'details-v1', samplingPercent: 1 });
});

test('the load is what was asked for, within bounds', async () => {
  expect((await good({ ask: 'load', pagesPerSecond: 12 })).pagesPerSecond).toBe(12);
  expect(await board.ask({ ask: 'load', pagesPerSecond: 1e6 })).toEqual({
    refused: ['the load is from 0 to 100 pages a second'],
  });
  expect(await board.ask({ ask: 'load', pagesPerSecond: Number.NaN })).toHaveProperty('refused');
});

test('in another namespace the same files are of that one', async () => {
  board = boardOf('prod');
  await board.start();
  const { rules } = await apply('virtual-service-reviews-v3.yaml');
  expect(rules).toContain('VirtualService prod/reviews');
  expect(on(await good({ ask: 'view' }))).toEqual(['reviews-v3']);
});

describe('a burst', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  test('ends by itself after a minute', async () => {
    expect((await set('burst')).pagesPerSecond).toBe(30);
    await jest.advanceTimersByTimeAsync(60_000);
    expect((await good({ ask: 'view' })).pagesPerSecond).toBe(5);
  });

  test('does not end a load that was asked for in the meantime', async () => {
    await set('burst');
    await good({ ask: 'load', pagesPerSecond: 7 });
    await jest.advanceTimersByTimeAsync(60_000);
    expect((await good({ ask: 'view' })).pagesPerSecond).toBe(7);
  });
});
