import { createServer, type Server } from 'node:net';
import { expect, test } from '@jest/globals';
import { podAddresses } from './addresses.ts';

async function hold(host: string, port: number): Promise<Server> {
  const server = createServer();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen(port, host, resolve);
  await promise;
  return server;
}

test('no two pods share a place, and two meshes share none either', async () => {
  const first = await podAddresses(3);
  const second = await podAddresses(3);
  try {
    const places = [...first.pods, ...second.pods].flatMap(({ ip, isOwn: _, ...ports }) =>
      Object.values(ports).map((port) => `${ip}:${port}`),
    );
    expect(new Set(places).size).toBe(places.length);
    expect(places).toHaveLength(6 * 9);
  } finally {
    first.release();
    second.release();
  }
});

test('ports that somebody has are left alone', async () => {
  // No mesh but this test's has them, so that nobody takes what is given back for a moment.
  const networks = ['127.94.29', '127.94.30'];
  const before = await podAddresses(1, networks);
  before.release();
  const [pod] = before.pods;
  const holder = await hold(pod?.ip ?? '', pod?.inbound ?? 0);
  const after = await podAddresses(1, networks);
  try {
    expect(after.pods[0]).not.toMatchObject({ ip: pod?.ip, inbound: pod?.inbound });
  } finally {
    after.release();
    holder.close();
  }
});

test('pods that share an address have ports that no outgoing connection is given', async () => {
  const { pods, freePort } = await podAddresses(9, []);
  const ports = [...pods.flatMap(({ ip: _, isOwn: __, ...own }) => Object.values(own)), await freePort()];
  expect(new Set(pods.map(({ ip }) => ip))).toEqual(new Set(['127.0.0.1']));
  expect(new Set(ports).size).toBe(82);
  expect(Math.max(...ports)).toBeLessThan(32_768);
});
