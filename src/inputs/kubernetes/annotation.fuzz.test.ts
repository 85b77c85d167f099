import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Pod } from '../../kube/kube.ts';
import { planOf } from './pod-plan.ts';

const ips = ['10.1.2.3', 'fd00::1'];
const hosts = ['10.1.2.3', '[fd00::1]'];

function podWith(annotations: Readonly<Record<string, string>>, name = 'p'): Pod {
  return {
    uid: 'u',
    namespace: 'prod',
    name,
    node: 'n',
    ips,
    phase: 'Running',
    deleting: false,
    labels: {},
    annotations,
    containers: [{ name: 'app', kind: 'main', ports: [{ number: 80 }] }],
  };
}

/** Pieces that annotations are made of, and that those who mean harm would put together. */
const piece = fc.constantFrom(
  '[[inputs.prom]]\n',
  '[inputs.prom.auth]\n',
  '[inputs.prom.tags]\n',
  'url = "http://$IP:15020/stats"\n',
  'url = "',
  'urls = ["http://$IP:1/", "',
  '"\n',
  '"]\n',
  'http://',
  'https://',
  'file:///',
  '/etc/shadow',
  '$IP',
  '$PODNAME',
  '$NAMESPACE',
  '[$IP]',
  '@',
  '169.254.169.254',
  '10.1.2.3',
  'localhost',
  '127.1',
  '0x7f000001',
  '.evil.example',
  '\\u0040',
  '\\\\',
  '#',
  '?',
  '%',
  ':80',
  '/',
  '//',
  'token_file = "/x"\n',
  'uds_path = "/run/x.sock"\n',
  'interval = "1ms"\n',
  'metric_name_filter = ["(a+)+$"]\n',
  '\t',
  '\0',
  '\u{1F600}',
);
const text = fc.array(fc.oneof(piece, fc.string({ maxLength: 6 })), { maxLength: 14 }).map((parts) => parts.join(''));

/** What no annotation may bring about, whatever it says. */
function expectHarmless(pod: Pod): void {
  const { targets, explanation } = planOf(pod, { istio: 'auto' });
  expect(targets.length).toBeLessThanOrEqual(10);
  expect(explanation.targets).toHaveLength(targets.length);
  for (const { url, config } of targets) {
    const { protocol, hostname } = new URL(url);
    expect(['http:', 'https:']).toContain(protocol);
    expect(hosts).toContain(hostname);
    expect(config.interval).toBeGreaterThanOrEqual(5_000);
    expect(config).not.toHaveProperty('uds_path');
    expect(config).not.toHaveProperty('auth.token_file');
    expect(config.ca_certs).toEqual([]);
  }
}

test('no text of an annotation makes a target outside its pod, names a file, or throws', () => {
  fc.assert(
    fc.property(text, (toml) => expectHarmless(podWith({ 'datakit/prom.instances': toml }))),
    { numRuns: 600 },
  );
}, 60_000);

test('neither does an address that is put together from pieces', () => {
  const address = fc
    .array(fc.oneof(piece, fc.string({ maxLength: 3 })), { maxLength: 7 })
    .map((parts) => parts.join(''));
  fc.assert(
    fc.property(address, fc.string({ maxLength: 8 }), (url, name) => {
      const toml = `[[inputs.prom]]\nurl = ${JSON.stringify(`http://${url}`)}\nurls = [${JSON.stringify(url)}]`;
      expectHarmless(podWith({ 'meshbridge.io/prom.instances': toml }, name));
    }),
    { numRuns: 600 },
  );
}, 60_000);

test('neither do the annotations of Prometheus and Istio', () => {
  const value = fc.oneof(text, fc.string({ maxLength: 12 }));
  const ports = fc.oneof({ weight: 4, arbitrary: fc.constantFrom('80', '15020') }, { weight: 1, arbitrary: value });
  const schemes = fc.oneof(fc.constantFrom('', 'http', 'https'), value);
  const lists = fc
    .array(fc.tuple(ports, value), { maxLength: 3 })
    .map((all) => all.map((one) => one.join(':/')).join());
  fc.assert(
    fc.property(ports, value, schemes, lists, (port, path, scheme, list) => {
      const io = { 'prometheus.io/scrape': 'true', 'prometheus.io/port': port, 'prometheus.io/path': path };
      const more = { 'prometheus.io/scheme': scheme, 'prometheus.istio.io/scrape-targets': list };
      expectHarmless(podWith({ ...io, ...more, 'prometheus.io/param_tags': path }));
    }),
    { numRuns: 600 },
  );
}, 60_000);
