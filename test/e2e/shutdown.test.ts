import { describe, expect, test } from '@jest/globals';
import { type FakeFarSide, fakeFarSide } from '../fakes/far-side.ts';
import { inTempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';
import { type Daemon, startDaemon } from './daemon.ts';

const quiet = '[inputs.container]\nenabled = false\n';

function zipkinTo(far: FakeFarSide, more = ''): string {
  return `${quiet}[[outputs.zipkin]]\nname = "far"\nurl = "${far.url}/api/v2/spans"\n${more}`;
}

async function send(daemon: Daemon, digit: string): Promise<void> {
  const response = await fetch(`${daemon.url}/api/v2/spans`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify([
      { traceId: digit.repeat(32), id: '0000000000000001', name: 'op', localEndpoint: { serviceName: 'a' } },
    ]),
  });
  expect(response.status).toBe(202);
}

/** Trace ids that came, each as its digit. */
function got({ requests }: FakeFarSide): string {
  return requests
    .flatMap(({ body }) => [...body.toString().matchAll(/"traceId":"(\w)\1{31}"/g)].map(([, digit]) => digit))
    .join('');
}

function withFarSide(use: (dir: string, far: FakeFarSide) => Promise<void>): Promise<void> {
  return inTempDir(async (dir) => {
    const far = await fakeFarSide();
    far.answer({ status: 202 });
    try {
      await use(dir, far);
    } finally {
      await far.close();
    }
  });
}

describe('the end of the process', () => {
  test.concurrent('sends what still waits to be a full request, and exits with 0', () =>
    withFarSide(async (dir, far) => {
      const daemon = await startDaemon({ dir, config: { 'own.conf': zipkinTo(far, 'batch_wait = "10m"\n') } });
      // The first goes out at once: nothing is known of more.
      await send(daemon, '1');
      await until(() => got(far) === '1');
      await send(daemon, '2');
      await send(daemon, '3');
      expect(got(far)).toBe('1');
      expect(await daemon.end()).toBe(0);
      expect(got(far)).toBe('123');
    }));

  test.concurrent('does not wait for a far side that is away; the next start goes on there, once', () =>
    withFarSide(async (dir, far) => {
      far.answer({ status: 503, headers: { 'retry-after': '300' } });
      const first = await startDaemon({ dir, config: { 'own.conf': zipkinTo(far) } });
      await send(first, '1');
      await until(() => got(far) === '1');
      await send(first, '2');
      expect(await first.end()).toBe(0);
      expect(got(far)).toBe('1');
      far.answer({ status: 202 });
      far.forget();
      const second = await startDaemon({ dir });
      await until(() => got(far).length === 2);
      expect(await second.end()).toBe(0);
      expect(got(far)).toBe('12');
    }));

  test.concurrent('cuts off a request that nobody answers within the time, and keeps what it carried', () =>
    withFarSide(async (dir, far) => {
      far.answer('hang');
      const first = await startDaemon({ dir, config: { 'own.conf': zipkinTo(far, 'timeout = "10m"\n') } });
      await send(first, '1');
      await until(() => got(far) === '1');
      expect(await first.end()).toBe(0);
      far.answer({ status: 202 });
      far.forget();
      const second = await startDaemon({ dir });
      await until(() => got(far) === '1');
      expect(await second.end()).toBe(0);
    }));

  test.concurrent('comes at once with a second signal, and loses nothing either', () =>
    withFarSide(async (dir, far) => {
      far.answer('hang');
      const first = await startDaemon({ dir, config: { 'own.conf': zipkinTo(far, 'timeout = "10m"\n') } });
      await send(first, '1');
      await until(() => got(far) === '1');
      let code: number | string | undefined;
      void first.exited.then((found) => {
        code = found;
      });
      // Those of the first half second are one: npm and a terminal send it twice.
      await until(() => {
        if (code === undefined) {
          process.kill(first.pid, 'SIGTERM');
        }
        return code !== undefined;
      });
      expect(code).toBe(1);
      far.answer({ status: 202 });
      far.forget();
      const second = await startDaemon({ dir });
      await until(() => got(far) === '1');
      expect(await second.end()).toBe(0);
    }));
});
