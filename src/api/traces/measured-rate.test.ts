import { describe, expect, test } from '@jest/globals';
import { BridgeError } from '../../contract/errors.ts';
import type { HttpRequest, HttpRoute } from '../../contract/http.ts';
import { type SamplingRate, samplingSentence, withRateHeader } from './measured-rate.ts';

const request: HttpRequest = {
  ...{ method: 'GET', path: '/', params: {}, query: new URLSearchParams(), headers: {}, body: Buffer.alloc(0) },
  ...{ remoteAddress: '127.0.0.1', signal: new AbortController().signal },
};

function routeAt(path: string): HttpRoute {
  const handle = async () => ({ status: 200, headers: { 'content-type': 'application/json' }, body: '[]' });
  return { method: 'GET', path, listeners: ['main'], access: 'reader', handle };
}

async function headersOf(path: string, told: SamplingRate['told']): Promise<unknown> {
  const [route] = withRateHeader([routeAt(path)], { told });
  return (await route?.handle(request))?.headers;
}

const type = { 'content-type': 'application/json' };

describe('answers about links', () => {
  test.each([
    [{ rate: 0.01, applied: [] }, '0.01'],
    [{ unknown: 'noMetrics' as const, applied: [] }, 'unknown (noMetrics)'],
  ])('tell the rate %j as %s', async (told, header) => {
    for (const path of ['/api/v2/dependencies', '/jaeger/api/dependencies']) {
      expect(await headersOf(path, async () => told)).toEqual({ ...type, 'meshbridge-sampling-rate': header });
    }
  });

  test('are given where the rate cannot be measured', async () => {
    const told = () => Promise.reject(new BridgeError('BRIDGE_UNSUPPORTED', 'not asked here'));
    expect(await headersOf('/api/v2/dependencies', told)).toEqual(type);
  });

  test('alone tell it', async () => {
    expect(await headersOf('/api/v2/services', async () => ({ rate: 1, applied: [] }))).toEqual(type);
  });
});

test.each([
  [{ rate: 1, applied: [] }, 'counted from traces: about 100 % of the requests are traced'],
  [
    { rate: 0.01234, applied: [{ input: 'zipkin', rate: 0.1, keepsErrors: false }] },
    'counted from traces: about 1.2 % of the requests are traced, and zipkin keeps 10 %',
  ],
  [
    { unknown: 'noSpans' as const, applied: [{ input: 'zipkin', rate: 1, keepsErrors: true }] },
    'counted from traces: what share of the requests is traced is not known (no spans have come in the last minutes)',
  ],
])('%j is told in a sentence', (told, sentence) => {
  expect(samplingSentence(told)).toBe(sentence);
});
