import { expect, test } from '@jest/globals';
import type { SessionEvent, SessionView } from './rum-api.ts';
import { ratingOf, vitalText } from './rum-rating.ts';
import { anyVisit, rumSearchOf, rumUrl } from './rum-search.ts';
import { barOf, eventName, stagesOf } from './rum-timeline.ts';

function view(id: string, startMs: number, timeSpentMs = 0): SessionView {
  return { id, name: `/${id}`, url: '', startMs, timeSpentMs, vitals: {} };
}

function event(viewId: string, startMs: number, more: Partial<SessionEvent> = {}): SessionEvent {
  return { kind: 'resource', viewId, startMs, attributes: {}, ...more };
}

test('events stand in the view that they belong to, and the views in the order of time', () => {
  const events = [event('b', 60, { durationMs: 40 }), event('a', 12, { durationMs: 8 }), event('gone', 5)];
  const stages = stagesOf({ tags: {}, views: [view('b', 50, 9e6), view('a', 10)], events, more: 0 });
  expect(
    stages.map(({ view: of, bursts }) => [of?.id, ...bursts.map(({ startMs, endMs }) => [startMs, endMs])]),
  ).toEqual([
    [undefined, [5, 6]],
    ['a', [10, 20]],
    ['b', [50, 100]],
  ]);
});

test('a pause begins a scale of its own, so that what came first is not pressed together', () => {
  const events = [event('a', 90_000), event('a', 200, { durationMs: 4_000 }), event('a', 7_000), event('a', 95_000)];
  const [stage] = stagesOf({ tags: {}, views: [view('a', 100, 500)], events, more: 0 });
  expect(stage?.bursts.map(({ startMs, endMs, events: own }) => [startMs, endMs, own.length])).toEqual([
    [100, 7_000, 2],
    [90_000, 90_001, 1],
    [95_000, 95_001, 1],
  ]);
});

test('a bar stands where its event does, and is never too thin to be seen', () => {
  const burst = { events: [], startMs: 0, endMs: 1000 };
  expect(barOf(event('a', 250, { durationMs: 500 }), burst)).toEqual({ left: 0.25, width: 0.5 });
  expect(barOf(event('a', 999.9), burst)).toEqual({ left: 0.997, width: 0.003 });
});

test('an event is named by what it is about', () => {
  const named = (kind: string, attributes: Record<string, string>) => eventName(event('a', 0, { kind, attributes }));
  expect(named('resource', { resource_method: 'GET', resource_url_path: '/x', resource_url: 'http://h/x' })).toBe(
    'GET /x',
  );
  expect(named('resource', { resource_url: 'http://h/x' })).toBe('http://h/x');
  expect(named('error', { error_type: 'TypeError', error_message: 'no' })).toBe('TypeError: no');
  expect(named('action', { action_type: 'click', action_name: 'Buy' })).toBe('Buy');
  expect(named('long_task', {})).toBe('');
});

test('vitals are rated by the bounds of web.dev', () => {
  expect([ratingOf('lcp', 2500), ratingOf('lcp', 2501), ratingOf('lcp', 4001)]).toEqual(['good', 'fair', 'poor']);
  expect([ratingOf('cls', 0.1), ratingOf('inp', 201), ratingOf('ttfb', 1801)]).toEqual(['good', 'fair', 'poor']);
  expect([vitalText('cls', 0.12345), vitalText('lcp', 2500), vitalText('fid', undefined)]).toEqual([
    '0.123',
    '2.5 s',
    '–',
  ]);
});

test('a search is read from the URL, and asked with each of its conditions', () => {
  expect(rumSearchOf(new URLSearchParams('match=nothing&table=odd'))).toEqual(anyVisit);
  const search = { ...anyVisit, match: ['app_id=shop', 'view=~/a&b'] };
  expect(rumUrl('views', search, { start: 1.5, end: 9 })).toBe(
    '/api/native/rum/views?match=app_id%3Dshop&match=view%3D%7E%2Fa%26b&start=2&end=9',
  );
});
