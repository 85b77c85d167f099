import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { formatFault, type LoadedConfig } from '../config/load.ts';
import { BridgeError } from '../contract/errors.ts';
import { exitCodes } from './exit-codes.ts';
import type { Terminal } from './terminal.ts';
import { type ConfigTest, readTests, type TestedConfig, type WrittenLog, type WrittenPage } from './test-file.ts';
import { type Difference, differences, linesOf, type TestItem } from './test-outcome.ts';

/** What a test is run on: the inputs of a configuration and its pipeline. What is wrong with what it is given are whole lines. */
export interface TestStage {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Resolves with the status. */
  post(post: { path: string; body: string; headers: Readonly<Record<string, string>> }): Promise<number>;
  scrape(page: WrittenPage): Promise<readonly string[]>;
  read(logs: readonly WrittenLog[]): Promise<readonly string[]>;
  play(recording: Uint8Array): void;
  items(): readonly TestItem[];
}

export interface TestContext {
  readonly cwd: string;
  readonly terminal: Terminal;
  readonly load: (config: TestedConfig) => Promise<LoadedConfig>;
  /** `dataDir` is empty, and removed afterwards. */
  readonly stage: (config: LoadedConfig, dataDir: string) => TestStage;
}

export interface TestOptions {
  readonly files: readonly string[];
  readonly json: boolean;
}

interface Result {
  readonly name: string;
  readonly file: string;
  readonly ok: boolean;
  readonly differences: readonly Difference[];
}

/** `meshbridge test`: runs tests of a configuration. Resolves with the exit code. */
export async function test({ files, json }: TestOptions, context: TestContext): Promise<number> {
  const { out } = context.terminal;
  const results: Result[] = [];
  for (const file of files) {
    for await (const result of resultsOf(file, context)) {
      results.push(result);
      for (const line of json ? [] : resultLines(result)) {
        out(line);
      }
    }
  }
  const passed = results.filter(({ ok }) => ok).length;
  const failed = results.length - passed;
  out(json ? JSON.stringify({ passed, failed, tests: results }, undefined, 2) : `${passed} passed, ${failed} failed`);
  return failed === 0 ? exitCodes.good : exitCodes.failed;
}

function resultLines({ name, file, ok, differences: found }: Result): readonly string[] {
  return [`${ok ? 'ok    ' : 'FAILED'}  ${file}: ${name}`, ...found.flatMap(linesOf).map((line) => `        ${line}`)];
}

async function* resultsOf(file: string, { cwd, load, stage }: TestContext): AsyncGenerator<Result> {
  const { config, tests } = await readTests(resolve(cwd, file), file);
  const loaded = await load(config);
  if (loaded.faults.length > 0) {
    throw new BridgeError('BRIDGE_CONFIG', `${file}: ${loaded.faults.map(formatFault).join('\n')}`);
  }
  for (const one of tests) {
    const dir = await mkdtemp(join(tmpdir(), 'meshbridge-test-'));
    try {
      const found = await outcomeOf(one, stage(loaded, dir));
      yield { name: one.name, file, ok: found.length === 0, differences: found };
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  }
}

async function outcomeOf(test: ConfigTest, stage: TestStage): Promise<readonly Difference[]> {
  const wrong: string[] = [];
  await stage.start();
  try {
    for (const { status: wanted, ...post } of test.post) {
      const status = await stage.post(post);
      if (wanted === undefined ? status >= 300 : status !== wanted) {
        wrong.push(`POST ${post.path} was answered with ${status}${wanted === undefined ? '' : `, not ${wanted}`}`);
      }
    }
    for (const page of test.scrape) {
      wrong.push(...(await stage.scrape(page)));
    }
    if (test.logs.length > 0) {
      wrong.push(...(await stage.read(test.logs)));
    }
    if (test.recording !== undefined) {
      stage.play(test.recording);
    }
  } finally {
    await stage.stop();
  }
  return [...wrong.map((message) => ({ message })), ...differences(test, stage.items())];
}
