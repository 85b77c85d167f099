import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Certificate } from '../fakes/certificate.ts';
import { freePort } from '../fakes/free-port.ts';
import { until } from '../fakes/until.ts';

/** `host:port` of each listener. */
export interface KafkaAddresses {
  /** Neither TLS nor login. */
  readonly plain: string;
  /** SASL without TLS. */
  readonly login: string;
  /** TLS and SASL. */
  readonly secure: string;
  /** TLS, and a certificate of the client's. */
  readonly mutual: string;
}

export interface Kafka extends KafkaAddresses {
  readonly pid: number;
  /** As kill -9. */
  stop(): Promise<void>;
}

export interface KafkaUser {
  readonly name: string;
  readonly password: string;
}

export interface KafkaOptions {
  /** Directory of the jars. */
  readonly jars: string;
  /** A directory of its own, empty or that of one that was stopped. */
  readonly dir: string;
  /** Default: free ones. Those of one that was stopped, to come again in its place. */
  readonly addresses?: KafkaAddresses;
  /** Own and the clients' certificate. */
  readonly certificate: Certificate;
  /** The first one may do everything, the others nothing; all by each SASL mechanism. */
  readonly users: readonly KafkaUser[];
  readonly properties?: Readonly<Record<string, string>>;
}

const jvm = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xshare:auto', '-Xmx256m'];

export async function freeKafkaAddresses(): Promise<KafkaAddresses> {
  const address = async (): Promise<string> => `127.0.0.1:${await freePort()}`;
  return { plain: await address(), login: await address(), secure: await address(), mutual: await address() };
}

/** A real broker, alone, that is its own controller (KRaft). */
export async function startKafka(options: KafkaOptions): Promise<Kafka> {
  const { jars, dir } = options;
  await mkdir(dir, { recursive: true });
  const addresses = options.addresses ?? (await freeKafkaAddresses());
  const file = join(dir, 'server.properties');
  const classpath = ['-cp', join(jars, '*')];
  const properties = propertiesOf(options, addresses, await freePort());
  await writeFile(
    file,
    Object.entries(properties)
      .map(([key, value]) => `${key}=${value}\n`)
      .join(''),
  );
  await writeFile(join(dir, 'tls.pem'), `${options.certificate.key}${options.certificate.cert}`);
  await writeFile(join(dir, 'trusted.pem'), options.certificate.cert);
  if (!existsSync(join(dir, 'log'))) {
    format([...classpath, 'kafka.tools.StorageTool', 'format', '-t', 'meshbridgemeshbridgeA', '-c', file], options);
  }
  const child = spawn('java', [...jvm, ...classpath, 'kafka.Kafka', file], { stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
  };
  try {
    await ready(child, addresses);
  } catch (error) {
    await stop();
    throw error;
  }
  return { ...addresses, pid: child.pid ?? 0, stop };
}

function propertiesOf(
  { dir, users, properties }: KafkaOptions,
  addresses: KafkaAddresses,
  controllerPort: number,
): Readonly<Record<string, string>> {
  const named = Object.entries(addresses).map(([name, address]) => `${name.toUpperCase()}://${address}`);
  const controller = `127.0.0.1:${controllerPort}`;
  return {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.bootstrap.servers': controller,
    'controller.quorum.voters': `1@${controller}`,
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map':
      'CONTROLLER:PLAINTEXT,PLAIN:PLAINTEXT,LOGIN:SASL_PLAINTEXT,SECURE:SASL_SSL,MUTUAL:SSL',
    'inter.broker.listener.name': 'PLAIN',
    listeners: [...named, `CONTROLLER://${controller}`].join(),
    'advertised.listeners': named.join(),
    ...loginOf('login', users),
    ...loginOf('secure', users),
    ...tlsOf('secure', dir),
    ...tlsOf('mutual', dir),
    'listener.name.mutual.ssl.client.auth': 'required',
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'super.users': `User:ANONYMOUS;User:CN=meshbridge test;User:${users[0]?.name ?? ''}`,
    'log.dirs': join(dir, 'log'),
    'num.partitions': '3',
    'offsets.topic.num.partitions': '1',
    'offsets.topic.replication.factor': '1',
    'transaction.state.log.num.partitions': '1',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'group.initial.rebalance.delay.ms': '0',
    ...properties,
  };
}

function loginOf(listener: string, users: readonly KafkaUser[]): Readonly<Record<string, string>> {
  const prefix = `listener.name.${listener}`;
  const modules = 'org.apache.kafka.common.security';
  const known = users.map(({ name, password }) => `user_${name}="${password}"`).join(' ');
  return {
    [`${prefix}.sasl.enabled.mechanisms`]: 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    [`${prefix}.plain.sasl.jaas.config`]: `${modules}.plain.PlainLoginModule required ${known};`,
    [`${prefix}.scram-sha-256.sasl.jaas.config`]: `${modules}.scram.ScramLoginModule required;`,
    [`${prefix}.scram-sha-512.sasl.jaas.config`]: `${modules}.scram.ScramLoginModule required;`,
  };
}

function tlsOf(listener: string, dir: string): Readonly<Record<string, string>> {
  const prefix = `listener.name.${listener}.ssl`;
  return {
    [`${prefix}.keystore.type`]: 'PEM',
    [`${prefix}.keystore.location`]: join(dir, 'tls.pem'),
    [`${prefix}.truststore.type`]: 'PEM',
    [`${prefix}.truststore.location`]: join(dir, 'trusted.pem'),
  };
}

function format(command: readonly string[], { users }: KafkaOptions): void {
  const scram = users.flatMap(({ name, password }) =>
    ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => [
      '--add-scram',
      `${mechanism}=[name=${name},password=${password}]`,
    ]),
  );
  const { status, stdout, stderr } = spawnSync('java', [...jvm, ...command, ...scram], { encoding: 'utf8' });
  if (status !== 0) {
    throw new Error(`Kafka's storage could not be made: ${stdout}${stderr}`);
  }
}

async function ready(child: ChildProcess, addresses: KafkaAddresses): Promise<void> {
  let said = '';
  const keep = (chunk: Buffer): void => {
    said = (said + chunk.toString()).slice(-10_000);
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  for (const address of Object.values(addresses)) {
    await until(
      async () => {
        if (child.exitCode !== null) {
          throw new Error(`Kafka ended with ${child.exitCode}: ${said}`);
        }
        return await isListening(address);
      },
      { withinMs: 180_000, what: 'Kafka listens' },
    );
  }
}

function isListening(address: string): Promise<boolean> {
  const [host = '', port] = address.split(':');
  return new Promise((resolve) => {
    const socket = connect(Number(port), host, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
