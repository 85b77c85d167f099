import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { lstat, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { freePort } from '../fakes/free-port.ts';
import { inTempDir } from '../fakes/temp-dir.ts';
import { until, within } from '../fakes/until.ts';

const script = join(import.meta.dirname, '../components/image-tree.sh');

async function fingerprints(folder: string): Promise<string[]> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
  return Promise.all(
    names.map(async (name) => {
      const { mtimeMs, size } = await lstat(join(folder, name));
      return `${name} ${mtimeMs} ${size}`;
    }),
  );
}

test(
  'the files of the image run as its entry point does: no shell, no PATH, nothing written beside the data',
  () =>
    inTempDir(async (dir) => {
      const tree = join(dir, 'image');
      const laid = spawnSync('bash', [script, tree], { encoding: 'utf8' });
      expect(laid).toMatchObject({ status: 0, stderr: '' });
      const program = join(tree, 'opt', 'meshbridge');
      for (const development of ['jest', 'typescript', 'node', 'vite']) {
        expect(existsSync(join(program, 'node_modules', development))).toBe(false);
      }
      const before = await fingerprints(tree);

      const [config, port] = [join(dir, 'conf.d'), await freePort()];
      await mkdir(config);
      const args = ['run', '--config-dir', config, '--data-dir', join(dir, 'data'), '--listen', `127.0.0.1:${port}`];
      const child = spawn(process.execPath, [join(program, 'dist', 'main.js'), ...args], {
        cwd: program,
        env: { NODE_ENV: 'production' },
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      const exited = new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal)));
      try {
        const url = `http://127.0.0.1:${port}`;
        await until(async () => (await fetch(`${url}/-/ready`)).ok, { withinMs: 60_000, what: '/-/ready' });
        expect(await (await fetch(url)).text()).toContain('<!doctype html>');
        const sent = await fetch(`${url}/api/v2/spans`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify([
            { traceId: '00000000000000aa', id: '00000000000000bb', localEndpoint: { serviceName: 'in-image' } },
          ]),
        });
        expect(sent.status).toBe(202);
        const services = await until(
          async () => {
            const names: string[] = JSON.parse(await (await fetch(`${url}/api/v2/services`)).text());
            return names.length > 0 && names;
          },
          { withinMs: 60_000, what: 'the service in the store' },
        );
        expect(services).toEqual(['in-image']);
      } finally {
        child.kill('SIGTERM');
      }
      expect(await within(exited, 60_000, 'its end')).toBe(0);
      expect(await fingerprints(tree)).toEqual(before);
    }),
  240_000,
);
