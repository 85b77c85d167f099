import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { accessLogFields } from './access-log.ts';

/** What Envoy 1.40 wrote for the same four connections in four formats. */
function linesOf(name: string): readonly string[] {
  return readFileSync(join(import.meta.dirname, 'testdata', `${name}.txt`), 'utf8')
    .trim()
    .split('\n');
}

const fieldsOf = (line: string) => accessLogFields(Buffer.from(line));

const failed = {
  start_time: '2026-11-21T21:56:21.164Z',
  method: 'GET',
  path: '/down/1',
  protocol: 'HTTP/1.1',
  response_code: 503,
  response_flags: 'UF',
  response_code_details:
    'upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused}',
  upstream_transport_failure_reason: 'delayed_connect_error:_Connection_refused',
  bytes_received: 0,
  bytes_sent: 98,
  duration: 0,
  x_forwarded_for: '10.1.1.1, 10.2.2.2',
  user_agent: 'Mozilla "x" foo',
  request_id: 'e936003d-6d9b-4c7c-b1ca-0043db113e0b',
  authority: 'localhost:38111',
  upstream_host: '127.0.0.1:38119',
  upstream_cluster: 'outbound|9080||reviews.default.svc.cluster.local',
  downstream_local_address: '127.0.0.1:38111',
  downstream_remote_address: '10.2.2.2:0',
  route_name: 'default',
};

describe('lines of a real Envoy', () => {
  test("Istio's text gives every field, though the user agent has quotes in it", () => {
    expect(fieldsOf(linesOf('text')[1]!)).toEqual(failed);
  });

  test('text and JSON of the same request give the same fields', () => {
    const text = linesOf('text').map(fieldsOf);
    const json = linesOf('json').map(fieldsOf);
    expect(text).toHaveLength(4);
    expect(text).toEqual(json);
  });

  test("Istio's text before 1.9 has no details, and a mixer status in their place", () => {
    const { response_code_details: _, ...rest } = failed;
    expect(fieldsOf(linesOf('old')[1]!)).toEqual(rest);
  });

  test("Envoy's own default ends with the upstream's host", () => {
    expect(fieldsOf(linesOf('default')[0]!)).toEqual({
      start_time: '2026-11-21T21:56:21.149Z',
      method: 'GET',
      path: '/productpage?u=normal',
      protocol: 'HTTP/1.1',
      response_code: 200,
      bytes_received: 0,
      bytes_sent: 5,
      duration: 0,
      upstream_service_time: 0,
      user_agent: 'curl/7.88.1',
      request_id: '9b5a0c47-9d5e-9f0c-8d8f-4f2d6d5a1d2e',
      authority: 'localhost:38111',
      upstream_host: '127.0.0.1:38112',
    });
  });

  test('a TCP connection has no request', () => {
    const fields = fieldsOf(linesOf('text')[3]!);
    expect(fields).toMatchObject({ response_code: 0, bytes_sent: 121, upstream_cluster: 'inbound|9080||' });
    expect(fields).not.toHaveProperty('method');
  });
});

describe('what users make of it', () => {
  const [line = ''] = linesOf('text');

  test('a trace id behind the usual fields is known by its form or its name', () => {
    expect(fieldsOf(`${line} 0af7651916cd43dd8448eb211c80319c`)).toMatchObject({
      trace_id: '0af7651916cd43dd8448eb211c80319c',
      route_name: 'ok',
    });
    expect(fieldsOf(`${line} "traceID=0af7651916cd43dd"`)).toMatchObject({ trace_id: '0af7651916cd43dd' });
  });

  test('a path may have quotes and blanks', () => {
    expect(fieldsOf(line.replace('/productpage?u=normal', '/a "b" c'))).toMatchObject({ path: '/a "b" c' });
  });

  test('JSON may have few keys, numbers as text, and keys of its own', () => {
    const own = { method: 'GET', path: '/x', response_code: '404', bytes_sent: 12, tenant: 'a', upstream_cluster: '-' };
    expect(fieldsOf(JSON.stringify({ ...own, traceId: '0af7651916cd43dd' }))).toEqual({
      method: 'GET',
      path: '/x',
      response_code: 404,
      bytes_sent: 12,
      tenant: 'a',
      traceId: '0af7651916cd43dd',
      trace_id: '0af7651916cd43dd',
    });
  });

  test('a key of JSON that names a prototype is a field like others', () => {
    const fields = fieldsOf(`{"response_flags":"-","method":"GET","path":"/","__proto__":"x"}`);
    expect(Object.keys(fields ?? {})).toContain('__proto__');
    expect(Object.getPrototypeOf(fields)).toBe(Object.prototype);
  });
});

test.each([
  '2026-11-21T21:56:21.149Z\tinfo\tcache\tgenerated new workload certificate',
  '[2026-11-21 21:56:21.149][17][info][main] starting main dispatch loop',
  '[2026-11-21T21:56:21.149Z] hello',
  '[2026-11-21T21:56:21.149Z] "GET / HTTP/1.1" 200',
  '[2026-11-21T21:56:21.149Z] "GET / HTTP/1.1" two - 0 5 0 0 "-" "-" "-" "-" "-"',
  '{"level":"info","msg":"response_code of the page","duration":3}',
  '{"response_code":',
  '{}',
  '[]',
  '',
])('no access log: %s', (line) => {
  expect(fieldsOf(line)).toBeUndefined();
});

test('any cut and any change of a line gives fields or nothing, and never takes long', () => {
  const all = ['text', 'json', 'old', 'default'].flatMap(linesOf);
  fc.assert(
    fc.property(fc.constantFrom(...all), fc.nat(400), fc.string({ maxLength: 20 }), (line, at, put) => {
      const fields = fieldsOf(line.slice(0, at) + put + line.slice(at + put.length));
      expect(fields === undefined || typeof fields === 'object').toBe(true);
      fieldsOf(line.slice(0, at));
    }),
  );
  fieldsOf(`[2026-11-21T21:56:21.149Z] "${'a '.repeat(30_000)}`);
  fieldsOf(`[2026-11-21T21:56:21.149Z] "GET / HTTP/1.1" ${'" '.repeat(30_000)}`);
});
