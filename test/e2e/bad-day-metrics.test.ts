import { join } from 'node:path';
import { test } from '@jest/globals';
import { describeWith } from '../components/needs.ts';
import { influxdbOfMetrics, prometheus, victoriaMetrics } from './bad-day/backends.ts';
import { describeBadDay } from './bad-day/describe-bad-day.ts';
import { itemsOf } from './bad-day/load.ts';

const hourMs = 3_600_000;
const turns = [['prometheus', 'influxdb'], ['victoria-metrics']] as const;

describeWith('prometheus', (prometheusProgram) =>
  describeWith('victoria-metrics', (victoriaProgram) =>
    describeWith('influxdb', (influxProgram) =>
      describeBadDay({
        start: (dir) =>
          Promise.all([
            prometheus({ program: prometheusProgram, dir: join(dir, 'prometheus') }),
            victoriaMetrics({ program: victoriaProgram, dir: join(dir, 'victoria-metrics') }),
            influxdbOfMetrics({ program: influxProgram, dir: join(dir, 'influxdb') }),
          ]),
        turns,
        killed: turns,
        poisoned: 'metrics',
        further: (day) =>
          test(
            'what Prometheus itself refuses as too old is in its dead letters, and in the other backends',
            () =>
              day().refuse({
                by: ['prometheus'],
                good: itemsOf('metrics', 20),
                bad: itemsOf('metrics', 2, 6 * hourMs),
                says: /^HTTP 400: .*out of bounds/,
              }),
            240_000,
          ),
      }),
    ),
  ),
);
