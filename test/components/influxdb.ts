import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../fakes/free-port.ts';
import { until } from '../fakes/until.ts';

export interface Influxdb {
  readonly url: string;
  /** Rows of an InfluxQL query, each with its columns by name; tags of a `group by` are among them. */
  query(database: string, statement: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
  stop(): Promise<void>;
}

interface Series {
  readonly tags?: Readonly<Record<string, string>>;
  readonly columns: readonly string[];
  readonly values: readonly (readonly unknown[])[];
}

/** A real InfluxDB 1.x on a free loopback port. `dir` is an empty directory of its own, or that of one that was stopped. */
export async function startInfluxdb(options: {
  readonly program: string;
  readonly dir: string;
  /** Default: a free one. */
  readonly port?: number;
}): Promise<Influxdb> {
  const { program, dir } = options;
  await mkdir(dir, { recursive: true });
  const [port, backup] = [options.port ?? (await freePort()), await freePort()];
  const config = join(dir, 'influxdb.conf');
  await writeFile(
    config,
    `reporting-disabled = true
bind-address = "127.0.0.1:${backup}"
[meta]
  dir = "${dir}/meta"
[data]
  dir = "${dir}/data"
  wal-dir = "${dir}/wal"
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:${port}"
`,
  );
  const child = spawn(program, ['-config', config], { stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const url = `http://127.0.0.1:${port}`;
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
  };
  try {
    await until(async () => (await fetch(`${url}/ping`)).status === 204, {
      what: 'an answer of InfluxDB',
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, query: (database, statement) => query(url, database, statement), stop };
}

async function query(
  url: string,
  database: string,
  statement: string,
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const body = new URLSearchParams({ db: database, q: statement, epoch: 'ns' });
  const answer = await fetch(`${url}/query`, { method: 'POST', body });
  const { results, error } = (await answer.json()) as {
    results?: readonly { series?: readonly Series[]; error?: string }[];
    error?: string;
  };
  const fault = error ?? results?.find((result) => result.error !== undefined)?.error;
  if (fault !== undefined) {
    throw new Error(fault);
  }
  return (results ?? []).flatMap(({ series = [] }) =>
    series.flatMap(({ tags, columns, values }) =>
      values.map((row) => ({ ...tags, ...Object.fromEntries(columns.map((name, i) => [name, row[i]])) })),
    ),
  );
}
