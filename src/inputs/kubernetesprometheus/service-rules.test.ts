import { describe, expect, test } from '@jest/globals';
import type { EndpointSlice, Service } from '../../kube/kube.ts';
import { kubernetesprometheus } from './kubernetesprometheus.ts';
import { endpointRules } from './service-rules.ts';

const labels = { app: 'shop' };
const service: Service = {
  uid: 'u',
  namespace: 'prod',
  name: 'shop',
  labels,
  annotations: { 'prometheus.io/scrape': 'true', 'prometheus.io/port': '9090' },
  ports: [
    { name: 'http', number: 80, target: 'web' },
    { name: 'metrics', number: 9090, target: 9100 },
  ],
  families: ['IPv4'],
};
const slice: EndpointSlice = {
  uid: 's',
  namespace: 'prod',
  service: 'shop',
  labels: { ...labels, 'kubernetes.io/service-name': 'shop' },
  annotations: {},
  family: 'IPv4',
  ports: [
    { name: 'http', number: 8080 },
    { name: 'metrics', number: 9100 },
  ],
  endpoints: [],
};
const endpoint = {
  addresses: ['10.0.0.7'],
  node: 'node-2',
  terminating: false,
  pod: { namespace: 'prod', name: 'shop-1', uid: 'p' },
};

function ruleOf(instance: object) {
  const [rule] = endpointRules(
    kubernetesprometheus.config.parse({ instances: [{ role: 'service', port: 'metrics', ...instance }] }),
  );
  if (rule === undefined) {
    throw new Error('no rule');
  }
  return rule;
}

function found(instance: object) {
  const rule = ruleOf(instance);
  return rule.find({ slice, endpoint, ip: '10.0.0.7', service: rule.services === 'wanted' ? service : undefined });
}

function url(instance: object): string | undefined {
  return found(instance).pages[0]?.url;
}

describe('an instance of role service', () => {
  test.each([
    ['9090', 9100],
    ['9100', 9100],
    ['80', 8080],
    ['metrics', 9100],
    ['__kubernetes_service_annotation_prometheus.io/port', 9100],
    ['__kubernetes_service_port_metrics_port', 9100],
    ['__kubernetes_service_port_metrics_targetport', 9100],
    ['__kubernetes_service_port_http_targetport', 8080],
  ])('finds the port of its endpoints: %s', (port, expected) => {
    expect(url({ port })).toBe(`http://10.0.0.7:${expected}/metrics`);
  });

  test('says which port it does not find', () => {
    expect(found({ port: '7' }).refused).toMatchObject({
      keyPath: 'inputs.kubernetesprometheus.instances[0].port',
      message: '"7" stands for "7", which is no port here',
    });
    expect(found({ port: '__kubernetes_service_annotation_none' }).refused?.message).toContain('stands for nothing');
  });

  test('chooses by labels and by what scrape stands for', () => {
    expect(url({ selector: 'app=shop' })).toBeDefined();
    expect(url({ selector: 'app=s*p' })).toBeDefined();
    expect(url({ selector: 'app=other' })).toBeUndefined();
    expect(url({ scrape: '__kubernetes_service_annotation_prometheus.io/scrape' })).toBeDefined();
    expect(url({ scrape: '__kubernetes_service_annotation_none' })).toBeUndefined();
    expect(ruleOf({ selector: 'app=shop,tier in (a,b)' }).labelSelector).toBe('app=shop,tier in (a,b)');
    expect(ruleOf({ selector: 'app=s*p' }).labelSelector).toBe('');
    expect(ruleOf({ namespaces: ['prod'] }).namespaces).toEqual(['prod']);
  });

  test('names its tags after the Service and its target', () => {
    const tags = {
      service: '__kubernetes_service_name',
      ns: '__kubernetes_service_namespace',
      app: '__kubernetes_service_label_app',
      kind: '__kubernetes_service_target_kind',
      pod_name: '__kubernetes_service_target_name',
      pod_ns: '__kubernetes_service_target_namespace',
      old_pod: '__kubernetes_service_target_pod_name',
      none: '__kubernetes_service_label_none',
      host: '__kubernetes_mate_host',
    };
    const { config } = found({ custom: { tags } }).pages[0] ?? {};
    expect(config).toMatchObject({ source: 'prod/shop' });
    expect(config?.tags).toEqual({
      service: 'shop',
      ns: 'prod',
      app: 'shop',
      kind: 'Pod',
      pod_name: 'shop-1',
      pod_ns: 'prod',
      old_pod: 'shop-1',
      host: '10.0.0.7',
    });
  });
});

test('an instance of role endpoints finds ports, and names its tags, by the endpoints alone', () => {
  const role = 'endpoints';
  expect(ruleOf({ role }).services).toBe('not wanted');
  expect(url({ role, port: '__kubernetes_endpoints_port_metrics_number' })).toBe('http://10.0.0.7:9100/metrics');
  expect(url({ role, port: '9100' })).toBe('http://10.0.0.7:9100/metrics');
  expect(found({ role, port: '9090' }).refused).toBeDefined();
  const tags = {
    name: '__kubernetes_endpoints_name',
    ns: '__kubernetes_endpoints_namespace',
    app: '__kubernetes_endpoints_label_app',
    ip: '__kubernetes_endpoints_address_ip',
    node: '__kubernetes_endpoints_address_node_name',
    kind: '__kubernetes_endpoints_address_target_kind',
    pod_name: '__kubernetes_endpoints_address_target_name',
    pod_ns: '__kubernetes_endpoints_address_target_pod_namespace',
    none: '__kubernetes_endpoints_annotation_none',
  };
  expect(found({ role, custom: { tags } }).pages[0]?.config.tags).toEqual({
    name: 'shop',
    ns: 'prod',
    app: 'shop',
    ip: '10.0.0.7',
    node: 'node-2',
    kind: 'Pod',
    pod_name: 'shop-1',
    pod_ns: 'prod',
  });
});

test('annotations of Services are followed where that is switched on', () => {
  const rules = (wanted: boolean) =>
    endpointRules(kubernetesprometheus.config.parse({ enable_discovery_of_prometheus_service_annotations: wanted }));
  expect(rules(false)).toEqual([]);
  const [rule] = rules(true);
  const of = (annotations: Readonly<Record<string, string>>) =>
    rule?.find({ slice, endpoint, ip: '10.0.0.7', service: { ...service, annotations } });
  const named = {
    'prometheus.io/scrape': 'true',
    'prometheus.io/port': '9090',
    'prometheus.io/path': '/own',
    'prometheus.io/param_measurement': 'shop_prom',
    'prometheus.io/param_tags': 'team=a, tier=b,bad',
  };
  expect(of(named)?.pages[0]).toMatchObject({
    url: 'http://10.0.0.7:9100/own',
    config: {
      measurement_name: 'shop_prom',
      tags: {
        team: 'a',
        tier: 'b',
        namespace: 'prod',
        service_name: 'shop',
        pod_name: 'shop-1',
        host: '10.0.0.7',
        instance: '10.0.0.7:9100',
      },
    },
  });
  expect(of({ 'prometheus.io/scrape': 'true', 'prometheus.io/port': '80' })?.pages[0]?.url).toBe(
    'http://10.0.0.7:8080/metrics',
  );
  expect(of({ 'prometheus.io/scrape': 'false' })?.pages).toEqual([]);
  expect(of({ 'prometheus.io/scrape': 'true' })?.refused?.message).toContain('stands for nothing');
});
