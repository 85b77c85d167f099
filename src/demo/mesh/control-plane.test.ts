import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { DemoState } from '../state/demo-state.ts';
import { usualState } from '../switches/usual-state.ts';
import { podAddresses } from './addresses.ts';
import { ControlPlane } from './control-plane.ts';
import { get } from './http-get.ts';
import type { Place } from './place.ts';

const state = usualState('default');
let places: readonly [Place, Place];
let plane: ControlPlane;

beforeEach(async () => {
  const { freePort } = await podAddresses(0, []);
  places = [
    { host: '127.0.0.1', port: await freePort() },
    { host: '127.0.0.1', port: await freePort() },
  ];
  plane = new ControlPlane(places, { proxies: 9, services: 5 });
});

afterEach(() => plane.stop());

/** Undefined where the replica does not answer. */
async function pageOf(n: 0 | 1): Promise<string | undefined> {
  const answer = await get({ ...places[n], path: '/metrics', timeoutMs: 30_000 });
  return answer?.status === 200 ? answer.body.toString() : undefined;
}

async function sampleOf(n: 0 | 1, sample: string): Promise<number> {
  const line = (await pageOf(n))?.split('\n').find((one) => one.startsWith(`${sample} `));
  return Number(line?.slice(sample.length));
}

const down = (istiodDown: DemoState['istiodDown']): DemoState => ({ ...state, istiodDown });

test('replicas share the proxies, and the one that is left has them all', async () => {
  const proxies = 'pilot_xds{version="demo"}';
  await plane.apply(state);
  expect([await sampleOf(0, proxies), await sampleOf(1, proxies)]).toEqual([5, 4]);
  await plane.apply(down(1));
  expect(await pageOf(1)).toBeUndefined();
  expect(await sampleOf(0, proxies)).toBe(9);
  await plane.apply(down(2));
  expect([await pageOf(0), await pageOf(1)]).toEqual([undefined, undefined]);
  await plane.apply(state);
  expect([await sampleOf(0, proxies), await sampleOf(1, proxies)]).toEqual([5, 4]);
});

test('what proxies are told is counted where they are connected', async () => {
  await plane.apply(state);
  plane.triggered();
  plane.issued(0);
  plane.pushed(0, ['cds', 'rds'], 250);
  plane.pushed(1, ['rds'], 20);
  plane.rejected(1, 'cds');
  expect(await sampleOf(0, 'pilot_xds_pushes{type="rds"}')).toBe(1);
  expect(await sampleOf(0, 'pilot_xds_pushes{type="cds"}')).toBe(1);
  expect(await sampleOf(1, 'pilot_xds_pushes{type="cds"}')).toBe(0);
  expect(await sampleOf(0, 'pilot_proxy_convergence_time_bucket{le="0.1"}')).toBe(0);
  expect(await sampleOf(0, 'pilot_proxy_convergence_time_bucket{le="0.5"}')).toBe(1);
  expect(await sampleOf(1, 'pilot_total_xds_rejects')).toBe(1);
  expect(await sampleOf(1, 'pilot_xds_cds_reject')).toBe(1);
  expect(await sampleOf(0, 'citadel_server_csr_count')).toBe(1);
  expect([
    await sampleOf(0, 'pilot_push_triggers{type="config"}'),
    await sampleOf(1, 'pilot_push_triggers{type="config"}'),
  ]).toEqual([1, 1]);
});

test('rules that come and go are events, and those in force are counted', async () => {
  await plane.apply(state);
  const events = 'pilot_k8s_cfg_events{event="update",type="VirtualService"}';
  expect(await sampleOf(0, events)).toBe(0);
  await plane.apply({ ...state, virtualServices: [] });
  await plane.apply(state);
  expect(await sampleOf(0, events)).toBe(2);
  expect(await sampleOf(0, 'pilot_virt_services')).toBe(1);
  expect(await sampleOf(0, 'pilot_services')).toBe(5);
});

test('its page has what dashboards of Istio look for, each family with its type once', async () => {
  await plane.apply(state);
  const page = (await pageOf(0)) ?? '';
  const types = [...page.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name);
  expect(new Set(types).size).toBe(types.length);
  expect(types).toEqual(
    expect.arrayContaining([
      'pilot_info',
      'pilot_xds',
      'pilot_xds_pushes',
      'pilot_xds_push_time',
      'pilot_proxy_convergence_time',
      'pilot_services',
      'pilot_virt_services',
      'pilot_total_xds_rejects',
      'citadel_server_root_cert_expiry_timestamp',
      'galley_validation_passed',
      'sidecar_injection_success_total',
      'istiod_uptime_seconds',
      'process_cpu_seconds_total',
      'process_resident_memory_bytes',
      'go_goroutines',
    ]),
  );
});
