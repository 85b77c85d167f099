import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { describeWithMounts } from '../components/needs.ts';
import { inTempDir } from '../fakes/temp-dir.ts';
import type { DiskReport } from './disk/failing-disk.ts';

const program = fileURLToPath(new URL('disk/failing-disk.ts', import.meta.url));

describeWithMounts({ as: 'root', check: 'command -v mkfs.ext4 && test -w /dev/loop-control' }, (flags) => {
  describe('a queue on a small file system of its own', () => {
    let report: DiskReport;

    beforeAll(
      () =>
        inTempDir(async (dir) => {
          const output = execFileSync('unshare', [...flags, process.execPath, '--no-warnings', program, dir]);
          report = JSON.parse(output.toString());
        }),
      240_000,
    );

    test('that becomes full refuses with the reason, and goes on by itself when there is room', () => {
      expect(report.told['full']).toMatchObject({
        refusal: expect.stringContaining('the queue cannot be written: ENOSPC'),
        diskError: expect.stringContaining('ENOSPC'),
      });
    });

    test('that becomes read-only under it refuses with the reason, and goes on by itself when it can be written', () => {
      expect(report.told['read-only']).toMatchObject({
        refusal: expect.stringContaining('the queue cannot be written: EROFS'),
        diskError: expect.stringContaining('EROFS'),
      });
    });

    test('has exactly what was acknowledged, before and behind, in order, and nothing is damaged', () => {
      expect(report.acknowledged.length).toBeGreaterThanOrEqual(150);
      expect(report.found).toEqual(report.acknowledged);
      expect([report.losses, report.sameQueue, report.delivered]).toEqual([[], true, 10]);
    });

    test('that is full from the start is refused with the reason', () => {
      expect(report.openedOnFull).toMatch(/^the queue in .* cannot be opened: .*ENOSPC/);
    });
  });
});
