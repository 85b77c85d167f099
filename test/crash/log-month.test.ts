import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { expect, test } from '@jest/globals';
import { Lane } from '../../src/lane/lane.ts';
import { systemClock } from '../../src/lib/clock.ts';
import type { Batch, Position } from '../../src/model/batch.ts';
import { fakeInputRuntime } from '../fakes/input-runtime.ts';
import { CollectorRig, PodLogs } from '../fakes/pod-logs.ts';
import { fakeRuntime } from '../fakes/runtime.ts';
import { inTempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';

const days = 30;
const rotationsADay = 24;
const restartsADay = 3;
const maxFiles = 5;

/** What is held at the end of a day. */
interface Held {
  readonly descriptors: number;
  readonly logs: number;
  readonly files: number;
  readonly heapBytes: number;
}

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

test('a month of a pod that rotates, restarts and is replaced leaves nothing behind', () => inTempDir(live), 240_000);

async function live(dir: string): Promise<void> {
  const lane = await Lane.open({
    signal: 'logs',
    dir: join(dir, 'queue'),
    segmentBytes: 1_000_000,
    maxBytes: 1e9,
    freeBytes: () => 64e9,
    minFreeBytes: 0,
    clock: systemClock,
    log: fakeRuntime().log,
  });
  let items = 0;
  const runtime = {
    ...fakeInputRuntime(),
    emit: async (batch: Batch, position?: Position): Promise<void> => {
      await lane.append(batch, position);
      items += batch.items;
    },
    positions: (_signal: string, prefix: string) => lane.positions(prefix),
    forget: (_signal: string, key: string) => lane.forget(key),
  };
  const month = new Month(join(dir, 'pods'), new CollectorRig(join(dir, 'pods'), {}, runtime));
  const evenings: Held[] = [];
  for (let day = 1; day <= days; day += 1) {
    await month.passDay(day);
    await until(() => lane.positions('').size === 0, { what: 'nothing is kept of the day' });
    collectGarbage();
    evenings.push({ ...month.held(), heapBytes: process.memoryUsage().heapUsed });
  }
  await month.rig.stop();
  await lane.close();
  expect(items).toBe(month.written);
  const [early, last] = [evenings[4], evenings.at(-1)];
  expect(early).toBeDefined();
  for (const what of ['descriptors', 'logs', 'files'] as const) {
    const most = Math.max(...evenings.slice(0, 5).map((evening) => evening[what]));
    expect({ what, grew: evenings.slice(5).some((evening) => evening[what] > most) }).toEqual({ what, grew: false });
  }
  expect((last?.heapBytes ?? 0) - (early?.heapBytes ?? 0)).toBeLessThan(4e6);
}

/** One pod after the other, each a day old at most. */
class Month {
  readonly rig: CollectorRig;
  written = 0;
  readonly #root: string;

  constructor(root: string, rig: CollectorRig) {
    this.#root = root;
    this.rig = rig;
  }

  async passDay(day: number): Promise<void> {
    const logs = new PodLogs(this.#root, `prod_web-${day}_${day}-uid/app`);
    for (let restart = 0; restart < restartsADay; restart += 1) {
      const name = `${restart}.log`;
      logs.create(name);
      for (let hour = 0; hour < rotationsADay / restartsADay; hour += 1) {
        await this.#passHour(logs, name);
      }
      if (restart > 0) {
        this.#removeLog(logs, `${restart - 1}.log`);
      }
    }
    await this.#settle();
    logs.removePod();
    await this.#settle();
  }

  held(): Omit<Held, 'heapBytes'> {
    const { logs } = this.rig.collector;
    return {
      descriptors: readdirSync('/proc/self/fd').length,
      logs: logs.length,
      files: logs.flatMap((log) => log.files).length,
    };
  }

  async #passHour(logs: PodLogs, name: string): Promise<void> {
    for (let i = 0; i < 3; i += 1) {
      logs.append(logs.line(`line ${this.written}`), name);
      this.written += 1;
      await this.rig.clock.advance(600_000);
      await this.rig.turn();
    }
    this.#compress(logs, name);
    logs.rename(name);
    logs.create(name);
    logs.append(logs.line(`line ${this.written}`), name);
    this.written += 1;
    await this.#settle();
  }

  async #settle(): Promise<void> {
    for (const ms of [300, 300, 6_000, 2_000]) {
      await this.rig.turn();
      await this.rig.clock.advance(ms);
    }
    await this.rig.turn();
  }

  /** As a kubelet does before it rotates. */
  #compress(logs: PodLogs, name: string): void {
    const rotated = readdirSync(logs.directory)
      .filter((file) => file.startsWith(`${name}.`))
      .sort();
    for (const old of rotated.slice(0, Math.max(0, rotated.length - (maxFiles - 2)))) {
      logs.remove(old);
    }
    for (const file of rotated.slice(-(maxFiles - 2)).filter((one) => !one.endsWith('.gz'))) {
      writeFileSync(logs.path(`${file}.gz`), gzipSync(readFileSync(logs.path(file))));
      logs.remove(file);
    }
  }

  #removeLog(logs: PodLogs, name: string): void {
    for (const file of readdirSync(logs.directory).filter((one) => one.startsWith(name))) {
      logs.remove(file);
    }
  }
}
