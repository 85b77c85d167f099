import { describe, expect, test } from '@jest/globals';
import { formatFault } from '../../config/fault.ts';
import type { Pod } from '../../kube/kube.ts';
import { kubernetesprometheus } from './kubernetesprometheus.ts';
import { podRules } from './pod-rules.ts';

const pod: Pod = {
  uid: 'u1',
  namespace: 'prod',
  name: 'details-1',
  node: 'node-1',
  ips: ['10.0.0.7'],
  phase: 'Running',
  deleting: false,
  labels: { app: 'details', version: 'v1' },
  annotations: { 'prometheus.io/scrape': 'true', 'prometheus.io/port': '9080', 'prometheus.io/path': '/own?x=1' },
  containers: [
    { name: 'setup', kind: 'init', ports: [{ name: 'metrics', number: 1 }] },
    { name: 'details', kind: 'main', ports: [{ name: 'http', number: 9080 }, { number: 9999 }] },
    { name: 'istio-proxy', kind: 'sidecar', ports: [{ name: 'http-envoy-prom', number: 15_090 }] },
  ],
};

/** What instances of role pod find in the pod. */
function found(instance: object, more: object = {}, of: Pod = pod) {
  const config = kubernetesprometheus.config.parse({
    instances: [{ role: 'pod', port: '9080', ...instance }],
    ...more,
  });
  return podRules(config, '192.0.2.1').map((rule) => rule(of));
}

function url(instance: object, of: Pod = pod): string | undefined {
  return found(instance, {}, of)[0]?.pages[0]?.url;
}

function page(instance: object, more: object = {}) {
  return found(instance, more)[0]?.pages[0]?.config;
}

describe('an instance of role pod', () => {
  test('is for the pods of its namespaces that have its labels', () => {
    expect(url({})).toBe('http://10.0.0.7:9080/metrics');
    expect(url({ namespaces: ['prod', 'test'], selector: 'app=details,version in (v1)' })).toBeDefined();
    expect(url({ namespaces: ['test'] })).toBeUndefined();
    expect(url({ selector: 'app=ratings' })).toBeUndefined();
  });

  test('is for pods for which scrape is, or stands for, true', () => {
    const scrape = '__kubernetes_pod_annotation_prometheus.io/scrape';
    expect(url({ scrape })).toBeDefined();
    expect(url({ scrape }, { ...pod, annotations: { 'prometheus.io/scrape': 'false' } })).toBeUndefined();
    expect(url({ scrape }, { ...pod, annotations: {} })).toBeUndefined();
    expect(url({ scrape: 'false' })).toBeUndefined();
  });

  test.each([
    ['__kubernetes_pod_annotation_prometheus.io/port', 9080],
    ['__kubernetes_pod_container_details_port_http_number', 9080],
    ['__kubernetes_pod_container_istio-proxy_port_http-envoy-prom_number', 15_090],
    ['__kubernetes_pod_container_port_http-envoy-prom_number', 15_090],
    ['15020', 15_020],
  ])('finds its port: %s', (port, expected) => {
    expect(url({ port })).toBe(`http://10.0.0.7:${expected}/metrics`);
  });

  test('without a port in the pod says so', () => {
    const of = (port: string) => found({ port })[0]?.refused;
    expect(of('__kubernetes_pod_container_port_metrics_number')).toMatchObject({ code: 'value' });
    expect(formatFault(of('__kubernetes_pod_label_app') ?? { code: 'value', keyPath: '', message: '' })).toBe(
      'inputs.kubernetesprometheus.instances[0].port: "__kubernetes_pod_label_app" stands for "details", which is no port here; nothing is scraped by this instance',
    );
    expect(of('70000')?.message).toContain('no port');
    expect(found({ scheme: 'gopher' })[0]?.refused?.message).toContain('neither http nor https');
  });

  test('asks for its scheme, path and query, with headers and login', () => {
    const path = '__kubernetes_pod_annotation_prometheus.io/path';
    expect(url({ scheme: 'https', path, params: 'b=2&c' })).toBe('https://10.0.0.7:9080/own?x=1&b=2&c');
    expect(url({ path: '//other/metrics' })).toBe('http://10.0.0.7:9080//other/metrics');
    expect(url({ path: '__kubernetes_pod_annotation_nothing' })).toBe('http://10.0.0.7:9080/metrics');
    const config = page({
      http_headers: { 'X-Scope': 'a' },
      auth: {
        bearer_token_file: '/token',
        tls_config: { insecure_skip_verify: true, ca_certs: ['/ca'], cert: '/c', cert_key: '/k', server_name: 's' },
      },
    });
    expect(config).toMatchObject({
      http_headers: { 'X-Scope': 'a' },
      auth: { type: 'bearer_token', token_file: '/token' },
      insecure_skip_verify: true,
      ca_certs: ['/ca'],
      cert: '/c',
      cert_key: '/k',
      server_name: 's',
    });
  });

  test('brackets an address of IPv6', () => {
    expect(url({}, { ...pod, ips: ['fd00::7'] })).toBe('http://[fd00::7]:9080/metrics');
    expect(url({}, { ...pod, ips: [] })).toBeUndefined();
  });

  test('adds its tags and those of all, without what stands for nothing', () => {
    const tags = {
      pod: '__kubernetes_pod_name',
      ns: '__kubernetes_pod_namespace',
      node: '__kubernetes_pod_node_name',
      ip: '__kubernetes_pod_ip',
      host_ip: '__kubernetes_pod_host_ip',
      app: '__kubernetes_pod_label_app',
      none: '__kubernetes_pod_label_none',
      plain: 'text',
      both: 'own',
    };
    const global_tags = {
      instance: '__kubernetes_mate_instance',
      host: '__kubernetes_mate_host',
      both: 'all',
      other: '__kubernetes_node_name',
    };
    expect(page({ custom: { tags } }, { global_tags })?.tags).toEqual({
      pod: 'details-1',
      ns: 'prod',
      node: 'node-1',
      ip: '10.0.0.7',
      host_ip: '192.0.2.1',
      app: 'details',
      plain: 'text',
      both: 'own',
      instance: '10.0.0.7:9080',
      host: '10.0.0.7',
    });
  });

  test('names its measurement and its job', () => {
    expect(page({})).toMatchObject({ source: 'prod/details-1', measurement_name: '', keep_exist_metric_name: true });
    const measurement = '__kubernetes_pod_label_app';
    expect(page({ custom: { measurement } })).toMatchObject({ source: 'details', measurement_name: 'details' });
    expect(page({}, { keep_exist_metric_name: false })?.keep_exist_metric_name).toBe(false);
  });

  test('is scraped as often as all are, at the times of the page unless those are not wanted', () => {
    expect(page({})).toMatchObject({ interval: 30_000, timeout: 10_000, honor_timestamps: true });
    const more = { scrape_interval: '100ms', honor_timestamps: false };
    expect(page({}, more)).toMatchObject({ interval: 1_000, honor_timestamps: false });
  });

  test('is one rule of its own, and those of other roles are none', () => {
    const config = kubernetesprometheus.config.parse({
      instances: [
        { role: 'node', port: '1' },
        { role: 'pod', port: '2' },
        { role: 'service', port: '3' },
        { role: 'pod', port: '4' },
      ],
    });
    const urls = podRules(config, undefined).map((rule) => rule(pod).pages[0]?.url);
    expect(urls).toEqual(['http://10.0.0.7:2/metrics', 'http://10.0.0.7:4/metrics']);
  });
});
