import { expect, test } from '@jest/globals';
import { frozenFiles } from './mounts.ts';

const volumes = '/var/lib/kubelet/pods/0ddf1e9c-6a1c-4f0a-9a3a-2c1d5a9e7b10/volumes';
const version = '..2026_11_22_01_16_31.1234567890';

function frozen(file: string, ...lines: readonly string[]): boolean {
  const mounts = ['2 1 0:30 / / rw,relatime master:1 - overlay overlay rw,lowerdir=/a', ...lines];
  return frozenFiles([file], `${mounts.join('\n')}\n`).length > 0;
}

const zipkin = '/usr/local/datakit/conf.d/zipkin/zipkin.conf';

test('a file of a ConfigMap that is mounted by subPath cannot change', () => {
  const root = `${volumes}/kubernetes.io~configmap/datakit-conf/${version}/zipkin.conf`;
  expect(frozen(zipkin, `9 2 8:1 ${root} ${zipkin} ro,relatime - ext4 /dev/sda1 rw`)).toBe(true);
});

test('neither can one whose version the kubelet has removed since', () => {
  const root = `${volumes}/kubernetes.io~configmap/datakit-conf/${version}/zipkin.conf//deleted`;
  expect(frozen(zipkin, `9 2 8:1 ${root} ${zipkin} ro,relatime - ext4 /dev/sda1 rw`)).toBe(true);
});

test('neither can one of a Secret, which is a file system of its own', () => {
  expect(frozen(zipkin, `9 2 0:77 /${version}/zipkin.conf ${zipkin} ro - tmpfs tmpfs rw`)).toBe(true);
});

test('neither can one that the kubelet names by its directory of subpaths', () => {
  const root = '/var/lib/kubelet/pods/0ddf1e9c/volume-subpaths/datakit-conf/datakit/3';
  expect(frozen(zipkin, `9 2 8:1 ${root} ${zipkin} ro,relatime - ext4 /dev/sda1 rw`)).toBe(true);
});

test('a directory of a version is mounted by subPath too', () => {
  const root = `${volumes}/kubernetes.io~configmap/datakit-conf/${version}/zipkin`;
  expect(frozen(zipkin, `9 2 8:1 ${root} /usr/local/datakit/conf.d/zipkin ro - ext4 /dev/sda1 rw`)).toBe(true);
});

test('the directory of a ConfigMap changes', () => {
  const root = `${volumes}/kubernetes.io~configmap/datakit-conf`;
  expect(frozen(zipkin, `9 2 8:1 ${root} /usr/local/datakit/conf.d/zipkin ro - ext4 /dev/sda1 rw`)).toBe(false);
});

test('a file that is under no mount of its own changes, whatever is mounted beside it', () => {
  const other = `9 2 8:1 ${volumes}/kubernetes.io~configmap/c/${version}/zipkin.con ${zipkin.slice(0, -1)} ro - ext4 x rw`;
  expect(frozen(zipkin, other)).toBe(false);
});

test('what was mounted last over a point counts', () => {
  const frozenMount = `9 2 8:1 ${volumes}/kubernetes.io~configmap/c/${version}/zipkin.conf ${zipkin} ro - ext4 x rw`;
  const later = `10 2 8:1 /srv/conf/zipkin.conf ${zipkin} ro - ext4 x rw`;
  expect(frozen(zipkin, frozenMount, later)).toBe(false);
  expect(frozen(zipkin, later, frozenMount)).toBe(true);
});

test('names with spaces stand as octal numbers', () => {
  const line = `9 2 8:1 ${volumes}/kubernetes.io~configmap/c/${version}/a\\040b.conf /etc/my\\040conf/a\\040b.conf ro - ext4 x rw`;
  expect(frozen('/etc/my conf/a b.conf', line)).toBe(true);
});

test('a text that is none says nothing', () => {
  expect(frozenFiles(['/a.conf'], '')).toEqual([]);
  expect(frozenFiles(['/a.conf'], 'no mounts\n\n')).toEqual([]);
});
