import { execFileSync, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { inTempDir } from '../fakes/temp-dir.ts';
import type { DiskReport } from './disk/failing-disk.ts';

/** Mounting needs root, a kernel that lets it, and loop devices; with CI=true whatever is missing fails. */
function whyNot(): string | undefined {
  const tools = spawnSync('unshare', ['-m', 'sh', '-c', 'command -v mkfs.ext4 && test -e /dev/loop-control']);
  return tools.status === 0 ? undefined : 'a mount namespace, mkfs.ext4 and loop devices are needed';
}

const program = fileURLToPath(new URL('disk/failing-disk.ts', import.meta.url));
const missing = whyNot();

if (missing !== undefined && process.env['CI'] !== 'true') {
  test.skip(`needs a file system of its own, which cannot be had here (${missing})`, () => {});
} else {
  describe('a queue on a small file system of its own', () => {
    let report: DiskReport;

    beforeAll(
      () =>
        inTempDir(async (dir) => {
          const output = execFileSync('unshare', ['-m', process.execPath, '--no-warnings', program, dir]);
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
}
