import { afterEach, expect, test } from '@jest/globals';
import { type FakeFarSide, fakeFarSide, refusedUrl } from '../../test/fakes/far-side.ts';
import { type FakeRuntime, fakeRuntime } from '../../test/fakes/runtime.ts';
import { zipkinJson } from '../codec/zipkin-json/zipkin-json.ts';
import { OwnSpans } from './own-spans.ts';

let far: FakeFarSide | undefined;

afterEach(async () => {
  await far?.close();
  far = undefined;
});

function started(url: string): { readonly spans: OwnSpans; readonly runtime: FakeRuntime } {
  const runtime = fakeRuntime();
  const { log, meter } = runtime;
  const endpoint = `${url}/api/v2/spans`;
  return { runtime, spans: new OwnSpans({ endpoint, sampling: 1, node: 'n1', version: '9', log, meter }) };
}

test('spans go out as Zipkin has them, and carry the mark', async () => {
  far = await fakeFarSide();
  const { spans, runtime } = started(far.url);
  await spans.tracer.span({ name: 'POST /x', kind: 'server', attributes: { items: 3 } }, async () => {
    await spans.tracer.span({ name: 'inner', kind: 'internal' }, async (span) => span.fail('no room'));
  });
  await spans.stop();
  const [request] = far.requests;
  expect(request?.path).toBe('/api/v2/spans');
  expect(spans.tracer.isOwn(request?.body ?? Buffer.alloc(0))).toBe(true);
  const got = zipkinJson.decode(request?.body ?? Buffer.alloc(0));
  const common = { 'host.name': 'n1', 'service.version': '9', 'meshbridge.self': 'span' };
  const [inner, outer] = got;
  expect(inner).toMatchObject({
    name: 'inner',
    parentId: outer?.id,
    traceId: outer?.traceId,
    localEndpoint: { serviceName: 'meshbridge' },
    tags: { ...common, 'otel.status_code': 'ERROR', error: 'no room' },
  });
  expect(outer).toMatchObject({ rawName: 'POST /x', kind: 'SERVER', tags: { ...common, items: '3' } });
  expect(Math.abs((outer?.timestamp ?? 0) / 1_000 - Date.now())).toBeLessThan(60_000);
  expect(outer?.duration ?? 0).toBeGreaterThanOrEqual(1);
  expect(runtime.meter.value('meshbridge_own_spans_total', { outcome: 'sent' })).toBe(2);
});

test('spans that nobody takes are counted, and said once', async () => {
  const { spans, runtime } = started(await refusedUrl());
  await spans.tracer.span({ name: 'a', kind: 'server' }, async () => undefined);
  await spans.stop();
  expect(runtime.meter.value('meshbridge_own_spans_total', { outcome: 'lost' })).toBe(1);
  expect(runtime.meter.value('meshbridge_own_spans_total', { outcome: 'sent' }) ?? 0).toBe(0);
});
