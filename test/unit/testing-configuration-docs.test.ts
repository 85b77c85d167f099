import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { Rehearsal, rehearsedConfig } from '../../src/bridge/rehearsal/rehearsal.ts';
import { test as runTests } from '../../src/cli/test.ts';
import { batchOf } from '../../src/codec/items/items.ts';
import { inputs } from '../../src/inputs/index.ts';
import { outputs } from '../../src/outputs/index.ts';
import { RecordingWriter } from '../../src/record/recording.ts';
import { inTempDir } from '../fakes/temp-dir.ts';

const text = await readFile(new URL('../../docs/testing-configuration.md', import.meta.url), 'utf8');
const blocks = [...text.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, block = '']) => block);

const manifest = `apiVersion: apps/v1
kind: Deployment
metadata: { name: reviews-v1, namespace: prod }
spec:
  selector: { matchLabels: { app: reviews } }
  template:
    metadata:
      labels: { app: reviews }
      annotations:
        datakit/prom.instances: |
          [[inputs.prom]]
            url = "http://$IP:9080/metrics"
            source = "reviews"
            measurement_name = "shop"
    spec: { containers: [{ name: reviews, image: reviews }] }
`;

function recording(): Buffer {
  const items = [{ signal: 'logs', message: 'time out of ratings', level: 'error' }];
  const { payload, ...batch } = batchOf(items, { origin: { namespace: 'prod' }, nowMs: 0 });
  const bytes = payload instanceof Uint8Array ? payload : Buffer.concat(payload);
  const record = { ...batch, payload: Buffer.from(bytes), seq: 1, cumItems: 1, receivedAtMs: 0 };
  const writer = new RecordingWriter();
  return Buffer.concat([writer.head({ atMs: 0, node: 'n1' }), writer.records('logs', [record])]);
}

test('the page has examples of all that inputs are given', () => {
  for (const key of [
    'post:',
    'scrape:',
    'logs:',
    'recording:',
    'annotations:',
    'manifest:',
    'absent:',
    'collected: false',
  ]) {
    expect(blocks.filter((block) => block.includes(key))).not.toEqual([]);
  }
});

test.each(blocks.map((block) => [/name: (.*)/.exec(block)?.[1] ?? '', block]))('the example "%s" passes', (_, block) =>
  inTempDir(async (dir) => {
    await writeFile(join(dir, 'a.yaml'), block);
    await writeFile(join(dir, 'flow.rec'), recording());
    await writeFile(join(dir, 'reviews.yaml'), manifest);
    const lines: string[] = [];
    const code = await runTests(
      { files: ['a.yaml'], json: false },
      {
        cwd: dir,
        terminal: { out: (line) => lines.push(line), err: (line) => lines.push(line) },
        load: (config) => rehearsedConfig(config, { flags: {}, env: {}, cwd: dir, definitions: { inputs, outputs } }),
        stage: (config, dataDir) => new Rehearsal(config, dataDir),
      },
    );
    expect([code, lines]).toEqual([0, expect.not.arrayContaining([expect.stringMatching(/^FAILED/)])]);
    expect(lines.length).toBeGreaterThan(1);
  }),
);
