import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { MemoryLog } from '../../../test/fakes/runtime.ts';
import { inTempDir } from '../../../test/fakes/temp-dir.ts';
import { loadFrom } from '../../config/load.ts';
import { inputs } from '../../inputs/index.ts';
import { outputs } from '../../outputs/index.ts';
import { diffOf } from '../reload/diff.ts';
import { lastingDiscovery, type PlannedInput, withDiscovery } from './discovery.ts';

type Env = Readonly<Record<string, string>>;

/** `type` of each input that runs, with the pages that `prom` keeps. */
async function running(text: string, env: Env = {}): Promise<readonly string[]> {
  const config = await loadFrom(
    { sources: [{ file: 'own.conf', text }], faults: [] },
    {
      flags: {},
      env,
      cwd: '/',
      definitions: { inputs: inputs.filter(({ type }) => type === 'prom'), outputs },
      where: { inCluster: env['KUBERNETES_SERVICE_HOST'] !== undefined, readableDir: () => false },
    },
  );
  expect(config.faults).toEqual([]);
  const found = await withDiscovery({ config, env, node: 'node-1', log: new MemoryLog() });
  return found.map(({ type, config: own }) => [type, ...((own['urls'] as string[] | undefined) ?? [])].join(' '));
}

const cluster = { KUBERNETES_SERVICE_HOST: '10.96.0.1', ENV_K8S_NODE_NAME: 'node-1', ENV_K8S_NODE_IP: '192.168.0.7' };
const prom = (...urls: readonly string[]): string => `[[inputs.prom]]\nurls = ${JSON.stringify(urls)}\n`;

describe('discovery', () => {
  test('runs in a cluster, and outside of one only where it is told how to reach one', () =>
    inTempDir(async (home) => {
      await mkdir(join(home, '.kube'));
      await writeFile(join(home, '.kube/config'), 'apiVersion: v1\nkind: Config\n');
      expect(await running('', { HOME: home, KUBECONFIG: join(home, '.kube/config') })).toEqual([]);
      expect(await running('', cluster)).toEqual(['kubernetes']);
      expect(await running('[kubernetes]\ndiscovery = "off"', cluster)).toEqual([]);
      expect(await running('[kubernetes]\napi_server = "http://127.0.0.1:8001"')).toEqual(['kubernetes']);
      expect(await running(`[kubernetes]\nkubeconfig = "${home}/.kube/config"`)).toEqual(['kubernetes']);
    }));

  test('takes over the pages that are not on this machine', async () => {
    const here = ['http://127.0.0.1:1/', 'http://localhost:1/', '/run/page.prom'];
    const far = [
      'http://192.168.0.7:9100/metrics',
      'http://istiod.istio-system.svc:15014/metrics',
      'http://db.example.com/metrics',
      'http://10.0.0.9/',
    ];
    expect(await running(prom(...here, ...far), cluster)).toEqual([`prom ${here.join(' ')}`, 'kubernetes']);
    expect(await running(prom(...far), cluster)).toEqual(['kubernetes']);
    expect(await running(prom(...far))).toEqual([`prom ${far.join(' ')}`]);
  });

  describe('of a configuration that is read again', () => {
    const far = 'http://istiod.istio-system.svc:15014/metrics';
    const text = `${prom('http://127.0.0.1:1/', far)}tags = { a = "b" }\n${prom('http://127.0.0.1:2/')}`;
    const lasting = lastingDiscovery();
    const wanted = async (toml: string) => {
      const definitions = { inputs, outputs };
      const where = { inCluster: true, readableDir: () => true };
      const config = await loadFrom(
        { sources: [{ file: 'own.conf', text: toml }], faults: [] },
        { flags: {}, env: cluster, cwd: '/', definitions, where },
      );
      expect(config.faults).toEqual([]);
      return withDiscovery({ config, env: cluster, node: 'node-1', log: new MemoryLog(), lasting });
    };
    const touched = async (after: string) => {
      const found = diffOf<PlannedInput, PlannedInput>(await wanted(text), await wanted(after), {
        kindOf: ({ type }) => type,
        wantedOf: (one) => one,
        settingsOf: ({ config, basis }) => ({ config, basis }),
      });
      return [...found.changed.keys(), ...found.added, ...found.removed].map(({ type }) => type);
    };

    test.each([
      ['nothing is touched where nothing differs', text, []],
      ['a page elsewhere is the business of discovery alone', text.replace(':15014', ':15015'), ['kubernetes']],
      ['a page of this machine is that of its own input', text.replace(':2/', ':3/'), ['prom']],
      ['Istio is the business of discovery alone', `[kubernetes]\nistio = "off"\n${text}`, ['kubernetes']],
      [
        'another API server reaches all who ask it',
        `[kubernetes]\napi_server = "http://127.0.0.1:8001"\n${text}`,
        ['kubelet', 'kubernetes'],
      ],
      [
        'the name of the node and the Secret wait for the next start',
        `[kubernetes]\ntoken_secret = "a/b"\n${text}`,
        [],
      ],
      [
        'how logs are read is said in the plans of pods, too',
        `[inputs.container]\ntags = { x = "y" }\n${text}`,
        ['kubernetes', 'container'],
      ],
    ])('%s', async (_, after, expected) => {
      expect((await touched(after)).toSorted()).toEqual([...expected].toSorted());
    });
  });

  test('leaves a Service to every agent where the table says election = false', async () => {
    const url = 'http://istiod.istio-system.svc:15014/metrics';
    expect(await running(`${prom(url)}election = false`, cluster)).toEqual([`prom ${url}`, 'kubernetes']);
  });
});
