import { expect, test } from '@jest/globals';
import { readStatus } from './api.ts';
import { problemsOf } from './problems.ts';
import { say } from './texts.ts';

const output = { output: 'jaeger', state: 'idle', delivered: 10, dropped: {}, queuedItems: 0, queuedBytes: 0 };
const lane = { signal: 'traces', bytes: 10, maxBytes: 100, outputs: [output] };

function sentences(status: object): string[] {
  return problemsOf(readStatus({ ready: true, nowMs: 100_000, ...status })).map(
    (p) => `${p.level}: ${say('en', p.what, p.values)} → ${say('en', p.todo, p.values)}`,
  );
}

test('a daemon that is well has no problems', () => {
  expect(sentences({ lanes: [lane], inputs: [{ id: 'inputs.zipkin[0]', refused: { decode: 0 } }] })).toEqual([]);
});

test('an output that retries says what it answered, what waits and what to do', () => {
  const retrying = {
    ...output,
    state: 'retrying',
    lastError: 'connect ECONNREFUSED 127.0.0.1:9',
    queuedItems: 5,
    oldestMs: 40_000,
  };
  expect(sentences({ lanes: [{ ...lane, outputs: [retrying] }] })).toEqual([
    'warning: “jaeger” does not take traces: connect ECONNREFUSED 127.0.0.1:9. 5 wait, the oldest for 1 min. → Is it running, and are host and port of its url right? Nothing is lost while the queue has room: 10 % is used.',
  ]);
});

test('an output that could not deliver says so before anything waits for it, and once', () => {
  const outputs = [{ name: 'jaeger', type: 'zipkin', check: { ok: false, atMs: 1, reason: 'HTTP 401: no token' } }];
  const idle = sentences({ lanes: [lane], outputs });
  expect(idle).toEqual([expect.stringContaining('warning: “jaeger” would not take data now: HTTP 401: no token → ')]);
  expect(idle[0]).toContain('credentials');
  const retrying = { ...output, state: 'retrying', lastError: 'HTTP 401' };
  expect(sentences({ lanes: [{ ...lane, outputs: [retrying] }], outputs })).toHaveLength(1);
  expect(sentences({ lanes: [lane], outputs: [{ name: 'jaeger', check: { ok: true } }, { name: 'new' }] })).toEqual([]);
});

test.each([
  ['getaddrinfo ENOTFOUND nowhere', 'host name'],
  ['HTTP 401', 'credentials'],
  ['HTTP 404', 'path'],
  ['self-signed certificate', 'certificate'],
  ['HTTP 503', 'overloaded'],
  ['something odd', 'by itself'],
])('the advice fits the error "%s"', (lastError, advice) => {
  const [sentence] = sentences({ lanes: [{ ...lane, outputs: [{ ...output, state: 'retrying', lastError }] }] });
  expect(sentence).toContain(advice);
});

test('a configuration that was not taken comes with its first fault, and what waits for the next start is named', () => {
  const reload = { generation: 2, lastAtMs: 90_000, lastGoodAtMs: 40_000, changed: [], frozenFiles: ['a/z.conf'] };
  const bad = { ...reload, ok: false, faults: ['a.conf:1: x: unknown key', 'b'], atNextStart: ['server.listen'] };
  expect(sentences({ reload: bad })).toEqual([
    expect.stringMatching(/^error: .*not taken \(10 s ago\): a\.conf:1: x: unknown key \(\+1\) → .* 1 min ago goes on/),
    expect.stringMatching(/^warning: server\.listen .* next start/),
    expect.stringMatching(/^warning: .*a\/z\.conf .*subPath\. → .*rollout restart/),
  ]);
  const part = { ...reload, ok: false, faults: ['b'], changed: ['a is new'], atNextStart: [], frozenFiles: [] };
  expect(sentences({ reload: part })).toEqual([expect.stringContaining('only in part')]);
  expect(sentences({ reload: { ...reload, ok: true, faults: [], atNextStart: [], frozenFiles: [] } })).toEqual([]);
});

test('losses come before warnings', () => {
  const found = sentences({
    ready: false,
    notReady: ['port 9529 is taken'],
    warnings: ['conf.d/x.conf:3: unknown key'],
    inputs: [{ id: 'inputs.zipkin[0]', refused: { decode: 2 }, dropped: { late: 1 } }],
    lanes: [
      {
        ...lane,
        full: 'its cap of 2 GB is reached',
        losses: [{ segment: 's1', bytes: 2_000, reason: 'bad crc' }],
        outputs: [{ ...output, dropped: { rejected: 7, queue_full: 8 } }],
      },
    ],
  });
  expect(found.map((sentence) => sentence.split(':')[0])).toEqual([
    'error',
    'error',
    'error',
    'error',
    'error',
    'error',
    'warning',
    'warning',
  ]);
  expect(found[0]).toContain('port 9529 is taken');
  expect(found[1]).toContain('“jaeger”');
  expect(found[2]).toContain('2 kB of traces were lost');
  expect(found[3]).toContain('dead-letter');
  expect(found[4]).toContain('on_full = "block"');
});

test('a target that is down and an input that has nothing to read say so, with the hint that they give', () => {
  const inputs = [
    { id: 'inputs.container[0]', detail: { problem: '/var/log/pods is not there' } },
    {
      id: 'inputs.prom[0]',
      detail: {
        targets: [
          { url: 'http://a:1/metrics', state: 'down', error: 'connect ECONNREFUSED', hint: 'Is the port right?' },
          { url: 'http://b:1/metrics', state: 'up' },
        ],
      },
    },
  ];
  expect(sentences({ inputs })).toEqual([
    'warning: inputs.container[0]: /var/log/pods is not there → It brings nothing until this is solved.',
    'warning: The page http://a:1/metrics can’t be scraped: connect ECONNREFUSED → Is the port right?',
  ]);
});

test('what was refused is told by its reason', () => {
  const refused = { queue_full: 1, rate_limited: 2, not_allowed: 3, replay: 4, malformed: 5 };
  const told = sentences({ inputs: [{ id: 'inputs.rum[0]', refused }] });
  const todos = ['had no room', 'rate_limit', 'app_id_white_list', 'Recordings', 'can’t be read'];
  expect(told.map((sentence, i) => sentence.includes(todos[i] ?? '?'))).toEqual(todos.map(() => true));
});
