/**
 * A real API server of Kubernetes with its etcd, as processes of the test. Nothing else of a cluster is there: no scheduler,
 * no controllers, no kubelet. So pods are created bound to a node and their status is written by the test (`runningPod`),
 * nobody makes EndpointSlices for a Service, and what is deleted with grace is deleted at once.
 *
 *     describeWith('kube-apiserver', (program) => {
 *       let cluster: Cluster;
 *       beforeAll(async () => { cluster = await startCluster({ program }); }, 120_000);
 *       afterAll(() => cluster.stop());
 *
 *       test('...', async () => {
 *         await cluster.apply(parseAllDocuments(text).map((document) => document.toJS()));     // any kinds, in their order
 *         await cluster.apply(objects, { dryRun: true });                          // as `kubectl apply --dry-run=server`
 *         const refused = await cluster.attempt('POST', '/api/v1/namespaces/x/pods?dryRun=All', podOfTemplate(daemonSet));
 *         const dir = await cluster.serviceAccount('meshbridge', 'meshbridge');    // ca.crt, token, namespace: for a daemon
 *         await startDaemon({ ..., env: cluster.podEnvironment });                 // with [kubernetes] service_account_dir = dir
 *       });
 *     });
 *
 * It authorises by RBAC, runs the default admission plug-ins (Pod Security with them) but ServiceAccount, and writes an audit
 * log, which `requests()` reads. It ends with `stop()`, and by itself when the test's process dies. Starting takes about 5 s.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { selfSignedCertificate } from '../../fakes/certificate.ts';
import { freePort } from '../../fakes/free-port.ts';
import { tempDir } from '../../fakes/temp-dir.ts';
import { until } from '../../fakes/until.ts';
import { ApiCalls, type Json, type KubeObject } from './api-calls.ts';

export interface ClusterOptions {
  /** What the component's script prints. */
  readonly program: string;
  /** More flags of kube-apiserver. */
  readonly flags?: readonly string[];
}

/** A line of the audit log: one request, when its answer began. */
export interface AuditedRequest {
  readonly verb: string;
  readonly user: string;
  readonly resource: string;
  readonly uri: string;
  readonly userAgent: string;
  readonly status: number;
}

export class Cluster extends ApiCalls {
  readonly port: number;
  /** PEM of the authority that signed the server's certificate. */
  readonly caFile: string;
  /** Bearer token of a member of system:masters. */
  readonly adminToken: string;
  readonly dir: string;
  readonly #processes: Processes;

  constructor(processes: Processes) {
    super({ url: `https://127.0.0.1:${processes.port}`, ca: processes.ca, token: processes.adminToken });
    this.port = processes.port;
    this.caFile = join(processes.dir, 'ca.crt');
    this.adminToken = processes.adminToken;
    this.dir = processes.dir;
    this.#processes = processes;
  }

  /** What kubelet puts into the environment of every container. */
  get podEnvironment(): Record<string, string> {
    return { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: String(this.port) };
  }

  /**
   * A folder as kubelet mounts it at /var/run/secrets/kubernetes.io/serviceaccount, with a token for the account, which is
   * made where it is missing, and its namespace too. Calling it again renews the token.
   */
  async serviceAccount(namespace: string, name: string): Promise<string> {
    await this.ensureNamespace(namespace);
    await this.apply([{ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } }]);
    const dir = join(this.dir, 'accounts', namespace, name);
    await mkdir(dir, { recursive: true });
    await writeFile(join(dir, 'ca.crt'), this.#processes.ca);
    await writeFile(join(dir, 'namespace'), namespace);
    await writeFile(join(dir, 'token'), await this.token(namespace, name));
    return dir;
  }

  /** A kubeconfig file that holds the token. */
  kubeconfig(token = this.adminToken): Promise<string> {
    return this.#kubeconfig({ token });
  }

  /** A kubeconfig file with the certificate of the user `meshbridge test`, who may do nothing by himself. */
  kubeconfigOfCertificate(): Promise<string> {
    const { cert, key } = this.#processes.client;
    return this.#kubeconfig({ 'client-certificate-data': base64(cert), 'client-key-data': base64(key) });
  }

  async #kubeconfig(user: Json): Promise<string> {
    const file = join(this.dir, `kubeconfig-${randomBytes(4).toString('hex')}`);
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'test', cluster: { server: this.url, 'certificate-authority': this.caFile } }],
      users: [{ name: 'test', user }],
      contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
      'current-context': 'test',
    };
    await writeFile(file, JSON.stringify(config));
    return file;
  }

  /** All requests of users that are not the server itself or the test's administrator. */
  async requests(): Promise<readonly AuditedRequest[]> {
    const text = await readFile(join(this.dir, 'audit.log'), 'utf8').catch(() => '');
    const lines = text.split('\n').slice(0, -1);
    return lines.map((line) => requestOf(JSON.parse(line))).filter(({ user }) => !ownUsers.has(user));
  }

  /** As if its machine lost power; etcd keeps what it has. */
  async kill(): Promise<void> {
    await this.#processes.killServer();
  }

  /** On the same port, with the same data. */
  async restart(): Promise<void> {
    await this.#processes.startServer();
    await this.ready();
  }

  /** Only signals: SIGSTOP makes every connection hang, SIGCONT goes on. */
  signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    this.#processes.server?.kill(name);
  }

  /** VmRSS of the server in bytes. */
  async residentBytes(): Promise<number> {
    const status = await readFile(`/proc/${this.#processes.server?.pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
  }

  async ready(): Promise<void> {
    await until(async () => (await this.attempt('GET', '/readyz')).status === 200, {
      withinMs: 90_000,
      what: `the API server is ready:\n${this.#processes.output()}`,
    });
  }

  /** Removes the object from etcd's past: what happened before now cannot be watched from any more (410). */
  async compact(): Promise<void> {
    const { header } = (await this.#etcd('/v3/kv/range', { key: base64('/') })) as { header: { revision: string } };
    await this.#etcd('/v3/kv/compaction', { revision: header.revision, physical: true });
  }

  /**
   * Writes the object straight into etcd, past the server's validation, and lets the server find it there. For what the
   * server would refuse only because this is one machine, such as EndpointSlices with loopback addresses.
   */
  async putUnchecked(key: string, object: KubeObject): Promise<void> {
    const metadata = { uid: crypto.randomUUID(), creationTimestamp: new Date().toISOString(), ...object.metadata };
    const value = base64(JSON.stringify({ ...object, metadata }));
    await this.#etcd('/v3/kv/put', { key: base64(key), value });
  }

  async deleteUnchecked(key: string): Promise<void> {
    await this.#etcd('/v3/kv/deleterange', { key: base64(key) });
  }

  async stop(): Promise<void> {
    await this.close();
    await this.#processes.stop();
  }

  async #etcd(path: string, body: Json): Promise<unknown> {
    const answer = await fetch(`${this.#processes.etcdUrl}${path}`, { method: 'POST', body: JSON.stringify(body) });
    if (!answer.ok) {
      throw new Error(`etcd: ${answer.status} ${await answer.text()}`);
    }
    return await answer.json();
  }
}

const ownUsers = new Set(['system:apiserver', 'admin', 'system:anonymous']);

export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const processes = new Processes(options);
  try {
    await processes.start();
    const cluster = new Cluster(processes);
    await cluster.ready();
    return cluster;
  } catch (error) {
    await processes.stop();
    throw error;
  }
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

interface AuditEvent {
  readonly verb: string;
  readonly requestURI: string;
  readonly userAgent?: string;
  readonly user: { readonly username?: string };
  readonly objectRef?: { readonly resource?: string; readonly subresource?: string };
  readonly responseStatus?: { readonly code?: number };
}

function requestOf(event: AuditEvent): AuditedRequest {
  const { resource = '', subresource } = event.objectRef ?? {};
  return {
    verb: event.verb,
    user: event.user.username ?? '',
    resource: subresource === undefined ? resource : `${resource}/${subresource}`,
    uri: event.requestURI,
    userAgent: event.userAgent ?? '',
    status: event.responseStatus?.code ?? 0,
  };
}

const auditPolicy = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: [
    { level: 'None', users: [...ownUsers] },
    { level: 'Metadata', verbs: ['watch'], omitStages: ['RequestReceived', 'ResponseComplete'] },
    { level: 'Metadata' },
  ],
};

/** etcd and the API server, with the files that they share. */
class Processes {
  readonly adminToken = randomBytes(16).toString('hex');
  readonly certificate = selfSignedCertificate();
  readonly ca = this.certificate.cert;
  readonly client = selfSignedCertificate();
  readonly #options: ClusterOptions;
  dir = '';
  port = 0;
  etcdUrl = '';
  server: ChildProcess | undefined;
  #etcd: ChildProcess | undefined;
  #removeDir: () => Promise<void> = async () => undefined;
  #output = '';

  constructor(options: ClusterOptions) {
    this.#options = options;
  }

  output(): string {
    return this.#output.slice(-4000);
  }

  async start(): Promise<void> {
    const dir = await tempDir();
    this.dir = dir.path;
    this.#removeDir = () => dir.remove();
    const keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const files = {
      'ca.crt': this.certificate.cert,
      'server.key': this.certificate.key,
      'client.crt': this.client.cert,
      'accounts.key': String(keys.privateKey.export({ type: 'pkcs8', format: 'pem' })),
      'accounts.pub': String(keys.publicKey.export({ type: 'spki', format: 'pem' })),
      'tokens.csv': `${this.adminToken},admin,admin,"system:masters"\n`,
      'audit.json': JSON.stringify(auditPolicy),
    };
    for (const [name, text] of Object.entries(files)) {
      await writeFile(join(this.dir, name), text, { mode: 0o600 });
    }
    const etcdPort = await freePort();
    this.port = await freePort();
    this.etcdUrl = `http://127.0.0.1:${etcdPort}`;
    this.#etcd = this.#spawn(['etcd', join(this.dir, 'etcd'), `127.0.0.1:${etcdPort}`]);
    await until(async () => (await fetch(`${this.etcdUrl}/health`)).ok, {
      withinMs: 60_000,
      what: 'etcd is healthy',
    });
    await this.startServer();
  }

  async startServer(): Promise<void> {
    const file = (name: string): string => join(this.dir, name);
    this.server = this.#spawn([
      '--bind-address=127.0.0.1',
      '--advertise-address=192.0.2.1',
      '--external-hostname=localhost',
      `--secure-port=${this.port}`,
      `--etcd-servers=${this.etcdUrl}`,
      `--tls-cert-file=${file('ca.crt')}`,
      `--tls-private-key-file=${file('server.key')}`,
      `--token-auth-file=${file('tokens.csv')}`,
      `--client-ca-file=${file('client.crt')}`,
      '--authorization-mode=RBAC',
      '--service-account-issuer=https://kubernetes.default.svc',
      `--service-account-key-file=${file('accounts.pub')}`,
      `--service-account-signing-key-file=${file('accounts.key')}`,
      '--service-cluster-ip-range=10.96.0.0/16',
      '--disable-admission-plugins=ServiceAccount',
      '--endpoint-reconciler-type=none',
      '--allow-privileged=true',
      '--profiling=false',
      `--audit-policy-file=${file('audit.json')}`,
      `--audit-log-path=${file('audit.log')}`,
      ...(this.#options.flags ?? []),
    ]);
    await Promise.resolve();
  }

  async killServer(): Promise<void> {
    await ended(this.server, 'SIGKILL');
  }

  async stop(): Promise<void> {
    this.server?.kill('SIGCONT');
    await Promise.all([ended(this.server, 'SIGKILL'), ended(this.#etcd, 'SIGKILL')]);
    await this.#removeDir();
  }

  /** Its standard input stays open as long as this process lives; the program ends with it. */
  #spawn(args: readonly string[]): ChildProcess {
    const child = spawn(this.#options.program, args, { cwd: this.dir, stdio: ['pipe', 'pipe', 'pipe'] });
    const keep = (chunk: Buffer): void => {
      this.#output = (this.#output + chunk.toString()).slice(-100_000);
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    child.on('error', (error) => keep(Buffer.from(String(error))));
    child.stdin?.on('error', () => undefined);
    return child;
  }
}

async function ended(child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> {
  if (child === undefined || child.pid === undefined || child.exitCode !== null || child.signalCode !== null) {
    return;
  }
  const exit = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill(signal);
  await exit;
}
