import { hostname } from 'node:os';
import { expect, test } from '@jest/globals';
import type { LoadedConfig } from '../../config/load.ts';
import type { Batch } from '../../model/batch.ts';
import { headerSteps } from './steps.ts';

const batch: Batch = { signal: 'metrics', format: 'metric-frame', payload: new Uint8Array(), items: 1, origin: {} };

function steps(globalTags: Record<string, string>, election_tags: Record<string, string>) {
  const config = { globalTags, kubernetes: { election_tags } } as unknown as LoadedConfig;
  return headerSteps(config, 'node-1');
}

test('what is of this node gets its name and all tags', () => {
  expect(steps({ host: 'node-1', cluster: 'prod' }, { site: 'a' })(batch)).toMatchObject({
    origin: { node: 'node-1' },
    edits: { add: { host: 'node-1', cluster: 'prod' } },
  });
});

test('what is of the whole cluster gets the tags that do not name this node, and those of elections', () => {
  const tags = { host: 'node-1', machine: hostname(), host_ip: '127.0.0.1', cluster: 'prod' };
  const stepped = steps(tags, { site: 'a' })({ ...batch, scope: 'cluster' });
  expect(stepped?.origin).toEqual({});
  expect(stepped?.edits).toEqual({ add: { cluster: 'prod', site: 'a' } });
  expect(steps({ host: 'node-1' }, {})({ ...batch, scope: 'cluster' })).not.toHaveProperty('edits');
});
