import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { expect, test } from '@jest/globals';
import { inTempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';
import { startDaemon } from './daemon.ts';

function filesOf(folder: string, ending: string): readonly string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
  return names.filter((name) => name.endsWith(ending)).map((name) => join(folder, name));
}

/** As a later version would have written it: the version in each record's header is one more, and its checksum is right. */
function ageBy(file: string, versionAt: number): void {
  const bytes = readFileSync(file);
  for (let at = 0; at < bytes.length; ) {
    const [headerBytes, payloadBytes] = [bytes.readUInt32LE(at + 4), bytes.readUInt32LE(at + 8)];
    const header = bytes.subarray(at + 20, at + 20 + headerBytes);
    expect(header[versionAt]).toBe(1);
    header[versionAt] = 9;
    bytes.writeUInt32LE(crc32(header, crc32(bytes.subarray(at + 4, at + 12))), at + 12);
    at += 20 + headerBytes + payloadBytes;
  }
  writeFileSync(file, bytes);
}

const fingerprint = (files: readonly string[]): readonly string[] =>
  files.map((file) => `${file} ${createHash('sha256').update(readFileSync(file)).digest('hex')}`);

test.each([
  { room: 'queue', ending: '.seg', versionAt: 0 },
  { room: 'store', ending: 'blocks.rec', versionAt: 1 },
])(
  'a $room that a later version wrote is refused with a text that says what to do, and left as it is',
  ({ room, ending, versionAt }) =>
    inTempDir(async (dir) => {
      const id = '00000000000000aa';
      const daemon = await startDaemon({ dir });
      const span = JSON.stringify([{ traceId: id, id, name: 'get', timestamp: Date.now() * 1000 }]);
      const sent = await fetch(`${daemon.url}/api/v2/spans`, { method: 'POST', body: span });
      expect(sent.status).toBe(202);
      await until(async () => (await fetch(`${daemon.url}/api/v2/trace/${id}`)).status === 200);
      expect(await daemon.end()).toBe(0);

      const files = filesOf(join(dir, 'data', room, 'traces'), ending);
      expect(files.length).toBeGreaterThan(0);
      const before = files.map((file) => readFileSync(file));
      for (const file of files) {
        ageBy(file, versionAt);
      }
      const aged = fingerprint(files);
      await expect(startDaemon({ dir }).then((running) => running.end())).rejects.toThrow(
        /ended with 1:[\s\S]*was written by a later version of meshbridge[\s\S]*start that one, or move the/,
      );
      expect(fingerprint(files)).toEqual(aged);

      for (const [index, file] of files.entries()) {
        writeFileSync(file, before[index] ?? '');
      }
      const again = await startDaemon({ dir });
      expect((await fetch(`${again.url}/api/v2/trace/${id}`)).status).toBe(200);
      expect(await again.end()).toBe(0);
    }),
  120_000,
);
