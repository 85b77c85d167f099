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
  const before = await podAddresses(1);
  before.release();
  const [pod] = before.pods;
  const holder = await hold(pod?.ip ?? '', pod?.inbound ?? 0);
  const after = await podAddresses(1);
  try {
    expect(after.pods[0]).not.toMatchObject({ ip: pod?.ip, inbound: pod?.inbound });
  } finally {
    after.release();
    holder.close();
  }
});
