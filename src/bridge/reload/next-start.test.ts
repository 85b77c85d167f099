import { expect, test } from '@jest/globals';
import { type LoadedConfig, loadFrom } from '../../config/load.ts';
import { atNextStart } from './next-start.ts';

function load(text: string): Promise<LoadedConfig> {
  const where = { inCluster: false, readableDir: () => false };
  return loadFrom(
    { sources: [{ file: 'own.conf', text }], faults: [] },
    { flags: {}, env: {}, cwd: '/', definitions: { inputs: [], outputs: [] }, where },
  );
}

test.each([
  ['', '', []],
  ['[server]\nlisten = "127.0.0.1:1"', '[server]\nlisten = "127.0.0.1:2"', ['server.listen']],
  ['', '[server]\ntrusted = ["10.0.0.0/8"]', ['server.trusted']],
  ['', '[server]\nallowed_hosts = ["a"]\n[queue]\nmin_free = "5GB"', ['server.allowed_hosts', 'queue.min_free']],
  ['[queue]\nmax_bytes = { logs = "2GB" }', '[queue]\nmax_bytes = { logs = "3GB" }', ['queue.max_bytes']],
  ['[store]\nretention = "7d"', '[store]\nretention = "168h"', []],
  ['', '[store]\nenabled = false', ['store.enabled']],
  ['', '[tracing]\nendpoint = "http://127.0.0.1:9411/api/v2/spans"', ['tracing.endpoint']],
  ['', '[kubernetes]\nnode_name = "n1"', ['kubernetes.node_name']],
  ['', '[kubernetes]\nistio = "off"\n[log]\nlevel = "debug"\n[global_tags]\na = "b"', []],
])('from %j to %j: %j', async (before, after, expected) => {
  expect(atNextStart(await load(before), await load(after))).toEqual(expected);
});
