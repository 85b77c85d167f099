import { join } from 'node:path';
import { test } from '@jest/globals';
import { describeWith } from '../components/needs.ts';
import { fakeDataway } from './bad-day/backends.ts';
import { type Clickhouse, clickhouse } from './bad-day/clickhouse.ts';
import { describeBadDay } from './bad-day/describe-bad-day.ts';
import { itemsOf } from './bad-day/load.ts';

const hourMs = 3_600_000;
const turns = [['clickhouse']];

describeWith('chdb', (environment) => {
  let engine: Clickhouse;

  describeBadDay({
    start: async (dir) => {
      engine = await clickhouse({ environment, dir: join(dir, 'engine') });
      return [engine, await fakeDataway()];
    },
    inputs: '[[inputs.loki]]\n',
    turns,
    killed: turns,
    poisoned: 'logs',
    further: (day) =>
      test('what the engine itself refuses is in the dead letters with its words', async () => {
        await engine.query(
          `ALTER TABLE meshbridge.otel_logs ADD CONSTRAINT not_old CHECK Timestamp > now() - INTERVAL 3 HOUR`,
        );
        await day().refuse({
          by: ['clickhouse'],
          good: itemsOf('logs', 20),
          bad: itemsOf('logs', 2, 6 * hourMs),
          says: /Code: 469.*not_old/,
        });
      }, 240_000),
  });
});
