/**
 * node test/crash/metrics-writer.ts DIR: opens the store there, says where it stands, and commits one record after the other until
 * somebody kills it. Notes the number of each record in DIR.said when its commit has resolved: in a file, since what a pipe or a
 * socket did not take yet would go with the process. Two minutes pass with every record, so that
 * heads are cut and partitions sealed all the time.
 */
import { appendFileSync } from 'node:fs';
import { frameRecord } from '../fakes/frames.ts';
import { requestOf } from '../fakes/requests.ts';
import { ledger, ledgerMs, ledgerStore } from './metrics-ledger.ts';

const [dir = ''] = process.argv.slice(2);
let nowMs = ledgerMs(0);
const store = ledgerStore(dir, () => nowMs);
await store.open();
const begun = (await store.position('metrics'))?.seq ?? 0;
process.stdout.write(`${begun}\n`);
for (let seq = begun + 1; ; seq++) {
  nowMs = ledgerMs(seq);
  const { series, values } = ledger(seq);
  const itemsBefore = (seq - 1) * series.length;
  await store.commit(requestOf([frameRecord(series, values, { seq, timestampMs: nowMs, itemsBefore })]));
  appendFileSync(`${dir}.said`, `${seq}\n`);
  if (seq % 100 === 0) {
    await store.expire();
  }
}
