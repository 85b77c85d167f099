import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import type { CursorStatus } from '../../src/contract/status.ts';
import type { Signal } from '../../src/model/batch.ts';
import { freeKafkaAddresses, type Kafka, type KafkaOptions, startKafka } from '../components/kafka.ts';
import { describeWith } from '../components/needs.ts';
import { startZipkinServer } from '../components/zipkin-server.ts';
import { selfSignedCertificate } from '../fakes/certificate.ts';
import { freePort } from '../fakes/free-port.ts';
import { otlpJson } from '../fakes/otlp-proto.ts';
import { type TempDir, tempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';
import { type Daemon, startDaemon } from './daemon.ts';
import { type Consumed, createTopics, readTopic, tracesJson } from './kafka-topics.ts';

/** How long a killed broker is away; `npm run test:long` has it away for a minute. */
const outageMs = Number(process.env['OUTAGE_SECONDS'] ?? '10') * 1000;
const program = join(import.meta.dirname, '../../bin/meshbridge');
const cleanups: (() => Promise<unknown>)[] = [];
const [mesh, stranger] = [
  { name: 'mesh', password: 'secret-of-mesh' },
  { name: 'stranger', password: 'secret-of-stranger' },
];
let dir: TempDir;
beforeAll(async () => {
  dir = await tempDir();
});
afterAll(() => dir.remove());
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) {
    await cleanup();
  }
});

interface SentSpan {
  readonly traceId: string;
  readonly id: string;
  readonly name: string;
  readonly timestamp: number;
  readonly duration: number;
  readonly localEndpoint: { readonly serviceName: string };
  readonly tags: Readonly<Record<string, string>>;
}

function span(trace: number, id: number, text = 'short'): SentSpan {
  return {
    traceId: `a${trace.toString(16).padStart(31, '0')}`,
    id: id.toString(16).padStart(16, '0'),
    name: `get /${id}`,
    timestamp: 1_795_253_153_000_000 + id,
    duration: 100 + id,
    localEndpoint: { serviceName: 'reviews' },
    tags: { text },
  };
}

async function post(to: Daemon, path: string, body: string): Promise<void> {
  const headers = { 'content-type': path.startsWith('/loki') ? 'application/json' : 'text/plain;charset=UTF-8' };
  const answer = await fetch(`${to.url}${path}`, { method: 'POST', body, headers });
  expect({ path, isGood: answer.ok }).toEqual({ path, isGood: true });
}

async function postSpans(to: Daemon, spans: readonly SentSpan[]): Promise<void> {
  await post(to, '/api/v2/spans', JSON.stringify(spans));
}

async function cursor(daemon: Daemon, signal: Signal, name: string): Promise<CursorStatus | undefined> {
  const { lanes } = await daemon.status();
  return lanes.find((lane) => lane.signal === signal)?.outputs.find(({ output }) => output === name);
}

function settled(daemon: Daemon, signal: Signal, name: string, items: number): Promise<unknown> {
  return until(
    async () => {
      const { delivered = 0, dropped = {} } = (await cursor(daemon, signal, name)) ?? {};
      return delivered + Object.values(dropped).reduce((sum, count) => sum + count, 0) === items;
    },
    { withinMs: 120_000, what: `${items} ${signal} at ${name}` },
  );
}

function meshbridge(...args: readonly string[]): Promise<{ readonly code: number; readonly text: string }> {
  return new Promise((resolve) => {
    execFile(program, args, { maxBuffer: 1e8 }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), text: stdout + stderr }),
    );
  });
}

const named = (name: string, rest: string): string =>
  `[[outputs.kafka]]\n  name = "${name}"\n  batch_wait = "10ms"\n${rest}`;
const topicsOf = (name: string): string =>
  `  topics = { traces = "${name}_spans", metrics = "${name}_metrics", logs = "${name}_logs", rum = "${name}_rum" }\n`;

/** A page whose numbers never change. */
async function page(): Promise<string> {
  const server = createServer((_, response) =>
    response.end(
      '# TYPE demo_requests counter\ndemo_requests_total{code="200"} 7\n# TYPE demo_heat gauge\ndemo_heat NaN\n',
    ),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(async () => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`;
}

const lineTime = '1795253153000000001';
const stream = { namespace: 'prod', pod: 'reviews-0', container: 'reviews', level: 'error' };
const push = JSON.stringify({ streams: [{ stream, values: [[lineTime, 'it "broke" \\ here']] }] });
const visit = 'view,app_id=shop,session_id=s-1 loading_time=12i 1795253153000\n';

const spanJson = ({ traceId, id, name, timestamp, duration }: SentSpan): object => ({
  traceId,
  spanId: id,
  name,
  startTimeUnixNano: `${timestamp}000`,
  endTimeUnixNano: `${timestamp + duration}000`,
});

function texts(messages: readonly Consumed[]): unknown[] {
  return messages.flatMap(({ value }) =>
    String(value)
      .trimEnd()
      .split('\n')
      .map((line): unknown => JSON.parse(line)),
  );
}

/** Every object below, whatever holds it, that has this key. */
function having(key: string, value: unknown): Record<string, unknown>[] {
  if (typeof value !== 'object' || value === null) {
    return [];
  }
  const own = Object.entries(value).some(([name]) => name === key) ? [{ ...value }] : [];
  return [...own, ...Object.values(value).flatMap((one) => having(key, one))];
}

describeWith('kafka', (jars) => {
  const certificate = selfSignedCertificate();
  let files: { readonly cert: string; readonly key: string; readonly other: string };
  let options: KafkaOptions;
  let kafka: Kafka;

  beforeAll(async () => {
    files = { cert: join(dir.path, 'cert.pem'), key: join(dir.path, 'key.pem'), other: join(dir.path, 'other.pem') };
    await writeFile(files.cert, certificate.cert);
    await writeFile(files.key, certificate.key);
    await writeFile(files.other, selfSignedCertificate().cert);
    options = {
      jars,
      dir: join(dir.path, 'kafka'),
      addresses: await freeKafkaAddresses(),
      certificate,
      users: [mesh, stranger],
      properties: { 'auto.create.topics.enable': 'false' },
    };
    kafka = await startKafka(options);
  }, 240_000);
  afterAll(() => kafka.stop());

  async function daemonWith(name: string, toml: string): Promise<Daemon> {
    const daemon = await startDaemon({ dir: join(dir.path, name), config: { 'kafka.conf': toml } });
    cleanups.push(() => daemon.end());
    return daemon;
  }

  const sasl = (mechanism: string, { name, password }: typeof mesh): string =>
    `  [outputs.kafka.sasl]\n    mechanism = "${mechanism}"\n    username = "${name}"\n    password = "${password}"\n`;

  /** One for each way in, way of writing and compression. */
  const ways = (): Readonly<Record<string, string>> => ({
    proto: `  brokers = ["${kafka.plain}"]\n  compression = "zstd"\n`,
    json: `  brokers = ["${kafka.secure}"]\n  compression = "gzip"\n  format = { traces = "otlp_json", metrics = "otlp_json", logs = "otlp_json", rum = "json" }\n  tls = { ca_file = "${files.cert}" }\n${sasl('SCRAM-SHA-512', mesh)}`,
    lines: `  brokers = ["${kafka.mutual}"]\n  compression = "snappy"\n  format = { traces = "ndjson", metrics = "ndjson", logs = "ndjson" }\n  headers = { cluster = "east" }\n  tls = { ca_file = "${files.cert}", cert_file = "${files.cert}", key_file = "${files.key}" }\n`,
    zipkin: `  brokers = ["${kafka.login}"]\n  compression = "lz4"\n  signals = ["traces", "logs"]\n  format = { traces = "zipkin_json", logs = "json" }\n${sasl('SCRAM-SHA-256', mesh)}`,
    password: `  brokers = ["${kafka.login}"]\n  compression = "none"\n  signals = ["logs"]\n${sasl('PLAIN', mesh)}`,
  });

  test('every signal arrives as it was sent, in every format, over every kind of connection', async () => {
    const all = ways();
    const topics = Object.keys(all).flatMap((name) =>
      ['spans', 'metrics', 'logs', 'rum'].map((kind) => `${name}_${kind}`),
    );
    await createTopics(kafka.plain, { topics });
    const outputs = Object.entries(all).map(([name, rest]) =>
      named(
        name,
        rest.includes('[outputs') ? rest.replace('  [outputs', `${topicsOf(name)}  [outputs`) : rest + topicsOf(name),
      ),
    );
    const daemon = await daemonWith(
      'formats',
      `[[inputs.loki]]\n[[inputs.prom]]\n  url = "${await page()}"\n  source = "demo"\n  interval = "1s"\n${outputs.join('')}`,
    );
    const spans = [span(1, 1), span(1, 2), span(2, 3)];
    await postSpans(daemon, spans);
    await post(daemon, '/loki/api/v1/push', push);
    await post(daemon, '/v1/write/rum?precision=ms', visit);
    for (const [signal, items] of [
      ['traces', 3],
      ['logs', 1],
      ['rum', 1],
    ] as const) {
      for (const name of signal === 'rum' ? ['proto', 'json', 'lines'] : ['proto', 'json', 'lines', 'zipkin']) {
        await settled(daemon, signal, name, items);
      }
    }
    await settled(daemon, 'logs', 'password', 1);
    await until(async () => Number((await cursor(daemon, 'metrics', 'lines'))?.delivered) > 0);
    await until(async () => Number((await cursor(daemon, 'metrics', 'json'))?.delivered) > 0);
    await until(async () => Number((await cursor(daemon, 'metrics', 'proto'))?.delivered) > 0);
    const read = (topic: string): Promise<readonly Consumed[]> => readTopic(kafka.plain, topic);

    const [proto, json, lines, zipkin] = [
      await read('proto_spans'),
      await read('json_spans'),
      await read('lines_spans'),
      await read('zipkin_spans'),
    ];
    const wanted = spans.map(spanJson);
    const byId = (one: object, other: object): number => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1);
    for (const messages of [proto.map(({ value }) => tracesJson(value)), texts(json)]) {
      const found = messages.flatMap((message) => having('startTimeUnixNano', message));
      expect(found.toSorted(byId)).toEqual(wanted.toSorted(byId).map((one) => expect.objectContaining(one)));
    }
    expect(
      texts(lines)
        .flatMap((line) => having('traceId', line))
        .toSorted(byId),
    ).toEqual(spans.map((one) => expect.objectContaining({ signal: 'traces', ...one })).toSorted(byId));
    expect(texts(zipkin).flat()).toEqual(expect.arrayContaining(spans.map((one) => expect.objectContaining(one))));
    for (const messages of [proto, json, lines, zipkin]) {
      expect(messages.map(({ key }) => key).toSorted()).toEqual([span(1, 1).traceId, span(2, 1).traceId]);
    }
    expect(lines[0]?.headers).toEqual({
      cluster: 'east',
      'meshbridge-id': expect.stringMatching(/^[^:]+:\d+\/\d\/0-\d$/),
    });

    const counters = [
      ...(await read('proto_metrics')).map(({ value }) => otlpJson('Metrics', value)),
      ...texts(await read('json_metrics')),
    ].flatMap((message) => having('asDouble', message));
    expect(counters).toContainEqual(
      expect.objectContaining({ asDouble: 7, attributes: [{ key: 'code', value: { stringValue: '200' } }] }),
    );
    expect(counters).toContainEqual(expect.objectContaining({ asDouble: 'NaN' }));
    const samples = await read('lines_metrics');
    expect(texts(samples)).toContainEqual(expect.objectContaining({ name: 'demo_requests_total', value: 7 }));
    expect(samples[0]?.key).toMatch(/^demo\/127\.0\.0\.1:\d+$/);

    for (const bodies of [
      (await read('proto_logs')).map(({ value }) => otlpJson('Logs', value)),
      texts(await read('json_logs')),
      (await read('password_logs')).map(({ value }) => otlpJson('Logs', value)),
    ]) {
      expect(bodies.flatMap((body) => having('timeUnixNano', body))).toEqual([
        expect.objectContaining({
          timeUnixNano: lineTime,
          severityNumber: 17,
          body: { stringValue: 'it "broke" \\ here' },
        }),
      ]);
    }
    for (const topic of ['lines_logs', 'zipkin_logs']) {
      const found = await read(topic);
      expect(texts(found)).toEqual([
        expect.objectContaining({ signal: 'logs', message: 'it "broke" \\ here', level: 'error' }),
      ]);
      expect(found[0]?.key).toBe('prod/reviews-0/reviews');
    }
    for (const topic of ['proto_rum', 'json_rum', 'lines_rum']) {
      const found = await read(topic);
      expect(texts(found)).toEqual([
        expect.objectContaining({
          signal: 'rum',
          measurement: 'view',
          fields: expect.objectContaining({ loading_time: 12 }),
        }),
      ]);
      expect(found[0]?.key).toBe('s-1');
    }
  }, 240_000);

  test('a broker that is killed and comes back has everything once, each trace in its order, and the books balance', async () => {
    await createTopics(kafka.plain, { topics: ['killed'] });
    const daemon = await daemonWith(
      'killed',
      named(
        'killed',
        `  brokers = ["${kafka.plain}"]\n  topics = { traces = "killed" }\n  signals = ["traces"]\n  timeout = "3s"\n`,
      ),
    );
    let sent = 0;
    const send = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i++) {
        sent += 1;
        await postSpans(daemon, [span(sent % 7, sent)]);
      }
    };
    await send(150);
    const killedAtMs = performance.now();
    const killing = kafka.stop();
    await send(150);
    await killing;
    await until(async () => (await cursor(daemon, 'traces', 'killed'))?.lastError?.includes('ECONNREFUSED'));
    await send(50);
    await delay(Math.max(0, killedAtMs + outageMs - performance.now()));
    kafka = await startKafka(options);
    await send(50);
    process.kill(kafka.pid, 'SIGSTOP');
    try {
      await send(50);
      await until(
        async () => Number((await cursor(daemon, 'traces', 'killed'))?.retriesByCause?.['timeout'] ?? 0) > 0,
        {
          what: 'a broker that does not answer',
        },
      );
    } finally {
      process.kill(kafka.pid, 'SIGCONT');
    }
    await settled(daemon, 'traces', 'killed', sent);
    const messages = await readTopic(kafka.plain, 'killed');
    const found = messages.flatMap(({ value, key, partition }) =>
      having('spanId', tracesJson(value)).map(({ spanId }) => ({
        id: Number.parseInt(String(spanId), 16),
        key,
        partition,
      })),
    );
    expect(found.map(({ id }) => id).toSorted((a, b) => a - b)).toEqual(Array.from({ length: sent }, (_, i) => i + 1));
    for (const trace of [0, 1, 2, 3, 4, 5, 6]) {
      const own = found.filter(({ key }) => key === span(trace, 0).traceId);
      expect(own.map(({ id }) => id)).toEqual(own.map(({ id }) => id).toSorted((a, b) => a - b));
      expect(new Set(own.map(({ partition }) => partition)).size).toBe(1);
    }
    await daemon.end();
    const { text } = await meshbridge('queue', 'inspect', '--data-dir', join(dir.path, 'killed', 'data'));
    expect(text).toContain(`killed: ${sent} delivered, 0 waiting, 0 lost, 0 not for it`);
  }, 240_000);

  test('a daemon that is killed writes twice only what had no answer yet, and under the same ids', async () => {
    await createTopics(kafka.plain, { topics: ['twice'] });
    const toml = named(
      'twice',
      `  brokers = ["${kafka.plain}"]\n  topics = { traces = "twice" }\n  signals = ["traces"]\n`,
    );
    let daemon = await startDaemon({ dir: join(dir.path, 'twice'), config: { 'kafka.conf': toml } });
    for (let life = 0; life < 2; life++) {
      const running = daemon;
      await Promise.all(Array.from({ length: 100 }, (_, i) => postSpans(running, [span(i, life * 100 + i + 1)])));
      await daemon.end('SIGKILL');
      daemon = await startDaemon({ dir: join(dir.path, 'twice'), port: running.port });
    }
    cleanups.push(() => daemon.end());
    const last = daemon;
    await until(async () => (await cursor(last, 'traces', 'twice'))?.queuedItems === 0);
    const messages = await readTopic(kafka.plain, 'twice');
    const byId = new Map(messages.map((message) => [message.headers['meshbridge-id'], message]));
    const ids = [...byId.values()].flatMap(({ value }) =>
      having('spanId', tracesJson(value)).map(({ spanId }) => String(spanId)),
    );
    expect(new Set(ids).size).toBe(200);
    expect(ids.length).toBe(200);
  }, 240_000);

  test('what cannot be reached or is not allowed waits, and says what to do, in check too', async () => {
    const away = `127.0.0.1:${await freePort()}`;
    const wrong: Readonly<Record<string, readonly [string, string, RegExp]>> = {
      refused: [`  brokers = ["${away}"]\n`, 'unreachable', /ECONNREFUSED/],
      login: [
        `  brokers = ["${kafka.login}"]\n${sasl('SCRAM-SHA-256', { name: 'mesh', password: 'x' })}`,
        'misconfigured',
        /check `username` and `password`/,
      ],
      nobody: [`  brokers = ["${kafka.login}"]\n`, 'unreachable', /where it wants `sasl`/],
      stranger: [`  brokers = ["${kafka.login}"]\n${sasl('PLAIN', stranger)}`, 'misconfigured', /kafka-acls/],
      certificate: [
        `  brokers = ["${kafka.secure}"]\n  tls = { ca_file = "${files.other}" }\n${sasl('PLAIN', mesh)}`,
        'misconfigured',
        /TLS fails.*check `tls`/,
      ],
      unproven: [
        `  brokers = ["${kafka.mutual}"]\n  tls = { ca_file = "${files.cert}" }\n`,
        'misconfigured',
        /TLS fails: the broker says/,
      ],
      bare: [`  brokers = ["${kafka.mutual}"]\n`, 'misconfigured', /the broker wants TLS/],
      unknown: [
        `  brokers = ["${kafka.plain}"]\n  create_topics = false\n  topics = { traces = "later", metrics = "later", logs = "later", rum = "later" }\n`,
        'misconfigured',
        /there is no topic later.*kafka-topics --create/,
      ],
    };
    const toml = Object.entries(wrong)
      .map(([name, [rest]]) => named(name, rest.replace('\n', '\n  signals = ["traces"]\n')))
      .join('');
    const daemon = await daemonWith('wrong', toml);
    await postSpans(daemon, [span(1, 1)]);
    for (const [name, [, cause, reason]] of Object.entries(wrong)) {
      const found = await until(
        async () => {
          const status = await cursor(daemon, 'traces', name);
          return status?.lastError !== undefined && status.retries > 0 ? status : undefined;
        },
        { what: `a failure of ${name}` },
      );
      expect(found).toMatchObject({ output: name, delivered: 0, dropped: {}, queuedItems: 1 });
      expect(`${name}: ${found.lastError}`).toMatch(reason);
      expect({ name, ...found.retriesByCause }).toMatchObject({ name, [cause]: expect.any(Number) });
      expect(JSON.stringify(found)).not.toContain('secret-of');
    }
    const checked = await meshbridge('check', '--connect', '--config-dir', join(dir.path, 'wrong', 'conf.d'));
    expect(checked.code).toBe(78);
    for (const [index, [, , reason]] of Object.values(wrong).entries()) {
      const line = checked.text.split('\n').find((one) => one.includes(`outputs.kafka[${index}]: can't deliver`)) ?? '';
      expect(line).toMatch(reason);
    }
    await createTopics(kafka.plain, { topics: ['later'] });
    await settled(daemon, 'traces', 'unknown', 1);
  }, 240_000);

  test('a span that is too large for its topic is in the dead letters, and its neighbours arrive once', async () => {
    await createTopics(kafka.plain, { topics: ['narrow'], partitions: 1, maxMessageBytes: 20_000 });
    const daemon = await daemonWith(
      'narrow',
      named(
        'narrow',
        `  brokers = ["${kafka.plain}"]\n  topics = { traces = "narrow" }\n  signals = ["traces"]\n  compression = "none"\n`,
      ),
    );
    const text = 'x'.repeat(3_000);
    await Promise.all(
      Array.from({ length: 40 }, (_, i) => postSpans(daemon, [span(i, i + 1, i === 20 ? text.repeat(10) : text)])),
    );
    await settled(daemon, 'traces', 'narrow', 40);
    expect(await cursor(daemon, 'traces', 'narrow')).toMatchObject({ delivered: 39, dropped: { rejected: 1 } });
    const messages = await readTopic(kafka.plain, 'narrow');
    const ids = messages.flatMap(({ value }) =>
      having('spanId', tracesJson(value)).map(({ spanId }) => Number.parseInt(String(spanId), 16)),
    );
    expect(ids.toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 40 }, (_, i) => i + 1).filter((id) => id !== 21),
    );
    await daemon.end();
    const { text: inspected } = await meshbridge('queue', 'inspect', '--data-dir', join(dir.path, 'narrow', 'data'));
    expect(inspected).toMatch(/narrow: 39 delivered, 0 waiting/);
    const letters = await readFile(join(dir.path, 'narrow', 'data', 'dead-letters', 'narrow', 'traces.seg'), 'latin1');
    expect(letters).toMatch(/"reason":"narrow\[0\]: MESSAGE_TOO_LARGE: 3\d{4} bytes are too many"/);
  }, 240_000);

  describeWith('zipkin-server', (jar) => {
    test('Zipkin’s own Kafka collector reads what is written for it', async () => {
      await createTopics(kafka.plain, { topics: ['zipkin'] });
      const server = await startZipkinServer({ jar, kafka: kafka.plain });
      cleanups.push(() => server.stop());
      const daemon = await daemonWith(
        'zipkin',
        named(
          'zipkin',
          `  brokers = ["${kafka.plain}"]\n  signals = ["traces"]\n  format = { traces = "zipkin_json" }\n`,
        ),
      );
      const spans = [span(1, 1), span(1, 2), span(2, 3)];
      await postSpans(daemon, spans);
      for (const trace of [1, 2]) {
        const own = spans.filter(({ traceId }) => traceId === span(trace, 0).traceId);
        const found = await until(
          async () => {
            const answer = await fetch(`${server.url}/api/v2/trace/${span(trace, 0).traceId}`);
            const list: unknown = answer.ok ? await answer.json() : [];
            return Array.isArray(list) && list.length === own.length ? list : undefined;
          },
          { what: `trace ${trace} at the Zipkin server` },
        );
        expect(found).toEqual(expect.arrayContaining(own.map((one) => expect.objectContaining(one))));
      }
    }, 240_000);
  });
});
