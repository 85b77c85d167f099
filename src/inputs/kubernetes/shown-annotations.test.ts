import { expect, test } from '@jest/globals';
import type { Pod } from '../../kube/kube.ts';
import { shownAnnotations } from './shown-annotations.ts';

const pod: Pod = {
  uid: 'u',
  namespace: 'prod',
  name: 'p',
  node: 'n',
  ips: ['10.0.0.1'],
  phase: 'Running',
  deleting: false,
  labels: {},
  annotations: {},
  containers: [],
};

function shown(text: string): string | undefined {
  return shownAnnotations({ ...pod, annotations: { 'datakit/prom.instances': text } })?.['datakit/prom.instances'];
}

test('what concerns collection is shown as written, and nothing else', () => {
  const annotations = {
    'datakit/prom.instances': '[[inputs.prom]]\n  url = "http://$IP:9100/metrics"',
    'meshbridge.io/logs': '[{"source":"reviews"}]',
    'prometheus.io/scrape': 'true',
    'prometheus.istio.io/scrape-targets': '8080',
    'kubectl.kubernetes.io/last-applied-configuration': '{}',
    'sidecar.istio.io/inject': 'true',
  };
  const { 'kubectl.kubernetes.io/last-applied-configuration': _, 'sidecar.istio.io/inject': __, ...ours } = annotations;
  expect(shownAnnotations({ ...pod, annotations })).toEqual(ours);
  expect(shownAnnotations(pod)).toBeUndefined();
});

test('secrets are masked wherever an annotation may hold them', () => {
  const text = [
    '[[inputs.prom]]',
    '  url = "http://me:s3cret@$IP:9100/metrics?token=x"',
    '  source = "shown"',
    '  cert_key_base64 = """',
    's3cret',
    '"""',
    '  [inputs.prom.auth]',
    '    type = "basic"',
    '    username = "reader"',
    "    password = 's3cret'",
    '    token = "s3\\"s3cret"',
    '  [inputs.prom.http_headers]',
    '    X-Tenant = "s3cret"',
    '    "Authorization" = "Bearer s3cret"',
    '  [inputs.prom.tags]',
    '    team = "shown too"',
  ].join('\n');
  const seen = shown(text);
  expect(seen).not.toContain('s3');
  expect(seen).toContain('source = "shown"');
  expect(seen).toContain('username = "reader"');
  expect(seen).toContain('team = "shown too"');
  expect(shown('http_headers = { X-A = "s3cret", "x-b" = \'s3cret\' }\nsource = "shown"')).toBe(
    'http_headers = { X-A = "***", "x-b" = "***" }\nsource = "shown"',
  );
  expect(shown('auth = { token = "s3cret", username = "u" }')).toBe('auth = { token = "***", username = "u" }');
});

test('a secret is masked also where its quotes are never closed', () => {
  expect(shown('token = "s3cret')).not.toContain('s3');
  expect(shown('token = """\ns3cret')).not.toContain('s3');
});

test('a very long one is cut', () => {
  expect(shown('x'.repeat(10_000))?.length).toBeLessThan(4_100);
});
