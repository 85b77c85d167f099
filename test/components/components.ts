/**
 * The real programs that end-to-end tests run beside the daemon. Each has a script that installs it if it can and prints
 * where it is; a test that needs one asks for it by name.
 */
import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const scripts = {
  /** Prints the program. */
  prometheus: ['debian.sh', 'prometheus', 'prometheus'],
  /** Prints the program. */
  'victoria-metrics': ['debian.sh', 'victoria-metrics', 'victoria-metrics'],
  /** Prints the program of version 1. */
  influxdb: ['debian.sh', 'influxdb', 'influxd'],
  /** Prints the program. */
  chromium: ['debian.sh', 'chromium', 'chromium'],
  /** Prints the virtual environment; the program is `bin/envoy` in it. */
  envoy: ['envoy.sh'],
  /** Prints the virtual environment of a Zipkin tracer, in the last version that writes thrift; its protobuf wants an old runtime. */
  'py-zipkin': ['python.sh', 'py-zipkin-0.20.2', 'py-zipkin[protobuf]==0.20.2', 'protobuf==3.20.3'],
  /** Prints the virtual environment with ClickHouse's engine as a library. */
  chdb: ['python.sh', 'chdb-4.4.0', 'chdb==4.4.0', 'chdb-core==26.9.0'],
  /** Prints the jar of the reference server, which holds the page Lens too; `java` is on the PATH then. */
  'zipkin-server': ['zipkin-server.sh'],
  /** Prints the directory of Kafka's jars; `java` is on the PATH then. */
  kafka: ['kafka.sh'],
  /** Prints the program; so do the next ones. */
  kubectl: ['kube-tools.sh', 'kubectl'],
  helm: ['kube-tools.sh', 'helm'],
  helm3: ['kube-tools.sh', 'helm3'],
  buildah: ['debian.sh', 'buildah', 'buildah'],
  runc: ['debian.sh', 'runc', 'runc'],
  /** Prints the program of containerd, and makes sure that it can run containers here. */
  containerd: ['containerd.sh'],
  ip: ['debian.sh', 'iproute2', 'ip'],
  /** Prints a file with what that version says about its objects. */
  'kubernetes-1.21-schema': ['go-module-file.sh', 'k8s.io/kubernetes', 'v1.21.14', 'api/openapi-spec/swagger.json'],
  'istio-resources': ['go-module-file.sh', 'istio.io/api', 'v1.31.1', 'kubernetes/customresourcedefinitions.gen.yaml'],
  'kubernetes-1.36-schema': ['go-module-file.sh', 'k8s.io/kubernetes', 'v1.36.3', 'api/openapi-spec/swagger.json'],
  /** Prints the folder of the public test pages of OpenMetrics, each with what a parser must say of it. */
  'openmetrics-pages': [
    'go-module-file.sh',
    'github.com/prometheus/OpenMetrics',
    'v1.0.1-0.20250131122238-3bb328ab04d2',
    'tests/testdata/parsers',
  ],
  /** Prints a program that names metrics as Prometheus does (see otlp-names/main.go). */
  'otlp-names': ['otlp-names.sh'],
  /** Prints the program; it is etcd too, see kube-apiserver/main.go. */
  'kube-apiserver': ['kube-apiserver.sh'],
} as const;

export type ComponentName = keyof typeof scripts;
export const componentNames = Object.keys(scripts) as ComponentName[];

export type Component = { readonly path: string } | { readonly missing: string };

function commandOf(name: ComponentName): [string, ...string[]] {
  const [script, ...args] = scripts[name];
  return [fileURLToPath(new URL(script, import.meta.url)), ...args];
}

function resultOf(name: ComponentName, status: number | null, stdout: string, stderr: string): Component {
  const path = stdout.trim().split('\n').at(-1) ?? '';
  const lastWords = stderr.trim().split('\n').at(-1) || `its script ended with ${status}`;
  return status === 0 && path !== '' ? { path } : { missing: `${name}: ${lastWords}` };
}

/** Finds it, or installs it, which may take minutes. */
export function component(name: ComponentName): Component {
  const run = spawnSync('bash', commandOf(name), { encoding: 'utf8' });
  return resultOf(name, run.status, run.stdout, run.stderr);
}

/** The same without holding up the caller. */
export async function installComponent(name: ComponentName): Promise<Component> {
  const child = spawn('bash', commandOf(name), { stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => {
    output.stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    output.stderr += chunk;
  });
  const { promise, resolve } = Promise.withResolvers<number | null>();
  child.on('error', () => resolve(null));
  child.on('close', resolve);
  return resultOf(name, await promise, output.stdout, output.stderr);
}
