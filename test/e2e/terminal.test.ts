import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { refusedUrl } from '../fakes/far-side.ts';
import { type TempDir, tempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';
import { type Daemon, startDaemon } from './daemon.ts';

jest.setTimeout(120_000);
const run = promisify(execFile);
const program = join(import.meta.dirname, '../../dist/main.js');
const patient = { withinMs: 60_000 };

/** Of util-linux; that of other systems has other options. */
const canMakeTerminals = spawnSync('script', ['--version']).stdout?.includes('util-linux') === true;
const describeInTerminal = canMakeTerminals || process.env['CI'] === 'true' ? describe : describe.skip;

/** A terminal of its own for a command, as `script` of util-linux makes it. */
class Pty {
  readonly #child: ChildProcess;
  #output = '';
  readonly exited: Promise<number | null>;

  constructor(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const command = [process.execPath, program, ...args].map((word) => `'${word}'`).join(' ');
    // The terminal says its name, to be resized by.
    const line = `tty; stty cols 100 rows 40; exec ${command}`;
    this.#child = spawn('script', ['-qefc', line, '/dev/null'], {
      env: { PATH: process.env['PATH'] ?? '', TERM: 'xterm', ...env },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#child.stdout?.on('data', (chunk: Buffer) => {
      this.#output = (this.#output + chunk.toString()).slice(-500_000);
    });
    this.exited = new Promise((resolve) => this.#child.once('exit', resolve));
  }

  get output(): string {
    return this.#output;
  }

  /** The lines of the last whole picture, without what steers the terminal. */
  frame(): readonly string[] {
    const frames = this.#output.split('\u001b[H').slice(1);
    const last = frames.findLast((frame) => frame.includes('\u001b[J')) ?? '';
    return withoutCodes(last).split(/\r*\n/);
  }

  press(key: string): void {
    this.#child.stdin?.write(key);
  }

  async resize(columns: number, rows: number): Promise<void> {
    const name = /\/dev\/[\w/]+/.exec(this.#output)?.[0] ?? '';
    await run('stty', ['-F', name, 'cols', String(columns), 'rows', String(rows)]);
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

function withoutCodes(text: string): string {
  return text
    .split('\u001b')
    .map((part, i) => (i === 0 ? part : part.replace(/^\[[?\d;]*[A-Za-z]/, '')))
    .join('');
}

let dir: TempDir;
let daemon: Daemon;
let gone: string;

beforeAll(async () => {
  [dir, gone] = [await tempDir(), await refusedUrl()];
  daemon = await start();
});

afterAll(async () => {
  await daemon?.end();
  await dir?.remove();
});

function start(port?: number): Promise<Daemon> {
  return startDaemon({
    dir: dir.path,
    ...(port !== undefined && { port }),
    config: {
      'a.conf': [
        '[[inputs.prom]]',
        `  url = "${gone}/metrics"`,
        '  interval = "1s"',
        '[[outputs.zipkin]]',
        '  name = "elsewhere"',
        `  url = "${gone}/api/v2/spans"`,
      ].join('\n'),
    },
  });
}

async function post(): Promise<void> {
  const span = { traceId: '00000000000000f1', id: '00000000000000f1', timestamp: Date.now() * 1_000, duration: 1 };
  const response = await fetch(`${daemon.url}/api/v2/spans`, { method: 'POST', body: JSON.stringify([span]) });
  expect(response.status).toBe(202);
}

async function inPty(pty: Pty, body: () => Promise<void>): Promise<void> {
  try {
    await body();
  } finally {
    pty.kill();
  }
}

function frameWith(pty: Pty, text: string): Promise<readonly string[]> {
  const found = (): readonly string[] | undefined => {
    const frame = pty.frame();
    return frame.some((line) => line.includes(text)) ? frame : undefined;
  };
  return until(found, { ...patient, what: `"${text}" on the screen` });
}

describeInTerminal('the monitor in a terminal (needs script of util-linux)', () => {
  test('shows the daemon live, fits a narrower window, waits while the daemon is away, and ends with q', async () => {
    const pty = new Pty(['monitor', '--to', daemon.url, '--data-dir', join(dir.path, 'data')]);
    await inPty(pty, async () => {
      const status = await daemon.status();
      await frameWith(pty, `meshbridge ${status.version} on ${status.node}`);
      const frame = await frameWith(pty, 'ERRORS');
      for (const title of ['INPUTS', 'TARGETS', 'QUEUE', 'OUTPUTS', 'ERRORS', 'q quit']) {
        expect(frame.some((line) => line.startsWith(title))).toBe(true);
      }
      await post();
      await until(() => pty.frame().some((line) => /^zipkin\S*\s+traces\s+1\s/.test(line)), {
        ...patient,
        what: 'the span',
      });
      await frameWith(pty, 'elsewhere does not take traces');

      await pty.resize(44, 12);
      await until(() => pty.frame().length === 12, { ...patient, what: '12 rows' });
      expect(pty.frame().filter((line) => line.length > 44)).toEqual([]);
      const below = pty.frame().at(-1);
      expect(below).toMatch(/^q quit · ↓ \d+ more lines$/);
      pty.press('\u001b[6~');
      await until(() => pty.frame().at(-1) !== below, { ...patient, what: 'the next page' });
      pty.press('g');
      await frameWith(pty, `meshbridge ${status.version}`);

      const { port } = daemon;
      await daemon.end();
      await pty.resize(100, 40);
      await frameWith(pty, `waiting for the daemon at http://127.0.0.1:${port}`);
      expect(pty.frame().some((line) => line.startsWith('OUTPUTS'))).toBe(true);
      daemon = await start(port);
      await until(() => !pty.frame().some((line) => line.startsWith('waiting')), { ...patient, what: 'it is back' });

      pty.press('q');
      expect(await pty.exited).toBe(0);
      expect(pty.output.endsWith('\u001b[?7h\u001b[?25h\u001b[?1049l')).toBe(true);
      expect(pty.output).toContain('\u001b[31m');
    });
  });

  test('has no colours with NO_COLOR, and ends with Ctrl-C', async () => {
    const pty = new Pty(['monitor', '--to', daemon.url], { NO_COLOR: '1' });
    await inPty(pty, async () => {
      await frameWith(pty, 'INPUTS');
      pty.press('\u0003');
      expect(await pty.exited).toBe(0);
      expect(pty.output).not.toContain('m\u001b');
      expect(pty.output.includes('\u001b[3') || pty.output.includes('\u001b[2m')).toBe(false);
    });
  });
});

test('what is no terminal gets one picture, without anything that steers one', async () => {
  const { stdout } = await run(process.execPath, [program, 'monitor', '--to', daemon.url]);
  expect(stdout).toContain('INPUTS');
  expect(stdout).not.toContain('\u001b');
  const nobody = run(process.execPath, [program, 'monitor', '--to', gone]);
  await expect(nobody).rejects.toMatchObject({ code: 1, stdout: expect.stringContaining('nothing listens there') });
});

describe('the doctor', () => {
  test('names what is not as it should be, and says the same as JSON', async () => {
    await post();
    await until(
      async () =>
        (await daemon.status()).lanes.some(({ outputs }) => outputs.some(({ state }) => state === 'retrying')),
      { ...patient, what: 'an output that is away' },
    );
    const { stdout } = await run(process.execPath, [program, 'doctor', '--to', daemon.url]);
    expect(stdout).toMatch(/yellow\s+outputs\.elsewhere\s+“elsewhere” does not take traces: /);
    expect(stdout).toMatch(/green\s+disk /);
    expect(stdout).toMatch(/\n\d+ green, \d+ yellow, 0 red, \d+ unknown\n$/);
    const json = await run(process.execPath, [program, 'doctor', '--to', daemon.url, '--json']);
    const { lights } = JSON.parse(json.stdout) as { lights: { id: string; state: string }[] };
    expect(lights.find(({ id }) => id === 'outputs.elsewhere')?.state).toBe('yellow');
    expect(new Set(lights.map(({ id }) => id)).size).toBe(lights.length);
  });

  test('ends with 1 where nobody answers', async () => {
    await expect(run(process.execPath, [program, 'doctor', '--to', gone])).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('nothing listens there; name another with --to'),
    });
  });
});
