import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type FakeFarSide, withFakeFarSide } from '../fakes/far-side.ts';
import { type TempDir, tempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';
import { type Daemon, startDaemon } from './daemon.ts';

const program = join(import.meta.dirname, '../../bin/meshbridge');

let dir: TempDir;
let daemon: Daemon | undefined;

beforeEach(async () => {
  dir = await tempDir();
});

afterEach(async () => {
  await daemon?.end();
  daemon = undefined;
  await dir.remove();
});

interface Said {
  readonly code: number;
  readonly lines: readonly string[];
}

function queue(...args: readonly string[]): Promise<Said> {
  return new Promise((resolve) => {
    execFile(program, ['queue', ...args, '--data-dir', join(dir.path, 'data')], (error, stdout) => {
      resolve({ code: Number(error?.code ?? 0), lines: stdout.trimEnd().split('\n') });
    });
  });
}

async function post(running: Daemon, id: number): Promise<void> {
  const hex = id.toString(16).padStart(16, '0');
  const span = { traceId: hex, id: hex, name: `operation-${id}`, timestamp: Date.now() * 1000 };
  const response = await fetch(`${running.url}/api/v2/spans`, { method: 'POST', body: JSON.stringify([span, span]) });
  expect(response.status).toBe(202);
}

const ofTraces = ({ lines }: Said): string => lines.find((line) => line.startsWith('traces')) ?? '';

test('a segment that the disk has bitten is named to the item, while nothing runs and while the daemon runs', async () => {
  daemon = await startDaemon({ dir: dir.path });
  const first = daemon;
  for (let id = 1; id <= 20; id++) {
    await post(first, id);
  }
  await until(
    async () => (await first.status()).lanes.some(({ outputs }) => outputs.some(({ delivered }) => delivered === 40)),
    { withinMs: 60_000, what: 'all spans in the store' },
  );
  const running = await queue('verify');
  expect([running.code, running.lines.at(-1)]).toEqual([0, 'good: every record can be read']);
  expect(ofTraces(running)).toMatch(
    /^traces {3}40 items in 20 records so far; on disk 1 segment, \d+ bytes; queue \w+$/,
  );
  await first.end();

  const inspected = await queue('inspect');
  expect(inspected.code).toBe(0);
  expect(inspected.lines).toContain('         store: 40 delivered, 0 waiting, 0 lost, 0 not for it');

  const folder = join(dir.path, 'data', 'queue', 'traces');
  const [name = ''] = (await readdir(folder)).filter((one) => one.endsWith('.seg'));
  const bytes = readFileSync(join(folder, name));
  bytes[bytes.indexOf('operation-7')] = 0;
  writeFileSync(join(folder, name), bytes);

  const bitten = await queue('verify');
  expect(bitten.code).toBe(1);
  expect(bitten.lines.filter((line) => line.includes('damaged:'))).toEqual([
    expect.stringMatching(new RegExp(`^ {9}damaged: ${name} at byte \\d+, \\d+ bytes, 2 items: \\S`)),
  ]);
  expect(bitten.lines.at(-1)).toMatch(/^not good: 1 damaged place, 2 items; the daemon passes over them and goes on/);
  expect(readFileSync(join(folder, name))).toEqual(bytes);
  const { lanes } = JSON.parse((await queue('verify', '--json')).lines.join('\n'));
  expect(lanes.find(({ signal }: { signal: string }) => signal === 'traces').losses).toEqual([
    expect.objectContaining({ segment: name, items: 2 }),
  ]);

  daemon = await startDaemon({ dir: dir.path });
  const second = daemon;
  await post(second, 21);
  await until(async () => (await fetch(`${second.url}/api/v2/trace/0000000000000015`)).status === 200, {
    withinMs: 60_000,
    what: 'a new span',
  });
  expect((await fetch(`${second.url}/api/v2/trace/0000000000000007`)).status).toBe(200);
}, 240_000);

interface Side {
  readonly name: string;
  readonly url: string;
}

const zipkinTo = ({ name, url }: Side): string =>
  `[[outputs.zipkin]]\n  name = "${name}"\n  url = "${url}"\n  batch_wait = "1ms"\n`;

/** The books of these outputs once nothing waits for any of them, as `delivered dropped routedAway of cumItems`. */
async function booksOf(running: Daemon, names: readonly string[]): Promise<Readonly<Record<string, string>>> {
  return until(
    async () => {
      const lane = (await running.status()).lanes.find(({ signal }) => signal === 'traces');
      const cursors = lane?.outputs.filter(({ output }) => names.includes(output)) ?? [];
      if (lane === undefined || lane.cumItems === 0 || cursors.some(({ queuedItems }) => queuedItems > 0)) {
        return undefined;
      }
      return Object.fromEntries(
        cursors.map(({ output, delivered, dropped, routedAway, lost }) => {
          const rejected = dropped['rejected'] ?? 0;
          expect(delivered + rejected + routedAway + lost).toBe(lane.cumItems);
          return [output, `${delivered} ${rejected} ${routedAway} of ${lane.cumItems}`];
        }),
      );
    },
    { what: 'nothing that waits' },
  );
}

test(
  'what a far side refused for good is queued again for it alone, and arrives once the far side takes it',
  () =>
    withFakeFarSide((strict) =>
      withFakeFarSide(async (other) => {
        const conf = {
          'outputs.conf': zipkinTo({ name: 'strict', url: strict.url }) + zipkinTo({ name: 'other', url: other.url }),
        };
        const names = ['strict', 'other'];
        const bad = /operation-(2|4)"/;
        strict.answer(({ body }) =>
          bad.test(body.toString()) ? { status: 400, body: 'no such field' } : { status: 202 },
        );
        const namesAt = ({ requests }: FakeFarSide): readonly string[] =>
          requests.flatMap(({ body }) => JSON.parse(body.toString()).map(({ name }: { name: string }) => name));

        daemon = await startDaemon({ dir: dir.path, config: conf });
        for (let id = 1; id <= 5; id++) {
          await post(daemon, id);
        }
        expect(await booksOf(daemon, names)).toEqual({ strict: '6 4 0 of 10', other: '10 0 0 of 10' });
        const busy = await queue('repair', '--requeue');
        expect(busy.code).toBe(1);
        expect(await daemon.end()).toBe(0);

        const inspected = await queue('inspect');
        expect(inspected.lines).toContain('         2 records, 4 items: HTTP 400: no such field');
        const repaired = await queue('repair', '--requeue', '--output', 'strict', '--signal', 'traces');
        expect([repaired.code, ofTraces(repaired)]).toEqual([0, 'traces   good as it was']);
        expect(repaired.lines).toContain('         queued again for strict alone: 2 records of 4 items');

        strict.answer({ status: 202 });
        strict.forget();
        other.forget();
        daemon = await startDaemon({ dir: dir.path, config: conf });
        const again = daemon;
        await until(() => namesAt(strict).length === 4, { what: 'the spans that were refused' });
        expect(await booksOf(again, names)).toEqual({ strict: '10 4 0 of 14', other: '10 0 4 of 14' });
        expect(namesAt(strict)).toEqual(['operation-2', 'operation-2', 'operation-4', 'operation-4']);
        expect(namesAt(other)).toEqual([]);
        expect((await again.status()).lanes.flatMap(({ losses }) => losses)).toEqual([]);
        await again.end();
        expect((await queue('inspect')).lines.filter((line) => line.startsWith('refused'))).toEqual([]);
      }),
    ),
  240_000,
);

test('a directory that holds no queue is named, with what to do', async () => {
  const said = await new Promise<string>((resolve) => {
    execFile(program, ['queue', 'inspect', '--data-dir', dir.path], (_, __, stderr) => resolve(stderr));
  });
  expect(said.trim()).toBe(`meshbridge: there is no queue in ${dir.path}; say where it is with --data-dir`);
}, 180_000);
