import { expect, test } from '@jest/globals';
import { requestOf, spanRecord } from '../../test/fakes/requests.ts';
import type { HttpRequest, HttpRoute } from '../contract/http.ts';
import type { Output, WriteResult } from '../contract/output.ts';
import { type EndedSpan, OwnTracer } from '../telemetry/own-tracer.ts';
import { committed, tracedOutput, tracedRoutes } from './tracing.ts';

function rig(): { readonly tracer: OwnTracer; readonly ended: EndedSpan[] } {
  const ended: EndedSpan[] = [];
  return { tracer: new OwnTracer({ sampling: 1, take: (span) => ended.push(span) }), ended };
}

const own = Buffer.from('[{"traceId":"1","id":"1","tags":{"meshbridge.self":"span"}}]');

async function handled(body: Buffer, tracer: OwnTracer | undefined, status = 202): Promise<void> {
  const routes: HttpRoute[] = [];
  const to = tracedRoutes({ add: (route) => routes.push(route) }, tracer);
  to.add({
    method: 'POST',
    path: '/api/v2/spans',
    listeners: ['main'],
    access: 'open',
    handle: async () => {
      await committed(tracer, { signal: 'traces', items: 1 }, async () => undefined);
      return { status };
    },
  });
  const request: HttpRequest = {
    method: 'POST',
    path: '/api/v2/spans',
    params: {},
    query: new URLSearchParams(),
    headers: {},
    body,
    remoteAddress: '127.0.0.1',
    signal: new AbortController().signal,
  };
  expect(await routes[0]?.handle(request)).toEqual({ status });
}

test('a request has a span, with what it commits below it', async () => {
  const { tracer, ended } = rig();
  await handled(Buffer.from('[]'), tracer);
  await handled(Buffer.from('[]'), tracer, 503);
  expect(ended.map(({ name, kind, failure }) => [name, kind, failure])).toEqual([
    ['commit traces', 'internal', undefined],
    ['POST /api/v2/spans', 'server', undefined],
    ['commit traces', 'internal', undefined],
    ['POST /api/v2/spans', 'server', 'HTTP 503'],
  ]);
  expect(ended[0]?.parentId).toBe(ended[1]?.id);
  expect(ended[1]?.attributes).toEqual({ 'http.request.body.size': 2, 'http.response.status_code': 202 });
});

test('a request that brings own spans has none, and neither has what it commits', async () => {
  const { tracer, ended } = rig();
  await handled(own, tracer);
  expect(ended).toEqual([]);
  await handled(own, undefined);
});

test('an attempt of an output has a span, but for one that carries own spans', async () => {
  const { tracer, ended } = rig();
  let answer: WriteResult = { status: 'delivered' };
  const output: Output = {
    start: async () => undefined,
    write: async () => answer,
    check: async () => ({ ok: true }),
    stop: async () => undefined,
  };
  const traced = tracedOutput(output, 'far', tracer);
  const never = new AbortController().signal;
  const plain = spanRecord([{ traceId: '0'.repeat(15) + 1, id: '0'.repeat(15) + 1 }], { seq: 1 });
  await traced.write(requestOf([plain]), never);
  answer = { status: 'retry', reason: 'HTTP 503' };
  await traced.write(requestOf([plain]), never);
  await traced.write(requestOf([plain, { ...plain, payload: own }]), never);
  const attributes = { output: 'far', signal: 'traces', items: 1, records: 1 };
  expect(ended.map(({ name, attributes: said, failure }) => [name, said, failure])).toEqual([
    ['deliver traces', { ...attributes, result: 'delivered' }, undefined],
    ['deliver traces', { ...attributes, result: 'retry' }, 'HTTP 503'],
  ]);
  expect(tracedOutput(output, 'far', undefined)).toBe(output);
});
