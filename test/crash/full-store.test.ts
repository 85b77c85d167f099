import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { describeWithMounts } from '../components/needs.ts';
import { inTempDir } from '../fakes/temp-dir.ts';
import type { StoreReport } from './disk/full-store.ts';

const program = fileURLToPath(new URL('disk/full-store.ts', import.meta.url));

describeWithMounts({ as: 'root' }, (flags) => {
  describe('a store on a file system that becomes full under it', () => {
    let report: StoreReport;

    beforeAll(
      () =>
        inTempDir(async (dir) => {
          const output = execFileSync('unshare', [...flags, process.execPath, '--no-warnings', program, dir]);
          report = JSON.parse(output.toString());
        }),
      120_000,
    );

    test('waits with a commit that is under way, and has all of it when there is room again', () => {
      expect(report.commit).toEqual(['no room', 'durable']);
      expect(report.spans).toEqual([10, 1_000]);
    });

    test('leaves no file behind that has only what there was room for', () => {
      expect([report.wholeFile, report.wholeFileThere]).toEqual(['ENOSPC', false]);
    });
  });
});
