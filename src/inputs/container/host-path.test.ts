import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { inTempDir } from '../../../test/fakes/temp-dir.ts';
import { hostPath } from './host-path.ts';

test('links are followed as on the node: absolute ones below its root, relative ones where they stand, rings not for ever', () =>
  inTempDir(async (dir) => {
    const root = join(dir, 'rootfs');
    for (const folder of ['var/log/pods/a', 'data/docker/containers/id', 'var/lib']) {
      mkdirSync(join(root, folder), { recursive: true });
    }
    writeFileSync(join(root, 'data/docker/containers/id/id-json.log'), '');
    symlinkSync('/data/docker', join(root, 'var/lib/docker'));
    symlinkSync('/var/lib/docker/containers/id/id-json.log', join(root, 'var/log/pods/a/0.log'));
    symlinkSync('../../../../data/docker/containers/id/id-json.log', join(root, 'var/log/pods/a/1.log'));
    symlinkSync('../../../../../../../../../etc/passwd', join(root, 'var/log/pods/a/2.log'));
    symlinkSync('3.log', join(root, 'var/log/pods/a/3.log'));
    const file = join(root, 'data/docker/containers/id/id-json.log');
    expect(await hostPath(root, '/var/log/pods/a/0.log')).toBe(file);
    expect(await hostPath(root, '/var/log/pods/a/1.log')).toBe(file);
    expect(await hostPath(root, '/var/log/pods/a/2.log')).toBe(join(root, 'etc/passwd'));
    expect(await hostPath(root, '/var/log/pods/a/3.log')).toBe(join(root, 'var/log/pods/a/3.log'));
    expect(await hostPath(root, '/var/log/pods/a/none/0.log')).toBe(join(root, 'var/log/pods/a/none/0.log'));
  }));
