import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { type Daemon, startDaemon } from '../e2e/daemon.ts';
import { inTempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';
import { CountingTarget, LineWriter, SpanSender } from './load.ts';

const reloads = 100;
const names = ['one', 'two', 'three'] as const;

/**
 * Every reload gives each of the outputs other settings, changes an input of each kind now and then, and is sometimes bad.
 * Traces and logs are told by their ids.
 */
function configOf(step: number, { target, logs }: { readonly target: string; readonly logs: string }): string {
  const outputs = names.map(
    (name, i) =>
      `[[outputs.file]]\nname = "${name}"\npath = "${name}.ndjson"\nbatch_items = ${500 + ((step + i) % 7)}\n`,
  );
  const inputs = [
    `[[inputs.prom]]\nurl = "${target}"\nsource = "s${Math.floor(step / 10)}"\ninterval = "1s"\n`,
    `[[inputs.zipkin]]\npathV2 = "/api/v2/spans"\npathV1 = "/v1/other${step % 3}"\n`,
    `[[inputs.container]]\nroot = "${logs}"\npoll_interval = "${100 + 50 * (Math.floor(step / 3) % 3)}ms"\n`,
  ];
  return [...inputs, ...outputs, `[global_tags]\nstep = "${step}"\n`].join('\n');
}

/** How often a configuration was taken, or was not. The watch of the files may come before the signal, so looks are not counted. */
async function taken(daemon: Daemon, how: 'generation' | 'bad'): Promise<number> {
  const { reload } = await daemon.status();
  return reload?.[how] ?? 0;
}

/** How often each id or line is in the file of an output. */
async function seen(dir: string, name: string): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  for (const line of (await readFile(join(dir, 'data', `${name}.ndjson`), 'utf8')).split('\n')) {
    const key =
      /^\{"signal":"traces".*?"traceId":"([0-9a-f]+)"/.exec(line)?.[1] ?? /"message":"line (\d+) /.exec(line)?.[1];
    if (key !== undefined) {
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }
  return counts;
}

test(
  `${reloads} reloads under load lose nothing that was acknowledged, repeat nothing, and refuse no sender`,
  () =>
    inTempDir(async (dir) => {
      const target = await CountingTarget.start();
      const logs = join(dir, 'pods');
      const writer = new LineWriter(logs);
      const file = join(dir, 'conf.d/own.conf');
      const places = { target: target.url, logs };
      const daemon = await startDaemon({ dir, config: { 'own.conf': configOf(0, places) } });
      const sender = new SpanSender(daemon.port);
      try {
        const sending = sender.run(4);
        const writing = writer.run();
        for (let step = 1; step <= reloads; step += 1) {
          const isBad = step % 10 === 0;
          const how = isBad ? 'bad' : 'generation';
          const before = await taken(daemon, how);
          await writeFile(file, isBad ? '[[outputs.file]]\npaht = "x"\n' : configOf(step, places));
          process.kill(daemon.pid, 'SIGHUP');
          await until(async () => (await taken(daemon, how)) > before, { what: `reload ${step}` });
        }
        sender.stop();
        writer.stop();
        await Promise.all([sending, writing]);
        const { reload } = await daemon.status();
        expect(reload?.good).toBeGreaterThanOrEqual(reloads * 0.9);
        expect(reload?.bad).toBeGreaterThanOrEqual(reloads * 0.1);
        expect(reload?.generation).toBeGreaterThan(reloads * 0.9);
        expect(sender.unknown).toEqual([]);
        expect(Math.min(sender.acknowledged.length, writer.written)).toBeGreaterThan(reloads);
        await check(dir, sender, writer);
        const { lanes } = await daemon.status();
        for (const cursor of lanes.flatMap(({ outputs }) => outputs)) {
          expect([cursor.output, cursor.dropped, cursor.lost]).toEqual([cursor.output, {}, 0]);
        }
      } finally {
        sender.stop();
        writer.stop();
        await daemon.end();
        await target.stop();
      }
    }),
  240_000,
);

async function check(dir: string, sender: SpanSender, writer: LineWriter): Promise<void> {
  const lines = Array.from({ length: writer.written }, (_, i) => String(i + 1));
  for (const name of names) {
    await until(
      async () => {
        const found = await seen(dir, name);
        return [...sender.acknowledged, ...lines].every((id) => found.has(id));
      },
      { what: `everything in ${name}` },
    );
    const found = await seen(dir, name);
    expect([...found].filter(([, count]) => count > 1)).toEqual([]);
  }
}
