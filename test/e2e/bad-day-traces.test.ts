import { join } from 'node:path';
import { describeWith } from '../components/needs.ts';
import { meshbridge, zipkin } from './bad-day/backends.ts';
import { describeBadDay } from './bad-day/describe-bad-day.ts';

describeWith('zipkin-server', (jar) =>
  describeBadDay({
    start: (dir) => {
      const far = (name: string) => ({ name, dir: join(dir, `far-${name}`), signals: ['traces'] as const });
      return Promise.all([
        zipkin({ jar }),
        meshbridge({
          ...far('otlp'),
          toml: (url) => `[[outputs.otlp]]\n  url = "${url}"\n`,
          // Nothing in OTLP says that a request came before, but of two spans that are the same the store shows one.
          onTwice: 'one',
        }),
        meshbridge({
          ...far('hub'),
          toml: (url) => `[[outputs.hub]]\n  urls = ["${url}"]\n`,
          // It knows the place of each record in the sender's queue.
          onTwice: 'one',
        }),
      ]);
    },
    turns: [['zipkin'], ['otlp', 'hub']],
    killed: [['zipkin', 'otlp']],
    poisoned: 'traces',
  }),
);
