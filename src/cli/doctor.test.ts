import { mkdtemp, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { refusedUrl } from '../../test/fakes/far-side.ts';
import { DaemonClient } from './daemon-client.ts';
import { type DoctorTerminal, doctor } from './doctor.ts';

interface Answer {
  readonly status?: number;
  readonly body: unknown;
}

/** A daemon that answers everything alike, and remembers the tokens that it was given. */
async function withDaemon(
  answer: Answer,
  run: (daemon: { readonly to: string; readonly tokens: readonly (string | undefined)[] }) => Promise<void>,
): Promise<void> {
  const tokens: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    tokens.push(request.headers.authorization);
    response.statusCode = answer.status ?? 200;
    response.end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  try {
    await run({ to: `http://127.0.0.1:${port}`, tokens });
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

const noTokens = join(tmpdir(), 'meshbridge-no-such-directory');

async function seen(
  body: object,
  options: { readonly json?: boolean; readonly terminal?: Partial<DoctorTerminal> } = {},
): Promise<{ readonly code: number; readonly text: string }> {
  const lines: string[] = [];
  let code = -1;
  await withDaemon({ body }, async ({ to }) => {
    const terminal = { out: (text: string) => lines.push(text), err: () => undefined, hasColours: false };
    const { json = false, terminal: more } = options;
    code = await doctor({ to, dataDir: noTokens, json }, { ...terminal, ...more });
  });
  return { code, text: lines.join('\n').replaceAll(/127\.0\.0\.1:\d+/g, 'HOST') };
}

const green = { id: 'disk', state: 'green', seen: 'There is room.', todo: 'never said', snippet: 'nor shown' };
const yellow = {
  id: 'spans',
  state: 'yellow',
  seen: 'No span has ever arrived.',
  todo: 'Point it here:',
  snippet: 'a\n b',
};
const red = { id: 'outputs.x', state: 'red', seen: '“x” has stopped.', todo: 'Restart the daemon.' };
const setup = (...lights: object[]) => ({ nowMs: 1, node: 'n1', version: '1.2.3', lights });

describe('the doctor', () => {
  test('says each light, with what to do where it is not green', async () => {
    expect(await seen(setup(green, yellow, red))).toEqual({
      code: 1,
      text: [
        'meshbridge 1.2.3 on n1, http://HOST',
        '',
        'green    disk       There is room.',
        'yellow   spans      No span has ever arrived.',
        '                    → Point it here:',
        '                      a',
        '                       b',
        'red      outputs.x  “x” has stopped.',
        '                    → Restart the daemon.',
        '',
        '1 green, 1 yellow, 1 red, 0 unknown',
      ].join('\n'),
    });
  });

  test('ends with 0 as long as nothing is red', async () => {
    expect((await seen(setup(green, yellow))).code).toBe(0);
  });

  test('gives the whole answer as JSON when it is asked to', async () => {
    const { code, text } = await seen(setup(green, red), { json: true });
    expect(code).toBe(1);
    expect(JSON.parse(text)).toEqual(setup(green, red));
  });

  test('paints only for who sees colours, wraps to the width, and lets nothing steer the terminal', async () => {
    const long = { ...green, seen: `${'word '.repeat(30)}\u001b[2Jend` };
    const bare = await seen(setup(long), { terminal: { columns: 60 } });
    expect(bare.text).not.toContain('\u001b');
    expect(Math.max(...bare.text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(60);
    expect((await seen(setup(red), { terminal: { hasColours: true } })).text).toContain('\u001b[31mred');
  });

  test('says who does not answer, and how', async () => {
    const terminal = { out: () => undefined, err: () => undefined, hasColours: false };
    const ask = (to: string) => doctor({ to, dataDir: noTokens, json: false }, terminal);
    const nobody = await refusedUrl();
    await expect(ask(nobody)).rejects.toMatchObject({
      code: 'BRIDGE_START',
      message: `no answer from the daemon at ${nobody}: nothing listens there; name another with --to`,
    });
    await withDaemon({ status: 401, body: 'wants the token: [server] trusted\n' }, async ({ to }) => {
      await expect(ask(to)).rejects.toThrow(
        `no answer from the daemon at ${to}: give it its token with --token-file FILE; it refuses: wants the token: [server] trusted`,
      );
    });
    await withDaemon({ status: 404, body: 'no' }, async ({ to }) => {
      await expect(ask(to)).rejects.toThrow('is it an older one?');
    });
    await withDaemon({ body: '<html>' }, async ({ to }) => {
      await expect(ask(to)).rejects.toThrow('what answers there is no meshbridge');
    });
    await withDaemon({ body: { lights: 'none' } }, async ({ to }) => {
      await expect(ask(to)).rejects.toThrow('is of another version');
    });
  });
});

describe('the token', () => {
  test("of this machine's daemon is given to this machine alone, and that of a file to whom it was named for", async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'meshbridge-doctor-'));
    await writeFile(join(dataDir, 'token'), 'own\n');
    await writeFile(join(dataDir, 'other'), 'theirs\n');
    await withDaemon({ body: {} }, async ({ to, tokens }) => {
      await new DaemonClient({ to, dataDir }).get('/');
      await new DaemonClient({ to, dataDir, tokenFile: join(dataDir, 'other') }).get('/');
      await new DaemonClient({ to, dataDir: noTokens }).get('/');
      // The same place by a name that is not known to be this machine.
      const { port } = new URL(to);
      await new DaemonClient({ to: `http://0.0.0.0:${port}`, dataDir }).get('/');
      expect(tokens).toEqual(['Bearer own', 'Bearer theirs', undefined, undefined]);
      const none = join(dataDir, 'none');
      await expect(new DaemonClient({ to, dataDir, tokenFile: none }).get('/')).rejects.toMatchObject({
        message: `the token file ${none} cannot be read: it is not there`,
        isElsewhere: false,
      });
    });
    await withDaemon({ status: 401, body: 'who?' }, async ({ to }) => {
      const file = join(dataDir, 'other');
      await expect(new DaemonClient({ to, dataDir, tokenFile: file }).get('/')).rejects.toThrow(
        `the token in ${file} is not its own: give it that with --token-file FILE; it refuses: who?`,
      );
    });
  });

  test('does not follow a redirect to another place', async () => {
    const server = createServer((_, response) => {
      response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await expect(
      new DaemonClient({ to: `http://127.0.0.1:${port}`, dataDir: noTokens }).get('/'),
    ).rejects.toMatchObject({
      name: 'DaemonAway',
    });
    await new Promise((resolve) => server.close(resolve));
  });
});
