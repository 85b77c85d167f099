import { describe, expect, test } from '@jest/globals';
import { inputKey, MonitorRates } from './monitor-rates.ts';
import { type MonitorStatus, readMonitorStatus } from './monitor-status.ts';
import { cutTo, tableLines, widthOf } from './monitor-table.ts';
import { type MonitorState, monitorLines } from './monitor-view.ts';
import { coloured, harmless, plain } from './paint.ts';

const startedAtMs = 1_700_000_000_000;
const nowMs = startedAtMs + 60_000;

function statusOf(more: object = {}): MonitorStatus {
  const status = readMonitorStatus({
    version: '1.2.3',
    startedAtMs,
    nowMs,
    node: 'n1',
    pid: 1,
    warnings: ['a.conf:3 unknown key "x"'],
    listeners: [
      { name: 'main', address: '127.0.0.1:9529' },
      { name: 'otlp', off: 'taken' },
    ],
    inputs: [
      {
        id: 'inputs.prom[0]',
        type: 'prom',
        signal: 'metrics',
        received: 1_010,
        accepted: 1_000,
        refused: { queue_full: 10 },
        dropped: { filtered: 5 },
        detail: {
          targets: [
            { url: 'http://10.0.0.1:15020/stats/prometheus', state: 'up', samples: 826, durationMs: 12.4 },
            {
              url: 'http://10.0.0.2:15020/stats/prometheus',
              state: 'down',
              error: 'HTTP 404',
              hint: 'is the path right?',
            },
          ],
        },
      },
      {
        id: 'inputs.container[0]',
        type: 'container',
        signal: 'logs',
        received: 0,
        accepted: 0,
        refused: {},
        dropped: {},
        detail: { logs: 3, lines: 1_234, lagBytes: 2_000, files: [{}, {}, {}, {}] },
      },
    ],
    lanes: [
      {
        signal: 'metrics',
        bytes: 600_000_000,
        maxBytes: 1_000_000_000,
        cumItems: 1_000,
        losses: [],
        outputs: [
          {
            output: 'backend',
            delivered: 900,
            dropped: { rejected: 3 },
            lost: 0,
            queuedItems: 97,
            queuedBytes: 1,
            oldestMs: nowMs - 30_000,
            state: 'retrying',
            retries: 4,
            lastError: 'connect ECONNREFUSED',
            nextAttemptMs: nowMs + 2_000,
          },
        ],
      },
    ],
    store: {},
    disk: { freeBytes: 70e9, totalBytes: 271e9, minFreeBytes: 1e9 },
    ready: true,
    notReady: [],
    ...more,
  });
  if (status === undefined) {
    throw new Error('no status');
  }
  return status;
}

function view(state: Partial<MonitorState> = {}, columns = 100): string {
  const rates = new MonitorRates();
  return monitorLines({ to: 'http://h:1', status: statusOf(), rates, ...state }, { columns, paint: plain }).join('\n');
}

describe('what is shown', () => {
  test('is the daemon, its inputs, targets, files, queue, outputs and errors', () => {
    expect(view().split('\n')).toEqual([
      'meshbridge 1.2.3 on n1, up 1 min, http://h:1',
      'main 127.0.0.1:9529 · 70 GB of 271 GB free on disk · store on',
      '',
      'INPUTS   signal   accepted  rate  refused  dropped',
      'prom[0]  metrics     1,000     –       10        5',
      'ready: container[0]',
      '',
      'TARGETS  1 down, 0 waiting, 1 up        samples   took  state',
      'http://10.0.0.2:15020/stats/prometheus        –      –  down',
      'http://10.0.0.1:15020/stats/prometheus      826  12 ms  up',
      '',
      'FILES',
      '3 containers in 4 files, 1,234 lines, 2 kB behind',
      '',
      'QUEUE    used         bytes   cap  waiting  oldest  rate',
      'metrics  ██████░░░░  600 MB  1 GB       97    30 s     –',
      '',
      'OUTPUTS  signal   state     delivered  rate  waiting  oldest  retries  dropped',
      'backend  metrics  retrying        900     –       97    30 s        4        3',
      '',
      'ERRORS',
      'backend has lost 3 of metrics for good: rejected',
      'backend does not take metrics: connect ECONNREFUSED; next try in 2 s',
      'inputs.prom[0] refused 10: queue_full',
      'http://10.0.0.2:15020/stats/prometheus: HTTP 404; is the path right?',
      'a.conf:3 unknown key "x"',
    ]);
  });

  test('fits any width, with the columns that matter most', () => {
    for (const columns of [20, 40, 60, 80, 100, 300]) {
      for (const line of view({}, columns).split('\n')) {
        expect([columns, line, widthOf(line) <= Math.max(columns, 24)]).toEqual([columns, line, true]);
      }
    }
    const narrow = view({}, 40);
    expect(narrow).toContain('retrying');
    expect(narrow).not.toContain('retries');
  });

  test('keeps the last picture while the daemon is away, and says so first', () => {
    const away = { why: 'nothing listens there', forMs: 65_000 };
    const lines = view({ away }).split('\n');
    expect(lines[0]).toBe('waiting for the daemon at http://h:1, for 1.1 min now: nothing listens there');
    expect(lines[1]).toContain('meshbridge 1.2.3');
    const never = monitorLines({ to: 'http://h:1', rates: new MonitorRates(), away }, { columns: 80, paint: plain });
    expect(never).toHaveLength(1);
  });

  test('says that all is well where it is, and what is not ready where it is not', () => {
    const good = statusOf({ inputs: [], lanes: [], warnings: [] });
    expect(view({ status: good })).toContain('no errors');
    expect(view({ status: statusOf({ ready: false, notReady: ['it is starting'] }) })).toContain(
      'not ready: it is starting',
    );
  });

  test('of many targets is the worst', () => {
    const targets = Array.from({ length: 500 }, (_, i) => ({
      url: `http://10.0.0.1:${i}/`,
      state: i === 499 ? 'down' : 'up',
    }));
    const text = view({
      status: statusOf({ inputs: [{ id: 'p', type: 'prom', signal: 'metrics', detail: { targets } }] }),
    });
    expect(text).toContain('1 down, 0 waiting, 499 up');
    expect(text).toContain('and 492 more');
    expect(text.indexOf('10.0.0.1:499/')).toBeLessThan(text.indexOf('10.0.0.1:0/'));
  });

  test('has colours only where they are wanted, and nothing of far sides steers the terminal', () => {
    const evil = statusOf({ warnings: ['\u001b[2J\u001b]0;gone\u0007\u202eabc'] });
    const rates = new MonitorRates();
    const bare = monitorLines({ to: 'http://h:1', status: evil, rates }, { columns: 100, paint: plain }).join('\n');
    for (const code of ['\u001b', '\u0007', '\u202e']) {
      expect(bare).not.toContain(code);
    }
    const painted = monitorLines({ to: 'http://h:1', status: evil, rates }, { columns: 100, paint: coloured }).join(
      '\n',
    );
    expect(painted).toContain('\u001b[33mretrying');
    expect(
      painted
        .split('\u001b')
        .map((part, i) => (i === 0 ? part : part.replace(/^\[\d+m/, '')))
        .join('')
        .replaceAll(/ +$/gm, ''),
    ).toBe(bare);
  });
});

test('a daemon that knows less shows less', () => {
  const bare = readMonitorStatus({ startedAtMs, nowMs, inputs: [{ id: 'x', detail: { targets: 'none' } }], lanes: [] });
  expect(bare?.inputs[0]?.detail.targets).toEqual([]);
  expect(readMonitorStatus({ error: 'x' })).toBeUndefined();
  expect(readMonitorStatus(undefined)).toBeUndefined();
});

describe('rates', () => {
  const at = (seconds: number, accepted: number, started = startedAtMs) =>
    statusOf({
      startedAtMs: started,
      nowMs: startedAtMs + seconds * 1_000,
      inputs: [{ id: 'p', type: 'prom', signal: 'metrics', accepted }],
    });
  const key = inputKey('p', 'metrics');

  test('are those of the last half minute', () => {
    const rates = new MonitorRates();
    rates.add(at(0, 0));
    expect(rates.rate(key)).toBeUndefined();
    rates.add(at(10, 1_000));
    expect(rates.rate(key)).toBe(100);
    rates.add(at(60, 1_000));
    rates.add(at(70, 1_500));
    expect(rates.rate(key)).toBe(50);
    expect(rates.history(key, 2)).toEqual([0, 50]);
  });

  test('begin anew with the daemon', () => {
    const rates = new MonitorRates();
    rates.add(at(0, 5_000));
    rates.add(at(10, 10, startedAtMs + 9_000));
    expect(rates.rate(key)).toBeUndefined();
    rates.add(at(11, 30, startedAtMs + 9_000));
    expect(rates.rate(key)).toBe(20);
  });
});

describe('a table', () => {
  const column = (title: string, rank: number) => ({ title, align: 'left', rank }) as const;

  test('drops the columns of the highest rank first, and cuts the name last', () => {
    const table = {
      columns: [column('name', 0), column('a', 2), column('b', 1)],
      rows: [[{ text: 'a-very-long-name-of-a-thing' }, { text: 'aaaaaa' }, { text: 'bbbbbb' }]],
    };
    expect(tableLines(table, 60, plain)[1]).toBe('a-very-long-name-of-a-thing  aaaaaa  bbbbbb');
    expect(tableLines(table, 30, plain)[1]).toBe('a-very-long-n…  aaaaaa  bbbbbb');
    expect(tableLines(table, 22, plain)[1]).toBe('a-very-long-n…  bbbbbb');
    expect(tableLines(table, 12, plain)[1]).toBe('a-very-long…');
  });

  test('counts characters of East Asia as two, and marks as none', () => {
    expect(widthOf('指标')).toBe(4);
    expect(widthOf('e\u0301')).toBe(1);
    expect(cutTo('指标指标', 5)).toBe('指标…');
    expect(cutTo('指标', 4)).toBe('指标');
    expect(harmless('a\r\nb')).toBe('a b');
  });
});
