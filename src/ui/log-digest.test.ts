import { expect, test } from '@jest/globals';
import { digestOf, prettyText } from './log-digest.ts';

test('an access log of a proxy reads as a request', () => {
  const line = {
    authority: 'reviews:9080',
    duration: 12,
    method: 'GET',
    path: '/reviews/0',
    response_code: 503,
    response_flags: 'UH',
    upstream_cluster: 'outbound|9080||reviews',
    upstream_host: null,
    request_id: '-',
  };
  expect(digestOf(JSON.stringify(line))).toEqual({
    head: 'GET /reviews/0 503 UH 12 ms',
    rest: 'authority=reviews:9080 upstream_cluster=outbound|9080||reviews',
  });
  expect(digestOf(JSON.stringify({ ...line, response_code: 200, response_flags: '-' })).head).toBe(
    'GET /reviews/0 200 12 ms',
  );
});

test('a line of JSON reads by its message, what is shown elsewhere left out', () => {
  expect(digestOf('{"level":"warn","ts":1,"msg":"slow","took_ms":7,"user":{"id":1}}')).toEqual({
    head: 'slow',
    rest: 'took_ms=7 user={"id":1}',
  });
  expect(digestOf('{"a":1}')).toEqual({ head: '', rest: 'a=1' });
});

test('any other line is as it is, but for the colours of terminals', () => {
  expect(digestOf('\u001b[1;32mINFO\u001b[0m [x] done')).toEqual({ head: 'INFO [x] done', rest: '' });
  expect(digestOf('{broken')).toEqual({ head: '{broken', rest: '' });
  expect(digestOf('[1]')).toEqual({ head: '[1]', rest: '' });
});

test('an open line shows its JSON indented', () => {
  expect(prettyText('{"a":{"b":1}}')).toBe('{\n  "a": {\n    "b": 1\n  }\n}');
  expect(prettyText('plain')).toBe('plain');
});
