import { expect, test } from '@jest/globals';
import { stateAfter } from '../../../test/fakes/until.ts';
import type { HttpRequest, HttpRoute } from '../../contract/http.ts';
import { GatedRoutes } from './gated-routes.ts';

const request = { method: 'POST', path: '/spans' } as unknown as HttpRequest;

function gated(name: string, path = '/spans'): GatedRoutes {
  const routes = new GatedRoutes();
  routes.add({
    method: 'POST',
    path,
    listeners: ['main'],
    access: 'open',
    handle: async () => ({ status: 200, body: name }),
  });
  return routes;
}

async function ask(routes: GatedRoutes): Promise<unknown> {
  const [route] = routes.all as readonly [HttpRoute];
  return (await route.handle(request)).body;
}

test('requests are handled as they come', async () => {
  expect(await ask(gated('old'))).toBe('old');
});

test('while another takes its place requests wait, and that one answers them', async () => {
  const old = gated('old');
  const letGo = old.hold();
  const asked = ask(old);
  expect(await stateAfter(asked, 20)).toBe('pending');
  letGo(gated('new'));
  expect(await asked).toBe('new');
  expect(await ask(old)).toBe('new');
});

test('a path that is gone then is not found', async () => {
  const [old, other] = [gated('old'), gated('old')];
  const asked = ask(old);
  old.hold()(gated('new', '/elsewhere'));
  expect(await asked).toBe('old');
  await expect(ask(old)).rejects.toMatchObject({ code: 'BRIDGE_NOT_FOUND' });
  other.hold()(undefined);
  await expect(ask(other)).rejects.toMatchObject({ code: 'BRIDGE_NOT_FOUND' });
});
