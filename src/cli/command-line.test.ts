import { describe, expect, test } from '@jest/globals';
import { parseCommandLine } from './command-line.ts';
import { commands, helpText } from './help.ts';

const line = (text: string) => parseCommandLine(text === '' ? [] : text.split(' '));

describe('what was typed becomes a command', () => {
  test.each([
    ['run', { command: 'run', options: { demo: false } }],
    [
      'run --config-dir c --data-dir=d --listen 127.0.0.1:0 --demo',
      { command: 'run', options: { configDir: 'c', dataDir: 'd', listen: '127.0.0.1:0', demo: true } },
    ],
    ['run --demo-namespace prod', { command: 'run', options: { demo: true, demoNamespace: 'prod' } }],
    ['check', { command: 'check', options: { strict: false, connect: false, json: false, files: [] } }],
    [
      'check a.conf --strict --json b.yaml --connect --config-dir x',
      {
        command: 'check',
        options: { configDir: 'x', strict: true, connect: true, json: true, files: ['a.conf', 'b.yaml'] },
      },
    ],
    ['queue verify --data-dir d', { command: 'queue', options: { action: 'verify', dataDir: 'd', json: false } }],
    ['monitor', { command: 'monitor', options: { to: 'http://127.0.0.1:9529' } }],
    [
      'monitor --to http://hub:9529 --token-file t --data-dir d',
      { command: 'monitor', options: { to: 'http://hub:9529', tokenFile: 't', dataDir: 'd' } },
    ],
    ['doctor --json', { command: 'doctor', options: { to: 'http://127.0.0.1:9529', json: true } }],
    ...(
      [
        ['demo list --json', { action: 'list', json: true }],
        ['demo apply -f a.yaml b.yaml --file c.yaml', { action: 'apply', files: ['a.yaml', 'b.yaml', 'c.yaml'] }],
        ['demo delete -f a.yaml', { action: 'delete', files: ['a.yaml'] }],
        ['demo set ratings-delay on', { action: 'set', name: 'ratings-delay', on: true }],
        ['demo load 2.5', { action: 'load', pagesPerSecond: 2.5 }],
      ] as const
    ).map(([text, options]) => {
      const usual = { to: 'http://127.0.0.1:9529', json: false };
      return [text, { command: 'demo', options: { ...usual, ...options } }] as [string, object];
    }),
    ['version', { command: 'version' }],
    ['--version', { command: 'version' }],
    ['help', { command: 'help' }],
    ['-h', { command: 'help' }],
    ['help check', { command: 'help', about: 'check' }],
    ['run --help', { command: 'help', about: 'run' }],
  ])('%s', (text, expected) => {
    expect(line(text)).toEqual(expected);
  });
});

describe('what makes no command is said in one sentence', () => {
  test.each([
    ['', 'no command was given'],
    ['chek', 'there is no command "chek"; did you mean "check"?'],
    ['frobnicate', 'there is no command "frobnicate"'],
    ['run --lisen x', '"run" has no option --lisen; did you mean --listen?'],
    [
      'run --verbose',
      '"run" has no option --verbose; it has --config-dir, --data-dir, --listen, --demo-namespace, --demo, --help',
    ],
    ['run --demo-namespace Prod', '--demo-namespace wants the name of a namespace, such as prod, and got "Prod"'],
    ['run --listen', '--listen wants a value'],
    ['run --listen --demo', '--listen wants a value'],
    ['run --data-dir=', '--data-dir wants a value'],
    ['run --demo=yes', '--demo takes no value'],
    ['check -x', '"check" has no option -x; it has --config-dir, --strict, --connect, --json, --help'],
    ['run --listen 9529', '--listen wants HOST:PORT, such as 127.0.0.1:9529, and got "9529"'],
    ['run conf.d', '"run" takes no conf.d'],
    ['queue', 'queue wants one of inspect, verify, repair'],
    ['queue mend', 'queue wants one of inspect, verify, repair'],
    ['version now', '"version" takes no now'],
    ['help me', 'there is no command "me"'],
    ['monitor --to hub', '--to wants a URL such as http://127.0.0.1:9529, and got "hub"'],
    ['doctor --strict', '"doctor" has no option --strict; it has --to, --token-file, --data-dir, --json, --help'],
    ['tap --signal logs,spans', '--signal wants some of metrics, traces, logs, rum, and got "spans"'],
    [
      'tap --match namespace',
      '--match: a selector begins with {, such as {namespace="prod"}, and here is namespace (character 1 of namespace)',
    ],
    ['tap --limit 0', '--limit wants a whole number from 1 on, and got "0"'],
    ['tap --to nowhere', '--to wants a URL such as http://127.0.0.1:9529, and got "nowhere"'],
    ['demo', 'demo wants one of list, set, apply, delete and load'],
    ['demo apply', 'demo apply wants -f FILE'],
    ['demo set x', 'demo set wants the name of a switch, and on or off; "meshbridge demo list" has the names'],
    ['demo load much', 'demo load wants a number of pages a second, such as 5'],
    ['demo list all', 'demo list takes no all'],
    ['test', 'test wants a file of tests'],
  ])('%s', (text, message) => {
    expect(line(text)).toMatchObject({ command: 'usage', message });
  });
});

test('help names every command, and explains each', () => {
  const all = helpText();
  for (const name of Object.keys(commands)) {
    expect(all).toMatch(new RegExp(`^  ${name} `, 'm'));
  }
  expect(helpText('run')).toContain('--data-dir DIR');
  expect(helpText('test')).toContain('docs/testing-configuration.md');
});

test('tap takes what it shows, of what, and where it is kept', () => {
  const usual = { to: 'http://127.0.0.1:9529', json: false };
  expect(parseCommandLine(['tap'])).toEqual({
    command: 'tap',
    options: { ...usual, signals: ['metrics', 'traces', 'logs', 'rum'] },
  });
  const args = ['--signal', 'rum, logs', '--match', '{a="b"}', '--record', 'f', '--limit', '12', '--json'];
  expect(parseCommandLine(['tap', ...args])).toEqual({
    command: 'tap',
    options: { ...usual, json: true, signals: ['logs', 'rum'], match: '{a="b"}', record: 'f', limit: 12 },
  });
});

describe('explain', () => {
  test('takes a manifest, a pod, or all', () => {
    const to = 'http://127.0.0.1:9529';
    const options = (...args: string[]) => parseCommandLine(['explain', ...args]);
    expect(options('-f', 'a.yaml', '--json')).toEqual({
      command: 'explain',
      options: { file: 'a.yaml', to, json: true },
    });
    expect(options('--file=a.yaml')).toEqual({ command: 'explain', options: { file: 'a.yaml', to, json: false } });
    expect(options('--pod', 'ns/p')).toEqual({ command: 'explain', options: { pod: 'ns/p', to, json: false } });
    expect(options('--all', '--to', 'http://h:1')).toEqual({
      command: 'explain',
      options: { to: 'http://h:1', json: false },
    });
  });

  test.each([
    [[], 'wants one of'],
    [['--all', '-f', 'a'], 'wants one of'],
    [['--pod', 'p'], 'wants NAMESPACE/NAME'],
    [['--all', '--to', 'h'], 'wants a URL'],
    [['-f'], '-f wants a value'],
    [['-x'], 'no option -x'],
  ])('%j is not understood', (args, message) => {
    expect(parseCommandLine(['explain', ...args])).toMatchObject({
      command: 'usage',
      about: 'explain',
      message: expect.stringContaining(message),
    });
  });
});
