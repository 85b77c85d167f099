import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../fakes/free-port.ts';
import { until } from '../fakes/until.ts';

export interface Chdb {
  readonly url: string;
  /** What a query returns, as tab-separated text: a row of texts for each line. Escapes are as they come. */
  query(statement: string): Promise<readonly (readonly string[])[]>;
  stop(): Promise<void>;
}

export interface ChdbOptions {
  /** The virtual environment. */
  readonly environment: string;
  /** Its data: an empty directory, or that of one that was stopped. */
  readonly dir: string;
  /** Default: a free one. */
  readonly port?: number;
  /** Who may log in; without it everybody. */
  readonly login?: { readonly user: string; readonly password: string };
}

/** ClickHouse's real engine on a loopback port; the HTTP interface before it is our own (chdb-server.py). */
export async function startChdb(options: ChdbOptions): Promise<Chdb> {
  const { environment, dir, login } = options;
  await mkdir(dir, { recursive: true });
  const port = options.port ?? (await freePort());
  const script = join(import.meta.dirname, 'chdb-server.py');
  const args = [script, dir, String(port), ...(login === undefined ? [] : [login.user, login.password])];
  const child = spawn(join(environment, 'bin/python'), args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk) => {
    said = (said + String(chunk)).slice(-10_000);
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const url = `http://127.0.0.1:${port}`;
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
  };
  try {
    await until(
      async () => {
        if (child.exitCode !== null) {
          throw new Error(`it ended with ${child.exitCode}: ${said}`);
        }
        return (await fetch(url)).ok;
      },
      { what: 'an answer of the engine' },
    );
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, query: (statement) => query(url, statement, login), stop };
}

async function query(
  url: string,
  statement: string,
  login: ChdbOptions['login'],
): Promise<readonly (readonly string[])[]> {
  const headers = login === undefined ? {} : { 'x-clickhouse-user': login.user, 'x-clickhouse-key': login.password };
  const answer = await fetch(url, { method: 'POST', body: statement, headers });
  const text = await answer.text();
  if (!answer.ok) {
    throw new Error(text);
  }
  return text === ''
    ? []
    : text
        .replace(/\n$/, '')
        .split('\n')
        .map((line) => line.split('\t'));
}
