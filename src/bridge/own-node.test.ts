import { expect, test } from '@jest/globals';
import { type LoadedConfig, loadFrom } from '../config/load.ts';
import { inputs } from '../inputs/index.ts';
import { onOwnNode } from './own-node.ts';

const env = { KUBERNETES_SERVICE_HOST: '10.96.0.1', ENV_K8S_NODE_IP: '192.0.2.1' };

async function loaded(text = '', more: Readonly<Record<string, string>> = {}): Promise<LoadedConfig> {
  const config = await loadFrom(
    { sources: [{ file: 'a.conf', text }], faults: [] },
    {
      flags: {},
      env: { ...env, ...more },
      cwd: '.',
      definitions: { inputs, outputs: [] },
      where: { inCluster: true, readableDir: () => false },
    },
  );
  expect(config.faults).toEqual([]);
  return config;
}

function kubeletOf({ inputs: all }: LoadedConfig) {
  return all.find(({ type }) => type === 'kubelet');
}

test('the kubelet of the own node is asked by default in a cluster, at the address that the environment gives', async () => {
  const config = await loaded();
  expect(config.kubernetes.node_ip).toBe('192.0.2.1');
  expect(kubeletOf(onOwnNode(config, env, 'node-1'))).toMatchObject({ byDefault: true });
  expect(config.warnings.filter(({ message }) => message.includes('ENV_K8S_NODE_IP'))).toEqual([]);
});

test('the kubelet is left alone where discovery is off, unless it was configured', async () => {
  const off = '[kubernetes]\ndiscovery = "off"\n';
  expect(kubeletOf(onOwnNode(await loaded(off), env, 'node-1'))).toBeUndefined();
  expect(kubeletOf(onOwnNode(await loaded(`${off}[[inputs.kubelet]]\n`), env, 'node-1'))).toBeDefined();
});

test('a page of the kubelet that an instance of kubernetesprometheus names is not scraped twice', async () => {
  const text = `
    [[inputs.kubernetesprometheus.instances]]
      role = "node"
      scheme = "https"
      port = "__kubernetes_node_kubelet_endpoint_port"
      path = "/metrics/cadvisor"`;
  const byDefault = kubeletOf(onOwnNode(await loaded(text), env, 'node-1'));
  expect(byDefault?.config).toMatchObject({ cadvisor: false, resource: true });
  const configured = kubeletOf(onOwnNode(await loaded(`${text}\n[[inputs.kubelet]]\n`), env, 'node-1'));
  expect(configured?.config).toMatchObject({ cadvisor: true, resource: true });
});

test("DataKit's variables switch on what follows the annotations of Services, and its list runs the input", async () => {
  const config = await loaded('', {
    ENV_DEFAULT_ENABLED_INPUTS: 'container,kubernetesprometheus',
    ENV_INPUT_CONTAINER_ENABLE_AUTO_DISCOVERY_OF_PROMETHEUS_SERVICE_ANNOTATIONS: 'true',
    ENV_INPUT_CONTAINER_ENABLE_AUTO_DISCOVERY_OF_PROMETHEUS_POD_ANNOTATIONS: 'true',
  });
  const input = onOwnNode(config, env, 'node-1').inputs.find(({ type }) => type === 'kubernetesprometheus');
  expect(input?.config).toMatchObject({
    enable_discovery_of_prometheus_service_annotations: true,
    enable_discovery_of_prometheus_pod_annotations: true,
    instances: [],
  });
  expect(config.warnings.map(({ message }) => message).filter((message) => message.includes('PROMETHEUS'))).toEqual([]);
});
