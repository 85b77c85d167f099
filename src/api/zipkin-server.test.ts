import { expect, test } from '@jest/globals';
import { serveRoutes } from '../../test/fakes/route-server.ts';
import { zipkinServerRoutes } from './zipkin-server.ts';

async function asked(paths: readonly string[], reasons: readonly string[]): Promise<unknown> {
  const served = await serveRoutes(zipkinServerRoutes({ version: '1.2.3', notReady: () => reasons }), 'zipkin');
  try {
    return await Promise.all(
      paths.map(async (path) => {
        const answer = await fetch(served.url + path);
        return [answer.status, await answer.json()];
      }),
    );
  } finally {
    await served.close();
  }
}

test.each([
  ['UP', 200, []],
  ['DOWN', 503, ['the queue is being recovered']],
])("probes that were written for Zipkin's server are told %s", async (status, code, reasons) => {
  const body = { status, zipkin: { status, details: { meshbridge: { status } } } };
  expect(await asked(['/health', '/actuator/health'], reasons)).toEqual([
    [code, body],
    [code, body],
  ]);
});

test('it says which version it is, and tells the page Lens what can be asked', async () => {
  expect(await asked(['/info', '/zipkin/config.json'], [])).toEqual([
    [200, { zipkin: { version: '1.2.3', commit: 'meshbridge' } }],
    [200, expect.objectContaining({ searchEnabled: true, dependency: expect.objectContaining({ enabled: true }) })],
  ]);
});
