import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { Cadvisor, type WatchedContainer } from './cadvisor.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'meshbridge-cadvisor-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const own = (): WatchedContainer => ({
  namespace: 'default',
  pod: 'details-v1-x',
  uid: 'u1',
  container: 'details',
  pid: process.pid,
  sharers: 1,
  folder,
});

function pageOf(...containers: readonly WatchedContainer[]): string {
  const traffic = [{ namespace: 'default', pod: 'details-v1-x', uid: 'u1', receivedBytes: 7, sentBytes: 9 }];
  return new Cadvisor(() => ({ containers, traffic })).page();
}

const sampleOf = (page: string, name: string) =>
  Number(new RegExp(`^${name}\\{.*container="details".*\\} (\\S+)$`, 'm').exec(page)?.[1]);

const hasProc = process.platform === 'linux' ? test : test.skip;

hasProc('the numbers of a process are its own, and shared where several containers are of one process', () => {
  const alone = pageOf(own());
  const shared = pageOf({ ...own(), sharers: 4 });
  const resident = process.memoryUsage().rss;
  expect(sampleOf(alone, 'container_memory_working_set_bytes') / resident).toBeCloseTo(1, 0);
  expect(sampleOf(shared, 'container_memory_working_set_bytes') / resident).toBeCloseTo(0.25, 0);
  const { user, system } = process.cpuUsage();
  expect(sampleOf(alone, 'container_cpu_usage_seconds_total')).toBeLessThanOrEqual((user + system) / 1e6 + 1);
  expect(sampleOf(alone, 'container_cpu_usage_seconds_total')).toBeGreaterThan(0);
});

test('a container that does not run has its log’s size alone', () => {
  writeFileSync(join(folder, '0.log'), 'twelve bytes');
  const page = pageOf({ ...own(), pid: undefined });
  expect(page).not.toContain('container_cpu_usage_seconds_total');
  expect(sampleOf(page, 'container_fs_usage_bytes')).toBe(12);
});

test('the traffic is the pod’s, not a container’s', () => {
  const page = pageOf();
  const labels =
    'interface="eth0",container="",id="/kubepods/burstable/podu1",image="",name="",namespace="default",pod="details-v1-x"';
  expect(page).toContain(`# TYPE container_network_receive_bytes_total counter
container_network_receive_bytes_total{${labels}} 7
`);
  expect(page).toContain(`container_network_transmit_bytes_total{${labels}} 9`);
  expect(page).toMatch(/^machine_cpu_cores [1-9]\d*$/m);
});
