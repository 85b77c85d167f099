/**
 * npm run bench -- queue [--rounds 3] [--seconds 8] [--backlog-gigabytes 4] [--input-megabytes 20] [--dir DIR] [--json FILE]
 *
 * The queue from the append to the answer of an output that takes everything at once: batches of one span under 64 appenders and
 * of 100 under 16, each of which waits for its record to be durable. Then an output that is away until so much waits, and comes
 * back while spans go on coming in at a steady rate. Medians over the rounds.
 */
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { quantile, run } from './lane/child.ts';
import type { BacklogReport } from './queue/backlog.ts';
import type { FlowReport } from './queue/flow.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '8' },
    'backlog-gigabytes': { type: 'string', default: '4' },
    'input-megabytes': { type: 'string', default: '20' },
    dir: { type: 'string', default: tmpdir() },
    json: { type: 'string' },
  },
});
const { dir } = values;
const shapes = [
  { title: '1 span a batch, 64 appenders', spans: 1, appenders: 64 },
  { title: '100 spans a batch, 16 appenders', spans: 100, appenders: 16 },
];
const flows = shapes.map(({ title }) => ({ title, runs: [] as FlowReport[] }));
const backlogs: BacklogReport[] = [];

for (let round = 1; round <= Number(values.rounds); round++) {
  for (const [i, { spans, appenders }] of shapes.entries()) {
    flows[i]?.runs.push(
      await run<FlowReport>('../queue/flow.ts', { dir, spans, appenders, seconds: Number(values.seconds) }),
    );
  }
  backlogs.push(
    await run<BacklogReport>('../queue/backlog.ts', {
      dir,
      spans: 100,
      appenders: 16,
      backlogBytes: Number(values['backlog-gigabytes']) * 1e9,
      inputBytesPerSecond: Number(values['input-megabytes']) * 1e6,
    }),
  );
  console.log(`round ${round} of ${values.rounds}`);
}

function median<T>(runs: readonly T[], figure: (one: T) => number, digits: number): string {
  return quantile(runs.map(figure), 0.5).toFixed(digits);
}

console.log(
  '\n| append and deliver | MB/s | batches/s | µs a batch | CPU-µs a batch | batches a commit | time in the disk | VmHWM MB |',
);
console.log('|---|---|---|---|---|---|---|---|');
for (const { title, runs } of flows) {
  const cells = [
    median(runs, (one) => one.megabytesPerSecond, 1),
    median(runs, (one) => one.batchesPerSecond, 0),
    median(runs, (one) => one.microsPerBatch, 1),
    median(runs, (one) => one.cpuMicrosPerBatch, 1),
    median(runs, (one) => one.batchesPerCommit, 1),
    `${median(runs, (one) => one.diskShare * 100, 0)} %`,
    median(runs, (one) => one.peakMegabytes, 0),
  ];
  console.log(`| ${[title, ...cells].join(' | ')} |`);
}
console.log(
  '\n| backlog | filled at MB/s | VmHWM MB filled | input MB/s meanwhile | drained at MB/s | drain : input | VmHWM MB |',
);
console.log('|---|---|---|---|---|---|---|');
const cells = [
  median(backlogs, (one) => one.fillMegabytesPerSecond, 0),
  median(backlogs, (one) => one.peakMegabytesFilled, 0),
  median(backlogs, (one) => one.inputMegabytesPerSecond, 1),
  median(backlogs, (one) => one.drainMegabytesPerSecond, 0),
  median(backlogs, (one) => one.ratio, 1),
  median(backlogs, (one) => one.peakMegabytes, 0),
];
console.log(`| ${[`${values['backlog-gigabytes']} GB`, ...cells].join(' | ')} |`);
if (values.json !== undefined) {
  writeFileSync(values.json, `${JSON.stringify({ node: process.version, flows, backlogs }, undefined, 2)}\n`);
}
