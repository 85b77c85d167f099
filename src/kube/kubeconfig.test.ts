import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { describe, expect, test } from '@jest/globals';
import { stringify } from 'yaml';
import { fakeApiServer } from '../../test/fakes/api-server.ts';
import { selfSignedCertificate } from '../../test/fakes/certificate.ts';
import { inTempDir } from '../../test/fakes/temp-dir.ts';
import { ApiClient } from './api-client.ts';
import { kubeconfigAccess } from './kubeconfig.ts';

const own = selfSignedCertificate();
const never = new AbortController().signal;

interface Written {
  readonly cluster: object;
  readonly user: object;
  readonly context?: string;
}

/** Writes a kubeconfig of two contexts; the second is the current one. */
async function written(dir: string, { cluster, user, context = 'ours' }: Written): Promise<string> {
  const path = join(dir, 'config');
  const other = { server: 'https://127.0.0.1:1' };
  const text = stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': context,
    clusters: [
      { name: 'other', cluster: other },
      { name: 'ours', cluster },
    ],
    users: [
      { name: 'other', user: { token: 'wrong' } },
      { name: 'me', user },
    ],
    contexts: [
      { name: 'other', context: { cluster: 'other', user: 'other' } },
      { name: 'ours', context: { cluster: 'ours', user: 'me' } },
    ],
  });
  await writeFile(path, text);
  return path;
}

/** One request to the server that the file names. */
async function asked(path: string, request = '/api/v1/pods'): Promise<unknown> {
  const client = new ApiClient(await kubeconfigAccess(path), 'test');
  try {
    return await client.get(request, never);
  } finally {
    await client.close();
  }
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

describe('the current context of a kubeconfig', () => {
  test('names the server, its authority and a token', () =>
    inTempDir(async (dir) => {
      const api = await fakeApiServer({ tls: own });
      try {
        const cluster = { server: api.url, 'certificate-authority-data': base64(own.cert) };
        await asked(await written(dir, { cluster, user: { token: 'mine' } }));
        expect(api.requests.map(({ token }) => token)).toEqual(['mine']);
        const stranger = { server: api.url, 'certificate-authority-data': base64(selfSignedCertificate().cert) };
        await expect(asked(await written(dir, { cluster: stranger, user: { token: 'mine' } }))).rejects.toMatchObject({
          code: expect.stringMatching(/CERT|SIGN/),
        });
        expect(api.requests).toHaveLength(1);
        const any = { server: api.url, 'insecure-skip-tls-verify': true };
        await asked(await written(dir, { cluster: any, user: { token: 'mine' } }));
        expect(api.requests).toHaveLength(2);
      } finally {
        await api.stop();
      }
    }));

  test('names files beside it', () =>
    inTempDir(async (dir) => {
      const api = await fakeApiServer({ tls: own });
      try {
        await mkdir(join(dir, 'pki'));
        await writeFile(join(dir, 'pki/ca.crt'), own.cert);
        await writeFile(join(dir, 'token'), 'of-a-file');
        const cluster = { server: api.url, 'certificate-authority': 'pki/ca.crt' };
        await asked(await written(dir, { cluster, user: { tokenFile: 'token' } }));
        expect(api.requests.map(({ token }) => token)).toEqual(['of-a-file']);
      } finally {
        await api.stop();
      }
    }));

  test('logs in with a certificate of its own', () =>
    inTempDir(async (dir) => {
      const client = selfSignedCertificate();
      const subjects: boolean[] = [];
      const server = createServer(
        { cert: own.cert, key: own.key, ca: client.cert, requestCert: true, rejectUnauthorized: false },
        (request, response) => {
          subjects.push((request.socket as TLSSocket).authorized);
          response.end('{}');
        },
      );
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      try {
        const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/behind/a/path`;
        const cluster = { server: url, 'certificate-authority-data': base64(own.cert) };
        const user = { 'client-certificate-data': base64(client.cert), 'client-key-data': base64(client.key) };
        await asked(await written(dir, { cluster, user }));
        await asked(await written(dir, { cluster, user: {} }));
        expect(subjects).toEqual([true, false]);
      } finally {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
    }));

  test('runs the command that logs in', () =>
    inTempDir(async (dir) => {
      const api = await fakeApiServer({ tls: own });
      try {
        const credential = {
          apiVersion: 'client.authentication.k8s.io/v1',
          kind: 'ExecCredential',
          status: { token: 'of-a-command' },
        };
        const exec = {
          apiVersion: 'client.authentication.k8s.io/v1',
          command: process.execPath,
          args: ['-e', `console.log(${JSON.stringify(JSON.stringify(credential))})`],
          interactiveMode: 'Never',
        };
        const cluster = { server: api.url, 'certificate-authority-data': base64(own.cert) };
        await asked(await written(dir, { cluster, user: { exec } }));
        expect(api.requests.map(({ token }) => token)).toEqual(['of-a-command']);
      } finally {
        await api.stop();
      }
    }));
});

describe('a kubeconfig that cannot be followed is a fault of the configuration', () => {
  test.each([
    ['is not there', undefined, 'cannot be read'],
    ['is no YAML', ': [', 'is no kubeconfig'],
    ['has nothing in it', 'apiVersion: v1\nkind: Config\n', 'has no cluster for its context'],
    [
      'has no such context',
      'current-context: x\nclusters: []\ncontexts: []\nusers: []\n',
      'has no cluster for its context "x"',
    ],
  ])('where it %s', (_, text, message) =>
    inTempDir(async (dir) => {
      const path = join(dir, 'config');
      if (text !== undefined) {
        await writeFile(path, text);
      }
      await expect(kubeconfigAccess(path)).rejects.toMatchObject({
        code: 'BRIDGE_CONFIG',
        message: expect.stringContaining(message),
      });
    }),
  );
});
