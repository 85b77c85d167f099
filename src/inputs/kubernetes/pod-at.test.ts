import { describe, expect, test } from '@jest/globals';
import type { Pod } from '../../kube/kube.ts';
import { podAt, resolveHost } from './pod-at.ts';

function pod(name: string, ips: readonly string[], more: Partial<Pod> = {}): Pod {
  return {
    ...{ uid: name, namespace: 'prod', name, node: 'n', ips, phase: 'Running', deleting: false },
    ...{ labels: {}, annotations: {}, containers: [] },
    ...more,
  };
}

const declaring = (number: number) => ({ containers: [{ name: 'c', kind: 'main' as const, ports: [{ number }] }] });

/** Name of the pod behind the URL. */
async function nameAt(url: string, pods: readonly Pod[], hosts: Readonly<Record<string, readonly string[]>> = {}) {
  const found = await podAt(
    url,
    async (host) => hosts[host] ?? [],
    async (ip) => pods.filter(({ ips }) => ips.includes(ip)),
  );
  return found?.name;
}

describe('the pod at an address', () => {
  const own = pod('own', ['10.0.0.1', 'fd00::1']);

  test('is the one that has it, of either family, by name too', async () => {
    expect(await nameAt('http://10.0.0.1:80/', [own])).toBe('own');
    expect(await nameAt('http://[fd00::1]:80/', [own])).toBe('own');
    expect(await nameAt('http://web.example:80/', [own], { 'web.example': ['10.0.0.1'] })).toBe('own');
    expect(await nameAt('http://web.example:80/', [own], { 'web.example': ['fd00::1', '10.0.0.1'] })).toBe('own');
  });

  test('is none where nobody has it, it ended, or the name stands for several', async () => {
    expect(await nameAt('http://10.0.0.9:80/', [own])).toBeUndefined();
    expect(await nameAt('http://nowhere.example:80/', [own])).toBeUndefined();
    expect(await nameAt('http://10.0.0.1/', [{ ...own, phase: 'Succeeded' }])).toBeUndefined();
    expect(await nameAt('http://10.0.0.1/', [{ ...own, deleting: true }])).toBeUndefined();
    const hosts = { 'web.example': ['10.0.0.1', '10.0.0.2'] };
    expect(await nameAt('http://web.example/', [own, pod('other', ['10.0.0.2'])], hosts)).toBeUndefined();
  });

  test('is the running one where an ended one had it before', async () => {
    expect(await nameAt('http://10.0.0.1/', [pod('job', ['10.0.0.1'], { phase: 'Succeeded' }), own])).toBe('own');
  });

  test('is, of those of the host network, the one that declares the port', async () => {
    const host = { hostNetwork: true as const };
    const pods = [
      pod('proxy', ['192.168.0.1'], { ...host, ...declaring(10_256) }),
      pod('exporter', ['192.168.0.1'], { ...host, ...declaring(9100) }),
    ];
    expect(await nameAt('http://192.168.0.1:9100/metrics', pods)).toBe('exporter');
    expect(await nameAt('http://192.168.0.1:22/', pods)).toBeUndefined();
    expect(await nameAt('http://192.168.0.1/', pods.slice(0, 1))).toBeUndefined();
  });
});

test('localhost has an address', async () => {
  expect(await resolveHost('localhost')).not.toEqual([]);
});
