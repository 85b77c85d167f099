import { readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type TempDir, tempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';
import { type Daemon, startDaemon } from './daemon.ts';

/** One exchange with the reference server, Zipkin 3.6.1. Bodies of bytes are hex, and cut after 60 bytes. */
interface Recorded {
  readonly suite: number | string;
  readonly label: string;
  readonly m: string;
  readonly path: string;
  readonly ct: string | null;
  readonly enc?: string | null;
  readonly req?: string | null;
  readonly full_hex?: string;
  readonly status: number;
  readonly body?: string;
}

interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** What we answer where the reference server has a fault (spec/tracing.md §1.9). */
interface Deviation {
  readonly status: number;
  readonly body: RegExp | readonly object[];
  readonly reason: string;
}

const deviations: Readonly<Record<string, Deviation>> = {
  'v2 leading whitespace': {
    status: 202,
    body: /^$/,
    reason: 'white space before a JSON list is JSON; the reference looks at the first byte alone',
  },
  'gzip header, plain body': {
    status: 400,
    body: /gzip/,
    reason: 'the sender made a mistake that no repetition mends; the reference says 500',
  },
  '11MiB body': {
    status: 413,
    body: /larger than 10485760 bytes/,
    reason: 'the reference says 500 with the text of a 413',
  },
  'id "0"': {
    status: 400,
    body: /^\$\[0\]\.id is all zeros\n$/,
    reason: 'an id of zeros is none, however it is written; the reference stores sixteen zeros',
  },
  'read back: id "0"': {
    status: 404,
    body: /not found/,
    reason: 'the span was refused',
  },
  'read back: name upper/unicode': {
    status: 200,
    body: [
      {
        traceId: '0000000000001026',
        id: '000000000000000a',
        name: 'über foo\u2028 "q" \t',
        timestamp: 1795253685621141,
        localEndpoint: { serviceName: 'svc' },
      },
    ],
    reason: 'an answer is valid JSON; the reference counts U+2028 wrongly and ends it with NUL bytes',
  },
};

/** Read-backs that were recorded after several runs on one server: what this run's request brought is expected of us. */
const ofOneRun: Readonly<Record<string, number>> = {
  'read back: proto ok': 1795253868467503,
  'read back: exact replay': 1795253868467503,
};

/** The reference was asked for another trace than the one that it had just been sent. */
const askedForAnother = 'read back: tag dup key last wins';

const samples = join(process.env['MESHBRIDGE_SHARED'] ?? '../shared', 'samples');
const lines = readFileSync(join(samples, 'zipkin', 'oracle.jsonl'), 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line): Recorded => JSON.parse(line));

const wholeBodies = new Map(lines.flatMap(({ label, full_hex: hex }) => (hex === undefined ? [] : [[label, hex]])));
const exchanges = withNames(lines.filter(({ suite }) => suite !== 'bytes'));

/** A read-back is named after the request before it. */
function withNames(recorded: readonly Recorded[]): readonly (Recorded & { readonly name: string })[] {
  let before = '';
  return recorded.map((line) => {
    if (line.m === 'POST') {
      before = line.label;
    }
    return { ...line, name: line.label.trim() === '-> readback' ? `read back: ${before}` : line.label };
  });
}

/** The bytes that were sent: those that the recording cut or left out are made again. */
function bodyOf({ label, req, enc }: Recorded): Buffer {
  const text = req ?? '';
  if (text.endsWith('chars elided>')) {
    return bigBody(Number.parseInt(text.slice(1), 10));
  }
  const whole = wholeBodies.get(label === 'proto gzip' ? 'proto ok' : label) ?? text;
  const isHex = whole.length > 0 && /^([0-9a-f]{2})+$/.test(whole);
  const bytes = isHex ? Buffer.from(whole, 'hex') : Buffer.from(whole);
  return label === 'proto gzip' && enc === 'gzip' ? gzipSync(bytes) : bytes;
}

/** A list of one span, of that many characters. */
function bigBody(chars: number): Buffer {
  const [before, after] = ['[{"traceId":"6b221d5bc9e6496c","id":"6b221d5bc9e6496c","tags":{"big":"', '"}}]'];
  return Buffer.from(before + 'x'.repeat(chars - before.length - after.length) + after);
}

/** As it is written in the recording, without a content type where there was none. */
function ask(daemon: Daemon, recorded: Recorded): Promise<Answer> {
  const headers: Record<string, string> = {};
  if (recorded.ct !== null) {
    headers['content-type'] = recorded.ct;
  }
  if (recorded.enc !== undefined && recorded.enc !== null) {
    headers['content-encoding'] = recorded.enc;
  }
  return new Promise((resolve, reject) => {
    const url = new URL(recorded.path, daemon.url);
    const request = httpRequest(url, { method: recorded.m, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          contentType: response.headers['content-type'] ?? '',
          body: Buffer.concat(chunks).toString(),
        }),
      );
    });
    request.once('error', reject);
    request.end(recorded.m === 'GET' ? undefined : bodyOf(recorded));
  });
}

/** All spans that were accepted can be read. */
async function isStored(daemon: Daemon): Promise<boolean> {
  const { inputs, lanes } = await daemon.status();
  const accepted = inputs.find(({ type }) => type === 'zipkin')?.accepted;
  const store = lanes.find(({ signal }) => signal === 'traces')?.outputs.find(({ output }) => output === 'store');
  return accepted !== undefined && accepted > 0 && store?.delivered === accepted;
}

describe('the recording of the reference server', () => {
  let dir: TempDir;
  let daemon: Daemon;
  const answers = new Map<string, Answer>();

  beforeAll(async () => {
    dir = await tempDir();
    daemon = await startDaemon({ dir: dir.path });
    for (const exchange of exchanges.filter(({ m }) => m !== 'GET')) {
      answers.set(exchange.name, await ask(daemon, exchange));
    }
    await until(() => isStored(daemon), { withinMs: 60_000, what: 'every accepted span in the store' });
    for (const exchange of exchanges.filter(({ m }) => m === 'GET')) {
      answers.set(exchange.name, await ask(daemon, exchange));
    }
  }, 180_000);

  afterAll(async () => {
    await daemon?.end();
    await dir?.remove();
  });

  const answerTo = (name: string): Answer => answers.get(name) ?? { status: 0, contentType: '', body: 'never asked' };

  test('is read whole, with at most eight deviations', () => {
    const names = new Set(exchanges.map(({ name }) => name));
    expect(exchanges.length).toBeGreaterThan(160);
    expect(names.size).toBe(exchanges.length);
    expect([...Object.keys(deviations), ...Object.keys(ofOneRun)].filter((name) => !names.has(name))).toEqual([]);
    expect(Object.keys(deviations).length).toBeLessThanOrEqual(8);
  });

  const asRecorded = exchanges.filter(({ name }) => deviations[name] === undefined);

  test.each(asRecorded.filter(({ m }) => m !== 'GET'))('$name: $m $path is answered $status', ({ name, status }) => {
    const answer = answerTo(name);
    expect([answer.status, answer.body]).toEqual([status, status === 202 ? '' : expect.stringMatching(/^.+\n?$/)]);
    if (status === 400) {
      expect(answer.contentType).toMatch(/^text\/plain/);
    }
  });

  test.each(asRecorded.filter(({ m }) => m === 'GET'))('$name: $path', ({ name, status, body = '' }) => {
    const answer = answerTo(name);
    expect(answer.status).toBe(status);
    if (status === 200) {
      const spans: readonly { readonly timestamp?: number }[] = JSON.parse(body);
      const run = ofOneRun[name];
      expect(JSON.parse(answer.body)).toEqual(spans.filter(({ timestamp }) => run === undefined || timestamp === run));
    }
  });

  test.each(exchanges.filter(({ name }) => deviations[name] !== undefined))('$name deviates', ({ name, status }) => {
    const deviation = deviations[name];
    const answer = answerTo(name);
    expect(answer.status).toBe(deviation?.status);
    if (deviation?.body instanceof RegExp) {
      expect(answer.body).toMatch(deviation.body);
      expect(answer.status).not.toBe(status);
    } else {
      expect(JSON.parse(answer.body)).toEqual(deviation?.body);
    }
  });

  test('thrift with fields that no reader knows is taken, where the reference steps over them wrongly', async () => {
    const body = Buffer.from(wholeBodies.get('thrift list') ?? '', 'hex');
    // The span of the recording, under a trace id of its own.
    body[15] = 0x77;
    const headers = { 'content-type': 'application/x-thrift' };
    const answer = await fetch(`${daemon.url}/api/v1/spans`, { method: 'POST', body, headers });
    expect(answer.status).toBe(202);
    const path = `${daemon.url}/api/v2/trace/4bf92f3577b34da60000000000003077`;
    const stored = await until(
      async () => {
        const response = await fetch(path);
        return response.status === 200 ? await response.json() : undefined;
      },
      { withinMs: 60_000, what: 'the span in the store' },
    );
    expect(stored).toEqual([expect.objectContaining({ kind: 'CLIENT', name: 'get', tags: { 'http.path': '/api' } })]);
  });

  test('the last of two tags with one key wins', async () => {
    expect(answerTo(askedForAnother).status).toBe(404);
    const response = await fetch(`${daemon.url}/api/v2/trace/0000000000002100`);
    expect(await response.json()).toEqual([expect.objectContaining({ tags: { k: '2' } })]);
  });
});
