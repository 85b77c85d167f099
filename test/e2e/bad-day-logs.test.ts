import { join } from 'node:path';
import { describeWith } from '../components/needs.ts';
import { fakeDataway, influxdbOfLogs, meshbridge } from './bad-day/backends.ts';
import { describeBadDay } from './bad-day/describe-bad-day.ts';

describeWith('influxdb', (program) =>
  describeBadDay({
    start: (dir) =>
      Promise.all([
        influxdbOfLogs({ program, dir: join(dir, 'influxdb') }),
        meshbridge({
          name: 'loki',
          dir: join(dir, 'far-loki'),
          signals: ['logs'],
          toml: (url) => `[[outputs.loki]]\n  url = "${url}"\n`,
          inputs: '[[inputs.loki]]\n',
          // Loki itself makes one of lines that are equal in stream, time and text.
          onTwice: 'two',
        }),
        fakeDataway(),
      ]),
    inputs: '[[inputs.loki]]\n',
    turns: [['influxdb', 'dataway'], ['loki']],
    killed: [['influxdb', 'loki']],
    poisoned: 'logs',
  }),
);
