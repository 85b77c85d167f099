import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { parse } from 'yaml';
import { z } from 'zod';
import { formatFault, type LoadedConfig } from '../config/load.ts';
import { BridgeError } from '../contract/errors.ts';
import { exitCodes } from './exit-codes.ts';
import type { Terminal } from './terminal.ts';

const postSchema = z.strictObject({
  path: z.string().startsWith('/'),
  body: z.string(),
  headers: z.record(z.string(), z.string()).default({}),
  status: z.int().optional(),
});
const testSchema = z.strictObject({
  name: z.string().min(1),
  post: z.array(postSchema).default([]),
  recording: z.string().optional(),
  expect: z.array(z.record(z.string(), z.unknown())).default([]),
  count: z.int().min(0).optional(),
});
const fileSchema = z.strictObject({
  config: z.string().optional(),
  config_dir: z.string().optional(),
  tests: z.array(testSchema).min(1),
});
type ConfigTest = z.output<typeof testSchema>;

/** What a test is run on. */
export interface TestStage {
  start(): Promise<void>;
  stop(): Promise<void>;
  post(post: { path: string; body: string; headers: Readonly<Record<string, string>> }): Promise<number>;
  play(recording: Uint8Array): void;
  items(): readonly Readonly<Record<string, unknown>>[];
}

export interface TestContext {
  readonly cwd: string;
  readonly terminal: Terminal;
  readonly load: (configDir: string) => Promise<LoadedConfig>;
  readonly stage: (config: LoadedConfig, dataDir: string) => TestStage;
}

/** `meshbridge test`: runs tests of a configuration. Resolves with the exit code. */
export async function test(files: readonly string[], context: TestContext): Promise<number> {
  let failed = 0;
  let passed = 0;
  for (const file of files) {
    const { tests, ...where } = await readTests(resolve(context.cwd, file), file);
    const dir = await mkdtemp(join(tmpdir(), 'meshbridge-test-'));
    try {
      const config = await configOf(where, { base: dirname(resolve(context.cwd, file)), dir, file }, context);
      for (const one of tests) {
        const faults = await faultsOf(one, dirname(resolve(context.cwd, file)), context.stage(config, dir));
        context.terminal.out(`${faults.length === 0 ? 'ok    ' : 'FAILED'}  ${file}: ${one.name}`);
        for (const fault of faults) {
          context.terminal.out(`        ${fault}`);
        }
        passed += Number(faults.length === 0);
        failed += Number(faults.length > 0);
      }
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  }
  context.terminal.out(`${passed} passed, ${failed} failed`);
  return failed === 0 ? exitCodes.good : exitCodes.failed;
}

async function readTests(path: string, file: string): Promise<z.output<typeof fileSchema>> {
  try {
    return fileSchema.parse(parse(await readFile(path, 'utf8')));
  } catch (cause) {
    const reason = cause instanceof z.ZodError ? z.prettifyError(cause).replaceAll('\n', ' ') : String(cause);
    throw new BridgeError('BRIDGE_CONFIG', `${file} is no file of tests: ${reason}`, { cause });
  }
}

async function configOf(
  { config, config_dir: configDir }: { readonly config?: string | undefined; readonly config_dir?: string | undefined },
  { base, dir, file }: { readonly base: string; readonly dir: string; readonly file: string },
  { load }: TestContext,
): Promise<LoadedConfig> {
  if (configDir === undefined) {
    await writeFile(join(dir, 'test.conf'), config ?? '');
  }
  const loaded = await load(configDir === undefined ? dir : resolve(base, configDir));
  if (loaded.faults.length > 0) {
    throw new BridgeError('BRIDGE_CONFIG', `${file}: ${loaded.faults.map(formatFault).join('\n')}`);
  }
  return loaded;
}

async function faultsOf(test: ConfigTest, base: string, stage: TestStage): Promise<readonly string[]> {
  const faults: string[] = [];
  await stage.start();
  try {
    for (const { status: wanted, ...post } of test.post) {
      const status = await stage.post(post);
      if (wanted === undefined ? status >= 300 : status !== wanted) {
        faults.push(`POST ${post.path} was answered with ${status}${wanted === undefined ? '' : `, not ${wanted}`}`);
      }
    }
    if (test.recording !== undefined) {
      stage.play(await readFile(resolve(base, test.recording)));
    }
  } finally {
    await stage.stop();
  }
  const items = stage.items();
  const missing = test.expect.filter((pattern) => !items.some((item) => fits(pattern, item)));
  faults.push(...missing.map((pattern) => `nothing is like ${JSON.stringify(pattern)}`));
  if (test.count !== undefined && items.length !== test.count) {
    faults.push(`there are ${items.length} items, not ${test.count}`);
  }
  return faults.length === 0
    ? []
    : [...faults, ...items.slice(0, 20).map((item) => `there is  ${JSON.stringify(item)}`)];
}

/** All keys of a pattern must be there and fit; a text between slashes is a regular expression. */
function fits(pattern: unknown, value: unknown): boolean {
  if (typeof pattern === 'string' && typeof value === 'string' && /^\/.+\/$/s.test(pattern)) {
    return new RegExp(pattern.slice(1, -1)).test(value);
  }
  if (typeof pattern !== 'object' || pattern === null || Array.isArray(pattern)) {
    return isDeepStrictEqual(pattern, value);
  }
  const fields = typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {};
  return Object.entries(pattern).every(([key, inner]) => fits(inner, fields[key]));
}
